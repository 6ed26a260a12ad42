import { LRUCache } from 'lru-cache';
import { boundedBy } from '../guardrail/memory.ts';
import type { CheckNote, NotedCall } from '../guardrail/record.ts';

/** Of one call. */
const MAX_CHECKS = 10;
/** Longer than any backend's deadline. */
const MAX_AGE_MS = 10 * 60_000;
/** Characters of a check, as long as the names of backends are. */
const CHECK_CHARS = 100;

/** Results of observing backends that were quicker than the decision on their call. */
export class EarlyChecks {
  readonly #checks: LRUCache<string, readonly CheckNote[]>;

  constructor(now: () => number) {
    this.#checks = new LRUCache({
      ...{ ttl: MAX_AGE_MS, perf: { now } },
      ...boundedBy('early checks', (checks: readonly CheckNote[]) => CHECK_CHARS * checks.length),
    });
  }

  get size(): number {
    return this.#checks.size;
  }

  add(call: NotedCall, check: CheckNote): void {
    const early = this.#checks.get(keyOf(call)) ?? [];
    this.#checks.set(keyOf(call), [...early.slice(0, MAX_CHECKS - 1), check]);
  }

  /** Those of a call, which are forgotten. */
  take(call: NotedCall): readonly CheckNote[] {
    const early = this.#checks.get(keyOf(call)) ?? [];
    this.#checks.delete(keyOf(call));
    return early;
  }
}

function keyOf({ input_type, litellm_call_id, litellm_trace_id }: NotedCall): string {
  return `${input_type}|${litellm_call_id}|${litellm_trace_id}`;
}
