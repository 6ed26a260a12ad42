import { LRUCache } from 'lru-cache';
import picomatch from 'picomatch';
import { RE2JS } from 're2js';
import { lazily } from '../detectors/lazily.ts';
import { quoted } from './file/nearest.ts';
import { foldedName } from './names.ts';
import type { CreateContext } from './policy.ts';

/** UTF-16 units. A name that is longer matches nothing. */
export const MAX_NAME = 256;
/** Names whose match is remembered: those that come again, whoever sends others. */
const MAX_REMEMBERED = 1000;

/** Stands for `/`, so that a star means any characters: `openai/*` and `*-mini` are names, no paths. */
const SLASH = '\uE000';
/** Before every name: what picomatch does at the beginning of a path (`./`, hidden files, `!`) is not meant here. */
const START = ':';
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
  const wild = patterns
    .filter((pattern) => SIGN.test(pattern))
    .map((pattern) => compiled(pattern, (text) => escaped(form(text))));
  const matches = (name: string) => wild.some((pattern) => pattern.testExact(flatten(name)));
  const remembered = lazily(() => new LRUCache({ max: MAX_REMEMBERED, memoMethod: matches }));
  return (sent) => {
    if (sent.length > MAX_NAME) return false;
    const name = form(sent);
    if (exact.has(name)) return true;
    return wild.length > 0 && remembered().memo(name);
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
