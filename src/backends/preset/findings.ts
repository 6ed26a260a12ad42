import { BackendError } from '../../guardrail/failure.ts';
import { fieldsOf } from '../../guardrail/json.ts';
import { expectation } from './conditions.ts';
import { optionNamed } from './options.ts';
import { Places } from './places.ts';
import type { FindingForm, OptionValues, Threshold } from './shape.ts';

/** Adds the names of what a vendor found, and how often; true if that alone is a reason to block. */
export type ReadFindings = (reply: unknown, names: Map<string, number>) => boolean;

/** One source of findings in a reply. */
export function compileFinding(form: FindingForm, options: OptionValues): ReadFindings {
  const entries = new Places(form.at);
  const nameAt = form.name === undefined ? undefined : new Places(form.name);
  const valueAt = form.value === undefined ? undefined : new Places(form.value);
  const isFound = compileTest(form, options);
  const except = fieldsOf(options[optionNamed(form.except ?? '') ?? '']);
  return (reply, names) => {
    let isBlocked = false;
    entries.each(reply, (entry, key) => {
      const own = nameAt === undefined ? entry : nameAt.first(entry);
      const name = typeof own === 'string' && own !== '' ? own : key;
      if (Object.hasOwn(except, name)) return;
      if (!isFound(name, valueAt === undefined ? entry : valueAt.first(entry))) return;
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
  return (name: string, value: unknown) => {
    // A score that is null was not judged
    if (value === undefined || value === null) return false;
    if (typeof value !== 'number') throw new BackendError({ kind: 'wrong_shape', field });
    const limit = limitOf(name);
    if (limit === undefined) return false;
    return above === undefined ? value >= limit : value > limit;
  };
}

/** The threshold of a name: of the first that knows it. */
function compileThreshold(threshold: Threshold, options: OptionValues): (name: string) => number | undefined {
  const sources = [threshold]
    .flat()
    .map((source) => (typeof source === 'number' ? source : options[optionNamed(source) ?? '']));
  return (name) => {
    for (const source of sources) {
      const limit = typeof source === 'number' ? source : fieldsOf(source)[name];
      if (typeof limit === 'number') return limit;
    }
    return undefined;
  };
}
