import { optionNamed } from './options.ts';
import type { OptionValues } from './shape.ts';

/** `$name`, `${name}` and `$$`. */
const PLACEHOLDER =
  /\$(?:\$|([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)|\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\})/g;

/** The names of the placeholders in a text. */
export function placeholdersIn(text: string): string[] {
  return [...text.matchAll(PLACEHOLDER)].flatMap(([, plain, braced]) => plain ?? braced ?? []);
}

/** A `$` before a word that is no placeholder, such as `$Text`. */
export function strayPlaceholder(text: string): string | undefined {
  return /\$[A-Za-z_{][^\s$]*/.exec(text.replace(PLACEHOLDER, ''))?.[0];
}

/** Reads the value of a placeholder; `item` is the entry of the list that `$each` goes through. */
export type ReadValue<Source> = (source: Source, item: unknown) => unknown;

/** The values that placeholders stand for. Those in `known` do not change. */
export type Scope<Source> = {
  readonly known: Readonly<Record<string, unknown>>;
  readonly values: Readonly<Record<string, ReadValue<Source>>>;
};

/** A text, or what makes it; undefined where a placeholder has no value. */
export type Template<Source> = string | undefined | ((source: Source, item?: unknown) => string | undefined);

/** A scope in which `$options.…` and `$secret` are known. */
export function scopeOf<Source>(
  values: Readonly<Record<string, ReadValue<Source>>>,
  options: OptionValues,
  more: Readonly<Record<string, unknown>> = {},
): Scope<Source> {
  const known = Object.entries(options).map(([name, value]) => [`options.${name}`, value] as const);
  return { known: { ...Object.fromEntries(known), ...more }, values };
}

type Piece<Source> = string | undefined | ReadValue<Source>;

function piecesOf<Source>(text: string, { known, values }: Scope<Source>): Piece<Source>[] {
  const pieces: Piece<Source>[] = [];
  let at = 0;
  for (const { 0: placeholder, 1: plain, 2: braced, index } of text.matchAll(PLACEHOLDER)) {
    if (index > at) pieces.push(text.slice(at, index));
    at = index + placeholder.length;
    const name = plain ?? braced;
    if (name === undefined) pieces.push('$');
    else if (name === 'item' || name.startsWith('item.')) pieces.push(itemReader(name.slice(5)));
    else pieces.push(values[name] ?? (() => known[name]));
  }
  if (at < text.length) pieces.push(text.slice(at));
  return pieces;
}

function itemReader(field: string): ReadValue<unknown> {
  return (_, item) => (field === '' ? item : (item as Record<string, unknown> | undefined)?.[field]);
}

/** A template of text. @param written how a value is written into it */
export function compileText<Source>(
  text: string,
  scope: Scope<Source>,
  written: (value: unknown, name: string) => string = asText,
): Template<Source> {
  const isKnown = placeholdersIn(text).every((name) => !isPerCall(name, scope));
  const pieces = piecesOf(text, scope);
  const names = placeholdersIn(text);
  const make = (source: Source, item?: unknown): string | undefined => {
    let made = '';
    let next = 0;
    for (const piece of pieces) {
      if (typeof piece === 'string') made += piece;
      else {
        const value = piece?.(source, item);
        if (value === undefined || value === null) return undefined;
        made += written(value, names[next] ?? '');
        next++;
      }
    }
    return made;
  };
  return isKnown ? make(undefined as Source) : make;
}

function isPerCall<Source>(name: string, { values }: Scope<Source>): boolean {
  return name === 'item' || name.startsWith('item.') || Object.hasOwn(values, name);
}

function asText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A template of JSON text. What does not change from call to call is written once. */
export function compileJson<Source>(node: unknown, scope: Scope<Source>): Template<Source> {
  if (typeof node === 'string') return compileString(node, scope);
  if (Array.isArray(node)) return compileList(node, scope);
  if (typeof node !== 'object' || node === null) return JSON.stringify(node);
  const fields = Object.entries(node)
    .map(([key, value]) => ({ key: `${JSON.stringify(key)}:`, value: compileJson(value, scope) }))
    .filter(({ value }) => value !== undefined);
  const make = (source: Source, item?: unknown): string => {
    let json = '{';
    for (const { key, value } of fields) {
      const text = typeof value === 'function' ? value(source, item) : value;
      if (text !== undefined) json += json.length === 1 ? key + text : `,${key}${text}`;
    }
    return `${json}}`;
  };
  return fields.every(({ value }) => typeof value === 'string') ? make(undefined as Source) : make;
}

function compileString<Source>(text: string, scope: Scope<Source>): Template<Source> {
  if (isOrEmpty(text)) {
    const value = compileString(text.slice(0, -1), scope);
    return typeof value === 'function' ? (source, item) => value(source, item) ?? '""' : (value ?? '""');
  }
  const [name, ...others] = placeholdersIn(text);
  const isWhole = others.length === 0 && (text === `$${name}` || text === `\${${name}}`);
  if (name !== undefined && isWhole) {
    const option = optionNamed(text);
    if (option !== undefined || Object.hasOwn(scope.known, name)) return JSON.stringify(scope.known[name]);
    const [read] = piecesOf(text, scope);
    return (source, item) => JSON.stringify((read as ReadValue<Source>)(source, item));
  }
  const made = compileText(text, scope);
  if (typeof made !== 'function') return JSON.stringify(made);
  return (source, item) => JSON.stringify(made(source, item));
}

/** True for `$name?`, which is an empty text where the value is not known. */
function isOrEmpty(text: string): boolean {
  return /^\$(?:[a-z][a-z0-9_.]*|\{[a-z][a-z0-9_.]*\})\?$/.test(text);
}

type Each = { readonly $each: string; readonly as: unknown };

function compileList<Source>(list: readonly unknown[], scope: Scope<Source>): Template<Source> {
  const items = list.map((node) => {
    if (!isEach(node)) return { each: undefined, value: compileJson(node, scope) };
    const each = scope.values[node.$each] ?? (() => scope.known[node.$each]);
    return { each, value: compileJson(node.as, scope) };
  });
  const make = (source: Source, item?: unknown): string => {
    const texts: string[] = [];
    for (const { each, value } of items) {
      const inner: readonly unknown[] =
        each === undefined ? [item] : ((each(source, item) ?? []) as unknown[]);
      for (const one of inner) {
        const text = typeof value === 'function' ? value(source, one) : value;
        if (text !== undefined) texts.push(text);
      }
    }
    return `[${texts.join(',')}]`;
  };
  const isKnown = items.every(({ each, value }) => each === undefined && typeof value !== 'function');
  return isKnown ? make(undefined as Source) : make;
}

/** True for `{ $each: NAME, as: … }`, which stands for as many entries of a list as the named list has. */
export function isEach(node: unknown): node is Each {
  return typeof node === 'object' && node !== null && '$each' in node;
}
