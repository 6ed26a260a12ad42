import { BackendError } from '../../guardrail/failure.ts';
import { fieldsOf } from '../../guardrail/json.ts';
import { expectation } from './conditions.ts';
import { optionNamed } from './options.ts';
import { Places } from './places.ts';
import type { FindingForm, OptionValues, Threshold } from './shape.ts';

/** Findings of a reply, by name. */
export type VendorFindings = {
  /** How often each name was found. */
  readonly names: Map<string, number>;
  /** Names with a threshold: true if each of them had a score. */
  readonly scored: Map<string, boolean>;
};

/** Adds what a vendor found; true if that alone is a reason to block. */
export type ReadFindings = (reply: unknown, found: VendorFindings) => boolean;

/** The sources of findings in a reply: scores first, as the others may leave out what has one. */
export function compileFindings(
  forms: readonly FindingForm[],
  options: OptionValues,
): readonly ReadFindings[] {
  const isFirst = ({ except }: FindingForm) => except === undefined;
  return [...forms.filter(isFirst), ...forms.filter((form) => !isFirst(form))].map((form) =>
    compileFinding(form, options),
  );
}

function compileFinding(form: FindingForm, options: OptionValues): ReadFindings {
  const entries = new Places(form.at);
  const nameAt = form.name === undefined ? undefined : new Places(form.name);
  const valueAt = form.value === undefined ? undefined : new Places(form.value);
  const isFound = compileTest(form, options);
  const isExcepted = compileThreshold(form.except ?? [], options);
  return (reply, { names, scored }) => {
    let isBlocked = false;
    entries.each(reply, (entry, key) => {
      const own = nameAt === undefined ? entry : nameAt.first(entry);
      const name = typeof own === 'string' && own !== '' ? own : key;
      if (scored.get(name) === true && isExcepted(name) !== undefined) return;
      if (!isFound(name, valueAt === undefined ? entry : valueAt.first(entry), scored)) return;
      names.set(name, (names.get(name) ?? 0) + 1);
      isBlocked ||= form.blocks;
    });
    return isBlocked;
  };
}

/** Tells if the value of a name is a finding. @throws BackendError `wrong_shape` for a value of another type */
function compileTest({ at, is, above, at_least }: FindingForm, options: OptionValues) {
  const field = new Places(at).field;
  if (is !== undefined) {
    const isAsExpected = expectation(is, options);
    const isFlag = typeof is === 'boolean';
    return (_: string, value: unknown) => {
      if (value === undefined || value === null) return false;
      if (isFlag && typeof value !== 'boolean') throw new BackendError({ kind: 'wrong_shape', field });
      return isAsExpected(value);
    };
  }
  const limits = above ?? at_least;
  if (limits === undefined) return (_: string, value: unknown) => value !== undefined && value !== null;
  const limitOf = compileThreshold(limits, options);
  return (name: string, value: unknown, scored: VendorFindings['scored']) => {
    const limit = limitOf(name);
    const isScored = value !== undefined && value !== null;
    if (limit !== undefined) scored.set(name, isScored && scored.get(name) !== false);
    // A score that is null was not judged
    if (!isScored) return false;
    if (typeof value !== 'number') throw new BackendError({ kind: 'wrong_shape', field });
    if (limit === undefined) return false;
    return above === undefined ? value >= limit : value > limit;
  };
}

/** The threshold of a name, in any case: of the first source that knows it. */
function compileThreshold(threshold: Threshold, options: OptionValues): (name: string) => number | undefined {
  const sources = [threshold].flat().map((source) => {
    const limits = typeof source === 'number' ? source : options[optionNamed(source) ?? ''];
    if (typeof limits === 'number') return () => limits;
    const byName = new Map(
      Object.entries(fieldsOf(limits)).map(([name, limit]) => [name.toLowerCase(), limit]),
    );
    return (name: string) => byName.get(name.toLowerCase());
  });
  return (name) => {
    for (const source of sources) {
      const limit = source(name);
      if (typeof limit === 'number') return limit;
    }
    return undefined;
  };
}
