import { LRUCache } from 'lru-cache';
import type { GuardrailCall } from '../guardrail/call.ts';
import type { Decision } from '../guardrail/decision.ts';
import { memoryBytes } from '../guardrail/memory.ts';
import type { KeptRequests } from './call-handler.ts';

const MAX_AGE_MS = 15 * 60_000;
/** Memory of a parsed passage beside its text. */
const PASSAGE_BYTES = 200;

/** Keeps large requests for their responses, as they were parsed: none is read again in each round of a stream. */
export class ParsedRequests implements KeptRequests {
  readonly #isWanted: boolean;
  readonly #onKept: (key: string) => void;
  readonly #calls = new LRUCache<string, GuardrailCall>({
    max: 1000,
    ttl: MAX_AGE_MS,
    maxSize: memoryBytes('large requests'),
  });

  /**
   * @param isWanted false if nobody asks for requests
   * @param onKept called for each request whose response belongs here
   */
  constructor(isWanted: boolean, onKept: (key: string) => void) {
    this.#isWanted = isWanted;
    this.#onKept = onKept;
  }

  remember(key: string, { outcome, forwarded }: Decision, body: Buffer): void {
    this.#calls.delete(key);
    // It has no response
    if (outcome.kind === 'block' || outcome.kind === 'cancelled') return;
    this.#onKept(key);
    if (!this.#isWanted) return;
    const size =
      2 * Math.max(body.length, forwarded.passages.chars) + PASSAGE_BYTES * forwarded.passages.all.length;
    this.#calls.set(key, forwarded, { size });
  }

  recall(key: string): GuardrailCall | undefined {
    return this.#calls.get(key);
  }
}
