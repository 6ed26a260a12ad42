import type { InputType } from '../guardrail/call.ts';
import type { CheckNote, VerdictNote } from '../guardrail/record.ts';

export type Notes = {
  add(note: VerdictNote): void;
  /** Adds what a backend said after the call was answered. */
  addCheck(callId: string, inputType: InputType, check: CheckNote): void;
  /** What the bridge said about a call: one note for its request, one for its answer. */
  of(callId: string): readonly VerdictNote[];
  /** Marks that an event of this call has arrived, which tells its id; with its start it is not looked for any longer. */
  seen(callId: string, startedAt?: number): void;
  /**
   * The call that an event without `litellm_call_id` belongs to, which is seen then: the only one with its trace id, or
   * of those with its fingerprint the one that was asked about nearest to its start. It is found by its fingerprint once.
   */
  find(event: {
    traceId: string | undefined;
    fingerprint: () => string;
    startedAt: number;
    endedAt: number;
  }): string | undefined;
  /** How many calls that began before then have had no event, though they were not blocked; each is told once. */
  missing(before: number): number;
  /** Forgets calls that began before then. */
  forget(before: number): void;
  readonly size: number;
};

/** A request that the bridge was asked about, and that an event can be found to belong to. */
type Ask = {
  readonly callId: string;
  readonly traceId: string | null;
  readonly fingerprint: string;
  readonly at: number;
};
type Call = { readonly at: number; readonly notes: VerdictNote[]; readonly asks: Ask[] };

/** Between a request's check and the start of its call, as LiteLLM tells it: slow verdicts, other guardrails, queues. */
const LAG_MS = 15_000;
/** Between the clocks of LiteLLM and the bridge. */
const SKEW_MS = 1000;
/** Of one call id, which a client can use for all its calls. */
const MAX_ASKS = 100;
/** Of what was said before its call was answered. */
const MAX_EARLY = 10_000;

/**
 * What the bridge answered, by `litellm_call_id`, until LiteLLM's event tells how the call ended. Kept in memory; the worker
 * writes what comes in to the outbox, and reads it again after a restart.
 *
 * @param maxCalls beyond that the oldest are forgotten
 * @param onForgotten told of each that had to be forgotten before its time
 */
export function createNotes(maxCalls = 200_000, onForgotten: () => void = () => {}): Notes {
  const calls = new Map<string, Call>();
  const unseen = new Map<string, Call>();
  const byTrace = new Map<string, Set<string>>();
  const byFingerprint = new Map<string, Set<Ask>>();
  const early = new Map<string, CheckNote[]>();

  function index<T>(map: Map<string, Set<T>>, key: string, value: T): void {
    const values = map.get(key);
    if (values === undefined) map.set(key, new Set([value]));
    else values.add(value);
  }

  function unindex<T>(map: Map<string, Set<T>>, key: string, value: T): void {
    const values = map.get(key);
    values?.delete(value);
    if (values?.size === 0) map.delete(key);
  }

  function untrace({ litellm_call_id, litellm_trace_id }: VerdictNote): void {
    if (litellm_trace_id !== null) unindex(byTrace, litellm_trace_id, litellm_call_id);
  }

  /** No event is found to belong to it any longer. */
  function drop(call: Call, asks: readonly Ask[]): void {
    for (const ask of asks) {
      call.asks.splice(call.asks.indexOf(ask), 1);
      unindex(byFingerprint, ask.fingerprint, ask);
    }
  }

  function addAsk(call: Call, ask: Ask): void {
    // Several guardrails ask about one request
    drop(
      call,
      call.asks.filter(({ traceId }) => traceId === ask.traceId),
    );
    drop(call, call.asks.slice(0, Math.max(0, call.asks.length - MAX_ASKS + 1)));
    call.asks.push(ask);
    index(byFingerprint, ask.fingerprint, ask);
  }

  function addTo(callId: string, inputType: InputType, checks: readonly CheckNote[]): boolean {
    const noted = calls.get(callId)?.notes ?? [];
    const i = noted.findIndex(({ input_type }) => input_type === inputType);
    const note = noted[i];
    if (note !== undefined) noted[i] = { ...note, checks: [...note.checks, ...checks] };
    return note !== undefined;
  }

  function remove(callId: string, call: Call): void {
    calls.delete(callId);
    unseen.delete(callId);
    call.notes.forEach(untrace);
    drop(call, [...call.asks]);
  }

  return {
    add(note) {
      const { litellm_call_id: callId, litellm_trace_id: traceId, fingerprint } = note;
      let call = calls.get(callId);
      if (call === undefined) {
        call = { at: note.at, notes: [], asks: [] };
        calls.set(callId, call);
        unseen.set(callId, call);
        if (calls.size > maxCalls) {
          const [oldestId, oldest] = calls.entries().next().value as [string, Call];
          remove(oldestId, oldest);
          onForgotten();
        }
      }
      const isOther = (one: VerdictNote) => one.litellm_trace_id !== traceId;
      // A client can give all its calls one id
      if (note.input_type === 'request' && call.notes.some(isOther)) call.notes.splice(0).forEach(untrace);
      const i = call.notes.findIndex(({ input_type }) => input_type === note.input_type);
      const before = call.notes[i];
      // Told again, as its record could not be stored
      if (before === note) return;
      if (before === undefined) call.notes.push(note);
      else {
        untrace(before);
        call.notes[i] = { ...note, calls: (before.calls ?? 1) + 1 };
      }
      if (traceId !== null && !note.isNamed) index(byTrace, traceId, callId);
      if (fingerprint !== undefined) addAsk(call, { callId, traceId, fingerprint, at: note.at - note.ms });
      if (early.size === 0) return;
      const key = `${note.input_type}|${callId}`;
      const checks = early.get(key);
      if (checks === undefined) return;
      early.delete(key);
      addTo(callId, note.input_type, checks);
    },
    addCheck(callId, inputType, check) {
      if (addTo(callId, inputType, [check])) return;
      // Whoever only observes can be quicker than whoever is waited for
      const key = `${inputType}|${callId}`;
      early.set(key, [...(early.get(key) ?? []).slice(0, 9), check]);
      if (early.size > MAX_EARLY) early.delete(early.keys().next().value as string);
    },
    of: (callId) => calls.get(callId)?.notes ?? [],
    seen(callId, startedAt) {
      unseen.delete(callId);
      const call = calls.get(callId);
      // What was blocked can still be followed by the success that was blocked
      if (call === undefined || startedAt === undefined || isBlocked(call)) return;
      const ask = nearest(call.asks, startedAt);
      if (ask !== undefined) drop(call, [ask]);
    },
    find({ traceId, fingerprint, startedAt, endedAt }) {
      const traced = (traceId !== undefined && byTrace.get(traceId)) || new Set();
      const [only] = traced.size === 1 ? traced : [];
      const asks = only === undefined ? byFingerprint.get(fingerprint()) : calls.get(only)?.asks;
      const isInTime = ({ at }: Ask) => Math.abs(at - startedAt) <= LAG_MS && at < endedAt + SKEW_MS;
      const ask = nearest([...(asks ?? [])].filter(isInTime), startedAt);
      const callId = only ?? ask?.callId;
      if (callId === undefined) return undefined;
      unseen.delete(callId);
      const call = calls.get(callId);
      if (call !== undefined && ask !== undefined) drop(call, [ask]);
      return callId;
    },
    missing(before) {
      let missing = 0;
      for (const [callId, call] of unseen) {
        if (call.at >= before) break;
        if (!isBlocked(call)) missing++;
        unseen.delete(callId);
      }
      return missing;
    },
    forget(before) {
      for (const [callId, call] of calls) {
        if (call.at >= before) break;
        remove(callId, call);
      }
    },
    get size() {
      return calls.size;
    },
  };
}

function isBlocked({ notes }: Call): boolean {
  return notes.some(({ action }) => action === 'BLOCKED');
}

function nearest(asks: Iterable<Ask>, at: number): Ask | undefined {
  let found: Ask | undefined;
  for (const ask of asks) {
    if (found === undefined || Math.abs(ask.at - at) < Math.abs(found.at - at)) found = ask;
  }
  return found;
}
