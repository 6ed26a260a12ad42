import { LRUCache } from 'lru-cache';
import { type GuardrailCall, modelsOf } from '../../guardrail/call.ts';
import { stateKey } from '../../guardrail/caller.ts';
import { MAX_NAME } from '../glob.ts';

/**
 * The model of an answer beside the one that was asked for: `allowed` if the caller could have asked for it, `foreign` if it is
 * certainly another that the caller could not, `unknown` if the names do not tell.
 */
export type AnswerModel = 'allowed' | 'foreign' | 'unknown';

type Asked = { readonly model: string; answer?: { readonly name: string | null; readonly is: AnswerModel } };

/** A call can stream this long. */
const ASKED_AGE_MS = 60 * 60_000;
const MAX_MODELS = 500;
const MAX_NAMES = 16;

/**
 * Compares the models of answers with those that were asked for. LiteLLM shows a request with the name of its model group and an
 * answer with the provider's name, and neither what a group consists of nor that a fallback was taken; so names are learned:
 *
 * 1. An answer is `allowed` if its name, without provider and date, is allowed, or if the longest name of a known group that is a
 *    part of it is the asked one or an allowed one (`gpt-4o` in `openai/gpt-4o-2024-08-06`).
 * 2. Each group has the names that its answers had: those that are `allowed`, all that callers got who may use every model, and
 *    the very first one. A name that the asked group has is `allowed`, unless only groups that are not allowed have it too.
 * 3. An answer is `foreign` if the asked group is named as its model is, its own name being a part of each of its answers' names,
 *    and this answer's name is not one of them, while a group that is not allowed has had it or is a part of it, and no allowed one.
 * 4. Everything else is `unknown`: the group is an alias (`support-bot`) that can stand for any model, the name is new, or two
 *    groups share it.
 */
export class AnswerModels {
  readonly #asked = new LRUCache<string, Asked>({ max: 20_000, ttl: ASKED_AGE_MS });
  /** Names of answers by the group that was asked for. True for one that its caller may not have been meant to get. */
  readonly #answers = new LRUCache<string, Map<string, boolean>>({ max: MAX_MODELS });

  /** Remembers what a request asks for. */
  ask(call: GuardrailCall): void {
    const key = stateKey(call);
    const [model, ...others] = modelsOf(call);
    if (key === undefined || model === undefined || others.length > 0) return;
    this.#asked.set(key, { model: model.slice(0, MAX_NAME) });
  }

  /**
   * Compares the model of a response.
   *
   * @param mayUse undefined for a caller who may use every model
   * @returns what it is, and if that is said of its call for the first time: a stream has many rounds
   */
  compare(
    call: GuardrailCall,
    mayUse: ((model: string) => boolean) | undefined,
  ): { is: AnswerModel; isNew: boolean } {
    const key = stateKey(call);
    const asked = key === undefined ? undefined : this.#asked.get(key);
    const name = call.model?.slice(0, MAX_NAME) ?? null;
    if (asked?.answer !== undefined && asked.answer.name === name)
      return { is: asked.answer.is, isNew: false };
    const is = this.#compare(asked?.model, name, mayUse);
    if (asked !== undefined) asked.answer = { name, is };
    return { is, isNew: true };
  }

  #compare(
    asked: string | undefined,
    name: string | null,
    mayUse: ((model: string) => boolean) | undefined,
  ): AnswerModel {
    const answer = name === null ? undefined : bareName(name);
    if (mayUse === undefined) {
      if (asked !== undefined && answer !== undefined) this.#learn(asked, answer);
      return 'allowed';
    }
    if (name === null || answer === undefined) return 'unknown';
    const isAllowed = [name, name.slice(name.lastIndexOf('/') + 1), answer].some(mayUse);
    if (asked === undefined) return isAllowed ? 'allowed' : 'unknown';
    const own = this.#answers.get(asked);
    const part = longestPart(answer, [asked, ...this.#answers.keys()]);
    const groups = [...this.#answers.keys()].filter(
      (group) => group !== asked && (group === part || this.#answers.peek(group)?.has(answer)),
    );
    const isShared = groups.length > 0 && !groups.some(mayUse);
    if (isAllowed || part === asked || (own?.has(answer) ? !isShared : groups.some(mayUse))) {
      this.#learn(asked, answer, part === asked);
      return 'allowed';
    }
    if (own === undefined) this.#answers.set(asked, new Map([[answer, true]]));
    else if (isShared && !own.has(answer) && [...own.keys()].every((known) => isPart(bareName(asked), known)))
      return 'foreign';
    return 'unknown';
  }

  #learn(asked: string, answer: string, isNamed = false): void {
    const names = this.#answers.get(asked) ?? new Map<string, boolean>();
    if (names.size === 0) this.#answers.set(asked, names);
    if (isNamed) for (const [name, isDoubtful] of names) if (isDoubtful) names.delete(name);
    if (names.size < MAX_NAMES || names.has(answer)) names.set(answer, false);
  }
}

/** Ends of a name that tell a version of one model: dates, `-latest`, `-002`, `-v2:0`. */
const VERSION = /(?:[-@:](?:latest|\d{4}-\d{2}-\d{2}|\d{8}|\d{3,4}|v\d{1,2}(?::\d)?))+$/;

/** A name of a model without its provider and version: `gpt-4o` for `openai/gpt-4o-2024-08-06`. */
function bareName(name: string): string {
  return name
    .slice(name.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(VERSION, '');
}

/** The longest of some groups' names that is a part of an answer's name, in whole words. */
function longestPart(answer: string, groups: readonly string[]): string | undefined {
  let longest: string | undefined;
  let length = 2;
  for (const group of groups) {
    const bare = bareName(group);
    if (bare.length <= length || !isPart(bare, answer)) continue;
    longest = group;
    length = bare.length;
  }
  return longest;
}

/** True if a name is a part of another in whole words. */
function isPart(name: string, whole: string): boolean {
  const at = whole.indexOf(name);
  return at >= 0 && !isWord(whole[at - 1]) && !isWord(whole[at + name.length]);
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && /[a-z0-9]/.test(character);
}
