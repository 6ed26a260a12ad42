import { LRUCache } from 'lru-cache';
import { type GuardrailCall, modelsOf } from '../guardrail/call.ts';
import { stateKey } from '../guardrail/caller.ts';
import { boundedBy, charsOfAll } from '../guardrail/memory.ts';
import { globs, MAX_NAME } from './glob.ts';
import { copyOf } from './markers.ts';

const MAX_AGE_MS = 15 * 60_000;

/**
 * The models that requests asked for, for their responses, which name the provider's model. A client can make several calls
 * under one id and one trace. Nothing tells which of them a response belongs to, or that it was the last: all of their models
 * count, and a later call loosens no earlier one.
 */
export class RequestedModels {
  readonly #isMatch: readonly ((model: string) => boolean)[];
  /** By call: one model of each kind that the rules tell apart, so that nobody can push out another by many names. */
  readonly #models = new LRUCache<string, readonly string[]>({
    ttl: MAX_AGE_MS,
    ...boundedBy('state of calls', charsOfAll),
  });

  /** @param patterns the globs of each rule that is about models */
  constructor(patterns: readonly (readonly string[])[]) {
    this.#isMatch = patterns.map((one) => globs(one));
  }

  /** The models of a request, which are remembered; of a response those that its request can have asked for. */
  of(call: GuardrailCall): readonly (string | null)[] {
    const key = stateKey(call);
    const known = key === undefined ? undefined : this.#models.get(key);
    if (call.input_type === 'response' && known !== undefined) return known;
    const names = modelsOf(call);
    const models = names.length > 0 ? names : [call.model];
    if (key === undefined || call.input_type === 'response') return models;
    if (names.length > 0)
      this.tell(
        key,
        names.map((name) => copyOf(name.slice(0, MAX_NAME))),
      );
    return models;
  }

  /** The models that a call, or the request of a response, asked for; undefined for a response whose request is not known. */
  askedFor(call: GuardrailCall): readonly (string | null)[] | undefined {
    if (call.input_type === 'response') return this.told(stateKey(call) ?? '');
    const names = modelsOf(call);
    return names.length > 0 ? names : [null];
  }

  /** The models that were asked for under a state key, for another thread. */
  told(key: string): readonly string[] | undefined {
    return this.#models.get(key);
  }

  /** Adds models to those that were asked for. */
  tell(key: string, models: readonly string[]): void {
    const known = this.#models.get(key) ?? [];
    this.#models.set(
      key,
      models.reduce<readonly string[]>((all, model) => this.#with(all, model), known),
    );
  }

  #with(known: readonly string[], model: string): readonly string[] {
    return known.every((one) => this.#areTold(one, model)) ? [...known, model] : known;
  }

  /** True if some rule is about one of two models and not about the other. */
  #areTold(one: string, other: string): boolean {
    return one !== other && this.#isMatch.some((isMatch) => isMatch(one) !== isMatch(other));
  }
}
