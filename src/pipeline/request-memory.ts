import { LRUCache } from 'lru-cache';
import type { GuardrailCall } from '../guardrail/call.ts';

export type RequestMemory = {
  /** Keeps a request; an answer is not kept. */
  remember(call: GuardrailCall): void;
  /** For an answer, the request with the same `litellm_call_id`, if this instance saw it not too long ago. */
  recall(call: GuardrailCall): GuardrailCall | undefined;
};

/**
 * LiteLLM sends an answer without the request it belongs to, and some backends want to see both. Requests are kept in
 * memory alone, bounded by size and age, and forgotten at a restart; another replica may hold the request, or none.
 */
export function createRequestMemory({
  maxCharacters = 64 * 1024 * 1024,
  maxAgeMs = 15 * 60_000,
} = {}): RequestMemory {
  const requests = new LRUCache<string, GuardrailCall>({
    maxSize: maxCharacters,
    ttl: maxAgeMs,
    sizeCalculation: (call) => call.size + 1,
  });
  return {
    remember(call) {
      if (call.input_type === 'request' && call.litellm_call_id !== null)
        requests.set(call.litellm_call_id, call);
    },
    recall(call) {
      return call.input_type === 'response' && call.litellm_call_id !== null
        ? requests.get(call.litellm_call_id)
        : undefined;
    },
  };
}
