import { LRUCache } from 'lru-cache';
import picomatch from 'picomatch';
import { RE2JS } from 're2js';
import { lazily } from '../detectors/lazily.ts';
import { quotedValue } from './file/nearest.ts';
import type { CreateContext } from './policy.ts';

/** UTF-16 units. A name that is longer matches nothing. */
export const MAX_NAME = 256;
/** Names whose match is remembered: those that come again, whoever sends others. */
const MAX_REMEMBERED = 1000;

/** Stands for `/`, so that a star means any characters: `openai/*` and `*-mini` are names, no paths. */
const SLASH = '\uE000';
/** Before every name: what picomatch does at the beginning of a path (`./`, hidden files, `!`) is not meant here. */
const START = ':';
const OPTIONS = { dot: true, bash: true, nonegate: true, fastpaths: false, strictSlashes: true, posix: true };

/**
 * Tells if a name is matched by one of some globs (`gpt-*`, `{search,fetch}.*`, `claude-[34]*`) or is one of them.
 * Capitals count; `*` stands for any characters, `/` and `.` too. Runs in time linear in the name.
 *
 * @throws Error that says why a glob cannot be used
 */
export function globs(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns);
  const wild = patterns.filter((pattern) => /[*?[\]{}()\\!]/.test(pattern)).map(compiled);
  const matches = (name: string) => wild.some((pattern) => pattern.testExact(flatten(name)));
  const remembered = lazily(() => new LRUCache({ max: MAX_REMEMBERED, memoMethod: matches }));
  return (name) => {
    if (name.length > MAX_NAME) return false;
    if (exact.has(name)) return true;
    return wild.length > 0 && remembered().memo(name);
  };
}

/** Why a glob cannot be used, with the glob where it may be quoted; undefined if it can. */
export function globMistake(pattern: string): string | undefined {
  try {
    globs([pattern]);
    return undefined;
  } catch (error) {
    return [quotedValue(pattern), (error as Error).message].join(' ').trim();
  }
}

type Patterns = readonly string[] | undefined;

/** {@link globs} of an option of a policy, if it is set: mistakes are reported as problems of the file. */
export function globsOf(context: CreateContext, key: string, patterns: Patterns) {
  const good = patterns?.filter((pattern, index) => {
    const mistake = globMistake(pattern);
    if (mistake !== undefined) context.fail(`${key}[${index}]`, mistake);
    return mistake === undefined;
  });
  return good && globs(good);
}

function compiled(pattern: string): RE2JS {
  if (pattern.length > MAX_NAME) throw new Error(`is longer than ${MAX_NAME} characters`);
  if (/^!(?!\()/.test(pattern)) throw new Error('begins with !; list what is meant instead');
  const { source } = picomatch.makeRe(flatten(pattern), OPTIONS);
  try {
    return RE2JS.compile(source, RE2JS.DOTALL);
  } catch {
    throw new Error('is no glob that runs in linear time; !(...) is not known here');
  }
}

const flatten = (name: string) => START + name.replaceAll('/', SLASH);
