import { LRUCache } from 'lru-cache';
import { boundedBy } from '../guardrail/memory.ts';
import { orNothing, type SharedKey, type SharedState } from '../state/shared-state.ts';
import type { BlockedCall } from './protocol.ts';

/** Blocked results that wait for LiteLLM to log their call, which takes seconds. */
const MAX_RESULTS = 1000;
/** Longer than LiteLLM keeps an event to itself. */
const SHARED_MS = 10 * 60_000;

export type BlockedResult = Pick<BlockedCall, 'note' | 'block'>;

const keyOf = (ref: string): SharedKey => `blocked_results:${ref}`;

/**
 * Blocked results of MCP tools by their reference: LiteLLM's failure event tells whose they are. It can come to another replica, so they are
 * shared, encrypted: the reason of a block is the vendor's text.
 */
export class BlockedResults {
  readonly #state: SharedState | undefined;
  readonly #results = new LRUCache<string, BlockedResult>({
    max: MAX_RESULTS,
    ...boundedBy('blocked results', (result: object) => JSON.stringify(result).length),
  });

  constructor(state?: SharedState) {
    this.#state = state;
  }

  get(ref: string): BlockedResult | undefined {
    return this.#results.get(ref);
  }

  /** Resolves once others can read it, or it cannot be shared, which was counted. */
  async add(ref: string, result: BlockedResult): Promise<void> {
    this.#results.set(ref, result);
    const value = Buffer.from(JSON.stringify(result));
    await orNothing(this.#state?.write([{ key: keyOf(ref), value, ttlMs: SHARED_MS }]));
  }

  /** Reads those that another replica blocked. */
  async fetch(refs: readonly string[]): Promise<void> {
    const wanted = refs.filter((ref) => !this.#results.has(ref));
    if (this.#state === undefined || wanted.length === 0) return;
    const found = await orNothing(this.#state.read(wanted.map(keyOf)));
    for (const ref of wanted) {
      const value = found?.get(keyOf(ref));
      if (value !== undefined) this.#results.set(ref, JSON.parse(value.toString()) as BlockedResult);
    }
  }
}
