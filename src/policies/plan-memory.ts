import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import { boundedBy } from '../guardrail/memory.ts';
import { RequestedModels } from './requested-models.ts';

/** A stream can take this long. */
const MAX_AGE_MS = 15 * 60_000;

type Patterns = readonly (readonly string[])[];

/** All that the plan of a call goes by which calls before it told. It outlives a reload of the policies. */
export class PlanMemory {
  /** Where the strictest of the requests under the same ids stands among all: responses are judged alike. */
  readonly places = new LRUCache<string, number>({
    ttl: MAX_AGE_MS,
    ...boundedBy('state of calls', () => 0),
  });
  /** Requests of which no record goes to anybody: a response can tell less of its caller. */
  readonly unrecorded = new LRUCache<string, true>({
    ttl: MAX_AGE_MS,
    ...boundedBy('state of calls', () => 0),
  });
  #models: { readonly patterns: Patterns; readonly requested: RequestedModels } | undefined;

  /**
   * The models that requests asked for. They are remembered by what the rules tell apart: other rules begin anew.
   *
   * @param patterns the globs of each rule that is about models
   */
  modelsBy(patterns: Patterns): RequestedModels {
    if (this.#models !== undefined && isDeepStrictEqual(this.#models.patterns, patterns))
      return this.#models.requested;
    const requested = new RequestedModels(patterns);
    this.#models = { patterns, requested };
    return requested;
  }
}
