import { LRUCache } from 'lru-cache';

export type RequestMemory = {
  remember(litellmCallId: string, body: Buffer): void;
  /** The body of the request with that `litellm_call_id`, if this instance saw it not too long ago. */
  recall(litellmCallId: string): Buffer | undefined;
};

/**
 * LiteLLM sends an answer without the request it belongs to, and some backends judge both together. Requests are kept in
 * memory alone, bounded by size and age, and forgotten at a restart; another replica may hold the request, or none.
 *
 * What is kept are the bytes as they came, off the heap: parsed conversations cost the garbage collector most of the
 * throughput, and strings twice the memory.
 */
export function createRequestMemory({
  maxBytes = 64 * 1024 * 1024,
  maxAgeMs = 15 * 60_000,
} = {}): RequestMemory {
  const bodies = new LRUCache<string, Buffer>({ maxSize: maxBytes, ttl: maxAgeMs, ttlResolution: 1000 });
  return {
    remember(litellmCallId, body) {
      bodies.set(litellmCallId, body, { size: body.length + litellmCallId.length });
    },
    recall: (litellmCallId) => bodies.get(litellmCallId),
  };
}
