/** Which calls events belong to that do not say so, as far as it was found out lately. */
export type Joined = {
  /** The call that this very event was found to belong to. */
  of(eventKey: string): string | undefined;
  add(eventKey: string, callKey: string): void;
  /** A failure tells its call; the success that comes of a later attempt tells no more than the same trace and words. */
  failed(traceKey: string, callId: string): void;
  /** The failed call that a success belongs to, once. */
  recovered(traceKey: string): string | undefined;
};

/**
 * For LiteLLM releases without `litellm_call_id` in successes. A client can give many calls one trace: what then belongs
 * to several is taken to belong to none.
 *
 * @param max of events, and of failures; beyond that the oldest are forgotten
 */
export function createJoined(max = 10_000): Joined {
  const byEvent = new Map<string, string>();
  const byTrace = new Map<string, string | null>();

  function put<T>(map: Map<string, T>, key: string, value: T): void {
    map.set(key, value);
    if (map.size > max) map.delete(map.keys().next().value as string);
  }

  return {
    of: (eventKey) => byEvent.get(eventKey),
    add: (eventKey, callKey) => put(byEvent, eventKey, callKey),
    failed(traceKey, callId) {
      const known = byTrace.get(traceKey);
      put(byTrace, traceKey, known === undefined || known === callId ? callId : null);
    },
    recovered(traceKey) {
      const callId = byTrace.get(traceKey) ?? undefined;
      byTrace.delete(traceKey);
      return callId;
    },
  };
}
