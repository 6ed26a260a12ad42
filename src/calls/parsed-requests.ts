import { LRUCache } from 'lru-cache';
import type { GuardrailCall } from '../guardrail/call.ts';
import type { Decision } from '../guardrail/decision.ts';
import { memoryBytes } from '../guardrail/memory.ts';
import type { KeptRequests } from './call-handler.ts';

/** Large requests are few; what the main thread keeps of them when this one ends is bounded likewise. */
export const MAX_REQUESTS = 1000;
export const REQUEST_AGE_MS = 15 * 60_000;
/** Memory of a parsed passage beside its text. */
const PASSAGE_BYTES = 200;

export type ParsedRequestsOptions = {
  /** False if nobody asks for requests. */
  readonly isWanted: boolean;
  /** Called for each request whose response belongs here. */
  readonly onKept: (key: string) => void;
  /** Asks the main thread for a request that was judged there, or in a thread before. */
  readonly ask: (key: string) => Promise<GuardrailCall | undefined>;
};

/** Keeps large requests for their responses, as they were parsed: none is read again in each round of a stream. */
export class ParsedRequests implements KeptRequests {
  readonly #options: ParsedRequestsOptions;
  /** By state key; without a call where nobody asks for it. */
  readonly #known = new LRUCache<string, { readonly call: GuardrailCall | undefined }>({
    max: MAX_REQUESTS,
    ttl: REQUEST_AGE_MS,
    maxSize: memoryBytes('large requests'),
  });

  constructor(options: ParsedRequestsOptions) {
    this.#options = options;
  }

  remember(key: string, { outcome, forwarded }: Decision, body: Buffer): void {
    this.#known.delete(key);
    // It has no response
    if (outcome.kind === 'block' || outcome.kind === 'cancelled') return;
    this.#options.onKept(key);
    this.#set(key, this.#options.isWanted ? forwarded : undefined, body.length);
  }

  recall(key: string): GuardrailCall | undefined {
    return this.#known.get(key)?.call;
  }

  readonly fetch = (key: string): Promise<void> | undefined => {
    if (this.#known.has(key)) return undefined;
    return this.#options.ask(key).then((call) => {
      if (call !== undefined) this.#set(key, call, 0);
    });
  };

  /** All that is kept. */
  entries(): Iterable<[key: string, { readonly call: GuardrailCall | undefined }]> {
    return this.#known.entries();
  }

  #set(key: string, call: GuardrailCall | undefined, bytes: number): void {
    const { chars = 0, all = [] } = call?.passages ?? {};
    this.#known.set(
      key,
      { call },
      { size: 1 + 2 * Math.max(call === undefined ? 0 : bytes, chars) + PASSAGE_BYTES * all.length },
    );
  }
}
