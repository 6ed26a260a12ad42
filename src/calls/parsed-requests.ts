import { LRUCache } from 'lru-cache';
import type { GuardrailCall } from '../guardrail/call.ts';
import type { Decision } from '../guardrail/decision.ts';
import { memoryBytes } from '../guardrail/memory.ts';
import { parseGuardrailCall } from '../litellm/request.ts';
import type { KeptRequests } from './call-handler.ts';
import { PASSAGE_BYTES } from './request-memory.ts';

const MAX_REQUESTS = 1000;
const MAX_AGE_MS = 15 * 60_000;

/** Keeps large requests for their responses, as they were parsed: none is read again in each round of a stream. */
export class ParsedRequests implements KeptRequests {
  /** By state key. */
  readonly #known = new LRUCache<string, GuardrailCall>({
    max: MAX_REQUESTS,
    ttl: MAX_AGE_MS,
    maxSize: memoryBytes('large requests'),
  });

  remember(key: string, { outcome, forwarded }: Decision, body: Buffer): void {
    // A blocked request has no response
    if (outcome.kind !== 'block' && outcome.kind !== 'cancelled') this.#set(key, forwarded, body.length);
  }

  recall(key: string): GuardrailCall | undefined {
    return this.#known.get(key);
  }

  keep(key: string, body: Buffer): void {
    // It was taken when it came
    const parsed = parseGuardrailCall(body.toString(), Number.POSITIVE_INFINITY);
    if ('call' in parsed) this.#set(key, parsed.call, body.length);
  }

  #set(key: string, call: GuardrailCall, bytes: number): void {
    const { chars, all } = call.passages;
    this.#known.set(key, call, { size: 1 + 2 * Math.max(bytes, chars) + PASSAGE_BYTES * all.length });
  }
}
