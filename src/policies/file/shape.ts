import * as v from 'valibot';
import { fieldsOf } from '../../guardrail/call.ts';
import { didYouMean, quotedValue } from './nearest.ts';
import type { Path } from './problems.ts';

/** A mistake and where it is. */
export type Mistake = { readonly path: Path; readonly message: string };

export type ShapeOptions = {
  /** Keys that can stand beside those of the schema, for what a misspelt one was meant to be. */
  readonly others?: readonly string[];
  /** Numbers and the like as the file writes them: 1.0 is read as 1. */
  readonly written?: (path: Path) => string | undefined;
  /** The end of a message about a key that is known elsewhere. */
  readonly elsewhere?: (path: Path) => string | undefined;
};

/**
 * Checks a value by a schema. Messages say what may stand there, and quote a wrong value unless it could be a secret.
 */
export function shaped<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  options: ShapeOptions = {},
):
  | { readonly value: v.InferOutput<S>; readonly mistakes?: never }
  | { readonly value?: never; readonly mistakes: readonly Mistake[] } {
  const lists = listsIn(schema, value, []);
  const parsed = v.safeParse(schema, value, { message: messageOf });
  if (parsed.success && lists.length === 0) return { value: parsed.output };
  const others = (parsed.issues ?? []).flatMap((issue) => mistakesOf(issue, [], schema, options));
  return {
    mistakes: [
      ...lists.map((path) => ({ path, message: 'must be a mapping of keys, not a list' })),
      ...others.filter(
        ({ path }) => !lists.some((list) => list.every((step, index) => path[index] === step)),
      ),
    ],
  };
}

const SCALARS = ['string', 'number', 'boolean', 'picklist', 'literal', 'null'];
const isNoScalar = (schema: unknown) => !SCALARS.includes((schema as Walkable).type ?? '');

/** False for an option of a variant with another word under its key. */
function isMeant(option: unknown, key: unknown, given: object): boolean {
  if (typeof key !== 'string') return true;
  const { literal } = ((option as Walkable).entries?.[key] ?? {}) as { literal?: unknown };
  return literal === (given as Record<string, unknown>)[key];
}

/** The places of lists where a mapping belongs, as which valibot takes them. */
function listsIn(schema: unknown, given: unknown, path: Path): Path[] {
  const { type, key, entries, item, value, wrapped, options, pipe, getter } = (schema ?? {}) as Walkable;
  if (typeof given !== 'object' || given === null) return [];
  const inside = pipe?.[0] ?? wrapped ?? getter?.(given);
  if (inside !== undefined) return listsIn(inside, given, path);
  if (options !== undefined) {
    const meant = options.filter((option) => isNoScalar(option) && isMeant(option, key, given));
    const found = meant.map((option) => listsIn(option, given, path));
    return found.find((lists) => lists.length === 0) ?? found[0] ?? [];
  }
  const isMapping = entries !== undefined || type === 'record';
  if (Array.isArray(given)) {
    if (isMapping) return [path];
    return item === undefined ? [] : given.flatMap((one, index) => listsIn(item, one, [...path, index]));
  }
  if (!isMapping) return [];
  return Object.entries(given).flatMap(([key, one]) => {
    const form = entries === undefined ? value : Object.hasOwn(entries, key) ? entries[key] : undefined;
    return listsIn(form, one, [...path, key]);
  });
}

/** @param outer the place of the union whose option an issue is about */
function mistakesOf(
  issue: v.BaseIssue<unknown>,
  outer: Path,
  schema: v.GenericSchema,
  options: ShapeOptions,
): Mistake[] {
  const steps = issue.path?.map(({ key }) => (typeof key === 'number' ? key : String(key))) ?? [];
  const path = [...outer, ...steps];
  // The options of a union whose outer form fits
  const inner = issue.type === 'union' ? (issue.issues?.filter((each) => each.path !== undefined) ?? []) : [];
  if (inner.length > 0) return inner.flatMap((each) => mistakesOf(each, path, schema, options));
  if (issue.expected !== 'never') return [{ path, message: withValue(issue, options.written?.(path)) }];
  const above = path.slice(0, -1);
  const keys = keysAt(schema, above);
  const known = above.length === 0 ? [...keys, ...(options.others ?? [])] : keys;
  const first = path.at(-1);
  // The issue names the first one alone
  const unknown = Object.keys(fieldsOf(issue.path?.at(-1)?.input)).filter(
    (key) => key === first || !keys.includes(key),
  );
  return unknown.map((key) => {
    const at = [...above, key];
    return { path: at, message: `is not known${options.elsewhere?.(at) ?? didYouMean(key, known)}` };
  });
}

/** The message of an issue with the value it is about: `must be at most 1, not 1.5`. */
function withValue(
  { message, received, input, expected }: v.BaseIssue<unknown>,
  written: string | undefined,
): string {
  const [problem = '', ...advice] = message.split(/(?=; )/);
  if (received === 'undefined' || / empty$|^is /.test(problem)) return message;
  // A text where a list or a mapping is expected can be content
  const isContent = typeof input === 'string' && /^[^"]*(?:Array|Object|Record)[^"]*$/.test(expected ?? '');
  const value = isContent ? 'a text' : (written ?? quotedValue(input));
  if (value === undefined) return message;
  const isNumeric = expected === 'number' && typeof input === 'string' && /^[-+]?[\d.]+$/.test(input);
  if (isNumeric) advice.push('; write it without quotes');
  if (/\bstring\b/.test(expected ?? '') && /^(?:number|boolean)$/.test(typeof input))
    advice.push('; write it in quotes');
  return [`${problem}, not ${value}`, ...advice].join('');
}

/** The message in the words of YAML, without the value, which {@link withValue} adds. */
function messageOf({ type, expected, received, requirement }: v.BaseIssue<unknown>): string {
  if (expected === 'never') return 'is not known';
  if (received === 'undefined') return 'is missing';
  switch (type) {
    case 'non_empty':
      return 'must not be empty';
    case 'min_length':
      if (requirement === 1) return 'must not be empty';
      return `must have at least ${requirement} entries or characters`;
    case 'max_length':
      return `must have at most ${requirement} entries or characters`;
    case 'min_value':
      return `must be at least ${requirement}`;
    case 'max_value':
      return `must be at most ${requirement}`;
    case 'integer':
    case 'safe_integer':
      return 'must be a whole number';
    default:
      return expected === null ? 'cannot be used' : `must be ${inWords(expected, received)}`;
  }
}

function inWords(expected: string, received: string): string {
  const words = expected.replace(/[()]/g, '').split(' | ');
  const options = words.filter((word) => word.startsWith('"')).map((word) => word.slice(1, -1));
  const allowed = words.map((word) => WORDS[word] ?? word.replace(/^"(.*)"$/, '$1'));
  const meant = received.startsWith('"') ? didYouMean(received.slice(1, -1), options) : '';
  return [...new Set(allowed)].join(' or ') + meant;
}

const WORDS: Readonly<Record<string, string>> = {
  Array: 'a list',
  Object: 'a mapping of keys',
  Record: 'a mapping of keys',
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  null: 'nothing',
  undefined: 'nothing',
};

type Walkable = {
  readonly type?: string;
  readonly key?: unknown;
  readonly getter?: (input: unknown) => unknown;
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly item?: unknown;
  readonly value?: unknown;
  readonly wrapped?: unknown;
  readonly options?: readonly unknown[];
  readonly pipe?: readonly unknown[];
};

/** The keys that a schema knows at a place, also inside of `optional`, `pipe` and `union`. */
function keysAt(schema: unknown, path: Path): string[] {
  const { entries, item, value, wrapped, options, pipe } = (schema ?? {}) as Walkable;
  const inside = pipe?.[0] ?? wrapped;
  if (inside !== undefined) return keysAt(inside, path);
  if (options !== undefined) return options.flatMap((option) => keysAt(option, path));
  const [step, ...rest] = path;
  if (step === undefined) return Object.keys(entries ?? {});
  return keysAt(entries && Object.hasOwn(entries, step) ? entries[step] : (item ?? value), rest);
}
