import { LRUCache } from 'lru-cache';

export type RequestMemory = {
  remember(litellmCallId: string, body: string): void;
  /** The body of the request with that `litellm_call_id`, if this instance saw it not too long ago. */
  recall(litellmCallId: string): string | undefined;
};

/**
 * LiteLLM sends an answer without the request it belongs to, and some backends judge both together. Requests are kept in
 * memory alone, bounded by size and age, and forgotten at a restart; another replica may hold the request, or none.
 *
 * What is kept is the text and not what was parsed from it: one string costs the garbage collector nothing, the many
 * objects of a conversation took most of the throughput.
 */
export function createRequestMemory({
  maxCharacters = 64 * 1024 * 1024,
  maxAgeMs = 15 * 60_000,
} = {}): RequestMemory {
  const bodies = new LRUCache<string, string>({ maxSize: maxCharacters, ttl: maxAgeMs, ttlResolution: 1000 });
  return {
    remember(litellmCallId, body) {
      bodies.set(litellmCallId, body, { size: body.length + litellmCallId.length });
    },
    recall: (litellmCallId) => bodies.get(litellmCallId),
  };
}
