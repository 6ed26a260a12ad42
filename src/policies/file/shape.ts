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
  | { readonly mistakes: readonly Mistake[] } {
  const parsed = v.safeParse(schema, value, { message: (issue) => messageOf(issue) });
  if (parsed.success) return { value: parsed.output };
  return { mistakes: parsed.issues.flatMap((issue) => mistakesOf(issue, schema, options)) };
}

function mistakesOf(issue: v.BaseIssue<unknown>, schema: v.GenericSchema, options: ShapeOptions): Mistake[] {
  const path = pathOf(issue);
  const inner = issue.type === 'union' ? deepest(issue) : [];
  if (inner.length > 0) {
    return inner.flatMap((mistake) =>
      mistakesOf({ ...mistake, path: joined(issue, mistake) }, schema, options),
    );
  }
  if (issue.expected !== 'never') return [{ path, message: withValue(issue, options.written?.(path)) }];
  const above = path.slice(0, -1);
  const keys = new Set(keysAt(schema, above));
  const known = above.length === 0 ? [...keys, ...(options.others ?? [])] : [...keys];
  const first = path.at(-1);
  // The issue names the first one alone
  const unknown = Object.keys(fieldsOf(issue.path?.at(-1)?.input)).filter(
    (key) => key === first || !keys.has(key),
  );
  return unknown.map((key) => ({ path: [...above, key], message: `is not known${didYouMean(key, known)}` }));
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

/** The issues of those options of a union whose outer form fits. */
function deepest({ issues }: v.BaseIssue<unknown>): v.BaseIssue<unknown>[] {
  return issues?.filter((issue) => issue.path !== undefined) ?? [];
}

type Steps = NonNullable<v.BaseIssue<unknown>['path']>;

function joined(outer: v.BaseIssue<unknown>, inner: v.BaseIssue<unknown>): Steps {
  return [outer, inner].flatMap(({ path }) => path ?? ([] as v.IssuePathItem[])) as unknown as Steps;
}

function pathOf({ path }: v.BaseIssue<unknown>): (string | number)[] {
  return (path ?? ([] as v.IssuePathItem[])).map(({ key }) => (typeof key === 'number' ? key : String(key)));
}

/** The message in the words of YAML, without the value, which {@link withValue} adds. */
function messageOf({ type, expected, received, requirement }: v.BaseIssue<unknown>): string {
  if (expected === 'never') return 'is not known';
  if (received === 'undefined') return 'is missing';
  switch (type) {
    case 'min_length':
      return requirement === 1
        ? 'must not be empty'
        : `must have at least ${requirement} entries or characters`;
    case 'non_empty':
      return 'must not be empty';
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

type Walkable = v.GenericSchema & {
  readonly entries?: Readonly<Record<string, v.GenericSchema>>;
  readonly item?: v.GenericSchema;
  readonly value?: v.GenericSchema;
  readonly wrapped?: v.GenericSchema;
  readonly options?: readonly unknown[];
  readonly pipe?: readonly unknown[];
};

/** The keys that a schema knows at a place. */
function keysAt(schema: v.GenericSchema, path: Path): string[] {
  return unwrapped(schema).flatMap((walkable) => {
    const [step, ...rest] = path;
    const { entries, item, value } = walkable;
    if (step === undefined) return Object.keys(entries ?? {});
    const next =
      (typeof step === 'string' && entries && Object.hasOwn(entries, step) ? entries[step] : undefined) ??
      item ??
      value;
    return next === undefined ? [] : keysAt(next, rest);
  });
}

/** The schemas inside of `optional`, `pipe` and `union`. */
function unwrapped(schema: unknown): Walkable[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { pipe, wrapped, options } = schema as Walkable;
  if (pipe !== undefined) return unwrapped(pipe[0]);
  if (wrapped !== undefined) return unwrapped(wrapped);
  return options === undefined ? [schema as Walkable] : options.flatMap(unwrapped);
}
