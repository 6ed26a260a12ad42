import { LRUCache } from 'lru-cache';
import picomatch from 'picomatch';
import { RE2JS } from 're2js';
import { boundedBy } from '../guardrail/memory.ts';
import { quoted } from './file/nearest.ts';
import { foldedName } from './names.ts';
import type { CreateContext } from './policy.ts';

/** UTF-16 units. A name that is longer matches nothing. */
export const MAX_NAME = 256;

/** Stands for `/`, so that a star means any characters: `openai/*` and `*-mini` are names, no paths. */
const SLASH = '\uE000';
/** Before every name: what picomatch does at the beginning of a path (`./`, hidden files, `!`) is not meant here. */
const START = ':';
/** Results of globs that are run as regular expressions, by list and name: one takes 20 us. Made once one is asked for. */
let remembered: LRUCache<string, boolean> | undefined;
let lastList = 0;

/** Characters that mean something in a glob. */
const SIGN = /[*?[\]{}()\\!]/;
const BETWEEN_SIGNS = /[^*?[\]{}()\\!]+/g;
const OPTIONS = { dot: true, bash: true, nonegate: true, fastpaths: false, strictSlashes: true, posix: true };

/**
 * Tells if a name is matched by one of some globs (`gpt-*`, `{search,fetch}.*`, `claude-[34]*`) or is one of them.
 * `*` stands for any characters, `/` and `.` too. Runs in time linear in the name.
 *
 * @param form of names that is compared; that of globs outside of their signs
 * @throws Error that says why a glob cannot be used
 */
export function globs(
  patterns: readonly string[],
  form: (name: string) => string = foldedName,
): (name: string) => boolean {
  const exact = new Set(patterns.map(form));
  const wild = patterns.filter((pattern) => SIGN.test(pattern));
  const starred = wild.filter(hasOnlyStars).map((pattern) => piecesTest(form(pattern).split('*')));
  const others = wild
    .filter((pattern) => !hasOnlyStars(pattern))
    .map((pattern) => compiled(pattern, (text) => escaped(form(text))));
  const list = others.length > 0 ? ++lastList : 0;
  return (sent) => {
    if (sent.length > MAX_NAME) return false;
    const name = form(sent);
    if (exact.has(name) || starred.some((test) => test(name))) return true;
    if (list === 0) return false;
    remembered ??= new LRUCache(boundedBy<boolean>('matched names', () => 0));
    const key = `${list} ${name}`;
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const is = others.some((pattern) => pattern.testExact(flatten(name)));
    remembered.set(key, is);
    return is;
  };
}

/** Names as they are written. LiteLLM tells models apart by capitals: a list of those that are allowed widens to no other. */
export const asWritten = (name: string) => name;

/** Why a glob cannot be used, with the glob where it may be quoted; undefined if it can. */
export function globMistake(pattern: string): string | undefined {
  try {
    globs([pattern]);
    return undefined;
  } catch (error) {
    return quoted(pattern, (error as Error).message);
  }
}

type Patterns = readonly string[] | undefined;

/** {@link globs} of an option of a policy, if it is set: mistakes are reported as problems of the file. */
export function globsOf(
  context: CreateContext,
  key: string,
  patterns: Patterns,
  form?: (name: string) => string,
) {
  const good = patterns?.filter((pattern, index) => {
    const mistake = globMistake(pattern);
    if (mistake !== undefined) context.fail(`${key}[${index}]`, mistake);
    return mistake === undefined;
  });
  return good && globs(good, form);
}

function hasOnlyStars(pattern: string): boolean {
  return pattern.length <= MAX_NAME && !SIGN.test(pattern.replaceAll('*', ''));
}

/** Tells if a name has these pieces in their order, from its beginning to its end, and anything between them. */
function piecesTest(pieces: readonly string[]): (name: string) => boolean {
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  const inner = pieces.slice(1, -1);
  return (name) => {
    if (!name.startsWith(first)) return false;
    let from = first.length;
    for (const piece of inner) {
      const at = name.indexOf(piece, from);
      if (at < 0) return false;
      from = at + piece.length;
    }
    return name.length - last.length >= from && name.endsWith(last);
  };
}

function compiled(pattern: string, form: (text: string) => string): RE2JS {
  if (pattern.length > MAX_NAME) throw new Error(`is longer than ${MAX_NAME} characters`);
  if (/^!(?!\()/.test(pattern)) throw new Error('begins with !; list what is meant instead');
  const { source } = picomatch.makeRe(flatten(pattern.replace(BETWEEN_SIGNS, form)), OPTIONS);
  try {
    return RE2JS.compile(source, RE2JS.DOTALL);
  } catch {
    throw new Error('is no glob that runs in linear time; !(...) is not known here');
  }
}

/** A full-width star becomes a plain one, and must not become a sign. */
const escaped = (text: string) => text.replace(/[*?[\]{}()\\!]/g, '\\$&');
const flatten = (name: string) => START + name.replaceAll('/', SLASH);
