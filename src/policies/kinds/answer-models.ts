import { LRUCache } from 'lru-cache';
import { type GuardrailCall, modelsOf } from '../../guardrail/call.ts';
import { stateKey } from '../../guardrail/caller.ts';
import { boundedBy } from '../../guardrail/memory.ts';
import { MAX_NAME } from '../glob.ts';
import { copyOf } from '../markers.ts';

/**
 * The model of an answer beside the one that was asked for: `allowed` if the caller could have asked for it, `foreign` if it is
 * certainly another that the caller could not, `unknown` if the names do not tell.
 */
export type AnswerModel = 'allowed' | 'foreign' | 'unknown';

/** The model that a request asked for, where one is remembered, and what was said of the last answer. */
type Asked = {
  readonly model: string | undefined;
  answer?: { readonly name: string | null; readonly is: AnswerModel };
};

/** A group of models: its name without provider and version, and the names of its answers. */
type Group = {
  readonly bare: string;
  /** True for a name that its caller may not have been meant to get. */
  readonly names: Map<string, boolean>;
};

/** All that the model of a response is compared with. */
export type ToldAnswers = {
  readonly asked: Asked | undefined;
  readonly groups: readonly (readonly [asked: string, group: Group])[];
};

/** A call can stream this long. */
const ASKED_AGE_MS = 60 * 60_000;
const MAX_NAMES = 16;
/** Models of which other replicas are told: 16 names of each are far below what one value may hold. */
const MAX_TOLD = 200;

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
  readonly #asked = new LRUCache<string, Asked>({
    ttl: ASKED_AGE_MS,
    ...boundedBy(
      'state of calls',
      ({ model = '', answer }: Asked) => model.length + (answer?.name?.length ?? MAX_NAME),
    ),
  });
  /** By the names that callers ask for. */
  readonly #groups = new LRUCache<string, Group>(
    // Names are added later
    boundedBy<Group>('learned models', () => MAX_NAME * (1 + MAX_NAMES)),
  );

  #version = 0;

  /** Remembers what a request asks for. */
  ask(call: GuardrailCall): void {
    const key = stateKey(call);
    const [model, ...others] = modelsOf(call);
    if (key === undefined || model === undefined || others.length > 0) return;
    this.#asked.set(key, { model: copyOf(model.slice(0, MAX_NAME)) });
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
    const asked: Asked = (key === undefined ? undefined : this.#asked.get(key)) ?? { model: undefined };
    const name = call.model === null ? null : copyOf(call.model.slice(0, MAX_NAME));
    const before = asked.answer;
    if (before?.name === name) return { is: before.is, isNew: false };
    const is = this.#compare(asked.model, name, mayUse);
    asked.answer = { name, is };
    if (key !== undefined) this.#asked.set(key, asked);
    return { is, isNew: before?.is !== is };
  }

  /** The model that was asked for under a state key. */
  askedFor(key: string): string | undefined {
    return this.#asked.get(key)?.model;
  }

  /** Takes over the model that was asked for elsewhere, in place of another. */
  tellAsked(key: string, model: string): void {
    if (this.askedFor(key) !== model) this.#asked.set(key, { model });
  }

  /** The state for a response under a state key, for another thread. */
  told(key: string): ToldAnswers {
    return { asked: this.#asked.get(key), groups: [...this.#groups.entries()].reverse() };
  }

  /** Takes over what was learned in another thread, where more is seen, and of the call what is not known here. */
  tell(key: string, { asked, groups }: ToldAnswers): void {
    if (asked !== undefined && !this.#asked.has(key)) this.#asked.set(key, asked);
    for (const [name, group] of groups) this.#groups.set(name, group);
  }

  /** Changes with each name that is learned. */
  get version(): number {
    return this.#version;
  }

  /** The models that were asked for last, each with the certain names of its answers. */
  learned(): readonly (readonly string[])[] {
    return [...this.#groups.entries()].slice(0, MAX_TOLD).flatMap(([asked, { names }]) => {
      const certain = [...names].flatMap(([name, isDoubtful]) => (isDoubtful ? [] : [name]));
      return certain.length > 0 ? [[asked, ...certain]] : [];
    });
  }

  /** Learns certain names from another replica. */
  learn(asked: string, names: readonly string[]): void {
    const bare = bareName(asked);
    for (const name of names) this.#learn(asked, name, isPart(bare, name));
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
    const own = this.#groups.get(asked);
    const { part, others } = this.#likely(asked, own?.bare ?? bareName(asked), answer);
    const isOthers = others.length > 0 && !others.some(mayUse);
    const isOwn = own?.names.has(answer) === true;
    if (isAllowed || part === asked || (isOwn ? !isOthers : others.some(mayUse))) {
      this.#learn(asked, answer, part === asked);
      return 'allowed';
    }
    if (own === undefined)
      this.#groups.set(asked, { bare: bareName(asked), names: new Map([[answer, true]]) });
    else if (isOthers && !isOwn && [...own.names.keys()].every((known) => isPart(own.bare, known)))
      return 'foreign';
    return 'unknown';
  }

  /** The group whose name is the longest part of an answer's, and all groups but the asked one that it may come from. */
  #likely(asked: string, bareAsked: string, answer: string): { part: string | undefined; others: string[] } {
    const isNamed = bareAsked.length >= MIN_PART && isPart(bareAsked, answer);
    let part = isNamed ? asked : undefined;
    let length = isNamed ? bareAsked.length : MIN_PART - 1;
    const others: string[] = [];
    for (const [group, { bare, names }] of this.#groups.entries()) {
      if (group !== asked && names.has(answer)) others.push(group);
      if (bare.length <= length || !isPart(bare, answer)) continue;
      part = group;
      length = bare.length;
    }
    if (part !== undefined && part !== asked && !others.includes(part)) others.push(part);
    return { part, others };
  }

  #learn(asked: string, answer: string, isNamed = false): void {
    const group = this.#groups.get(asked) ?? { bare: bareName(asked), names: new Map<string, boolean>() };
    const { names } = group;
    if (names.size === 0) this.#groups.set(asked, group);
    if (isNamed) for (const [name, isDoubtful] of names) if (isDoubtful) names.delete(name);
    if (names.get(answer) === false || (names.size >= MAX_NAMES && !names.has(answer))) return;
    names.set(answer, false);
    this.#version++;
  }
}

/** A shorter name is a part of too many. */
const MIN_PART = 3;

/** Ends of a name that tell a version of one model: dates, `-latest`, `-002`, `-v2:0`. */
const VERSION = /(?:[-@:](?:latest|\d{4}-\d{2}-\d{2}|\d{8}|\d{3,4}|v\d{1,2}(?::\d)?))+$/;

/** A name of a model without its provider and version: `gpt-4o` for `openai/gpt-4o-2024-08-06`. */
function bareName(name: string): string {
  return name
    .slice(name.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(VERSION, '');
}

/** True if a name is a part of another in whole words. */
function isPart(name: string, whole: string): boolean {
  const at = whole.indexOf(name);
  return at >= 0 && !isWordAt(whole, at - 1) && !isWordAt(whole, at + name.length);
}

/** True for a letter or digit; false outside of the name. */
function isWordAt(name: string, at: number): boolean {
  const code = name.charCodeAt(at);
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39);
}
