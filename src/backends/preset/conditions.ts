import { fieldsOf } from '../../guardrail/json.ts';
import { optionNamed } from './options.ts';
import { Places } from './places.ts';
import type { Condition, OptionValues } from './shape.ts';

/** A condition on a reply. */
export type Test = {
  /** True if it holds at one of the places of each of its pointers. */
  readonly any: (reply: unknown) => boolean;
  /** True if it holds at all places of each of its pointers, of which there is at least one. */
  readonly every: (reply: unknown) => boolean;
  /** The first field that it looks at. */
  readonly field: string;
};

/** Conditions of which one is enough; those that an option switches off are left out. */
export function compileConditions(
  conditions: readonly Condition[] | undefined,
  options: OptionValues,
): readonly Test[] {
  return (conditions ?? [])
    .filter((one) => isSet(one.if, options, true) && isSet(one.unless, options, false))
    .map((one) => compileCondition(one, options));
}

function isSet(name: unknown, options: OptionValues, wanted: boolean): boolean {
  return typeof name !== 'string' || hasValue(options[name]) === wanted;
}

/** True for an option that says something: not for false, nor for an empty text, list or map. */
export function hasValue(option: unknown): boolean {
  if (option === undefined || option === null || option === false || option === '') return false;
  return typeof option !== 'object' || Object.keys(option).length > 0;
}

function compileCondition(condition: Condition, options: OptionValues): Test {
  const parts = Object.entries(condition)
    .filter(([key]) => key !== 'if' && key !== 'unless')
    .map(([pointer, value]) => ({
      places: new Places(pointer),
      mayBeAbsent: [value].flat().includes('$absent'),
      isAsExpected: expectation(value, options),
    }));
  const holds = (reply: unknown, wantsAll: boolean) =>
    parts.every(({ places, mayBeAbsent, isAsExpected }) => {
      const found = places.all(reply, wantsAll);
      const values = found.filter((value) => value !== null);
      if (values.length === 0) return mayBeAbsent;
      if (!wantsAll) return values.some(isAsExpected);
      return (mayBeAbsent || values.length === found.length) && values.every(isAsExpected);
    });
  return {
    any: (reply) => holds(reply, false),
    every: (reply) => holds(reply, true),
    field: parts[0]?.places.field ?? 'body',
  };
}

/** True for values that are as a condition expects them: words in any case, `word*` for a beginning. Null counts as absent. */
export function expectation(expected: unknown, options: OptionValues): (value: unknown) => boolean {
  const named = typeof expected === 'string' ? optionNamed(expected) : undefined;
  const wanted = named === undefined ? expected : options[named];
  if (Array.isArray(wanted)) {
    const each = wanted.map((one) => expectation(one, options));
    return (value) => each.some((isAsExpected) => isAsExpected(value));
  }
  if (wanted === '$present') return () => true;
  if (wanted === '$absent') return () => false;
  if (typeof wanted !== 'string') return (value) => value === wanted;
  const word = wordMatcher(wanted);
  // A word of one's own may stand for a number or a flag
  return (value) => typeof value !== 'object' && word(String(value));
}

/** True for a word, in any case; `pii/*` stands for all that begin so. */
export function wordMatcher(pattern: string): (word: string) => boolean {
  const wanted = pattern.toLowerCase();
  if (!wanted.endsWith('*')) return (word) => word.length === wanted.length && word.toLowerCase() === wanted;
  const beginning = wanted.slice(0, -1);
  return (word) => word.slice(0, beginning.length).toLowerCase() === beginning;
}

/** The words of an option or of a preset, as matchers. */
export function compileNames(names: string | readonly string[] | undefined, options: OptionValues) {
  const named = typeof names === 'string' ? options[optionNamed(names) ?? ''] : names;
  const words = Array.isArray(named) ? named : Object.keys(fieldsOf(named));
  return words.map((word) => wordMatcher(String(word)));
}
