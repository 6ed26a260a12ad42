import { type AST, RegExpParser, visitRegExpAST } from '@eslint-community/regexpp';
import { LRUCache } from 'lru-cache';
import { RE2JS } from 're2js';
import type { Span, SweepingRule } from '../rule.ts';
import { withWideBlanks } from './blanks.ts';
import { needlesOf } from './needles.ts';
import { MAX_REACH, partialOf } from './partial.ts';

/** A pattern that cannot be run. The message says why, and what to write instead. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** UTF-16 units. */
const MAX_PATTERN = 2000;
const MAX_COUNT = 1000;
/** The time for a text is proportional to it: instructions of the compiled pattern. */
const MAX_SIZE = 1200;

/** Enough for what a word boundary or the beginning of a line looks at, and for a surrogate pair. */
const CONTEXT = 2;

/** Units up to which a long match is followed; fewer for large patterns: instructions times units. */
const MAX_LOOK = 256 * 1024;
const MAX_WORK = 4_000_000;
/** Units before a cut within which a match seems to go on. */
const NEAR = 256;
/** Times that a text may be looked at again for long matches, so that time stays linear. */
const LOOK_AGAIN = 8;

const FLAGS: Record<string, number> = { i: RE2JS.CASE_INSENSITIVE, m: RE2JS.MULTILINE, s: RE2JS.DOTALL };

/** Texts that are searched in turns, of which the long matches are remembered. */
const MAX_TEXTS = 8;

/** The long match in which the last slice of a text ended, so that no slice looks again at a match that began before it. */
type LongMatch = {
  /** A match that begins before this place is part of the long one. */
  readonly end: number;
  /** UTF-16 units of the text that were looked at once more, from its beginning on. */
  readonly looked: number;
};

/**
 * A pattern that a user wrote: RE2's syntax as far as JavaScript's says the same, `(?i)`, `(?m)` and `(?s)` at its
 * beginning included. It is run by RE2, in time linear in the text. A match must show within 4096 units; from there it is
 * followed to its end, for up to 256 KB (less for large patterns), and what is longer is cut. A blank within it stands for several, and
 * for line ends, unless that makes it too large.
 *
 * @throws a {@link PatternError} for look-around, references to groups, and all that is not in both syntaxes
 * @see https://github.com/google/re2/wiki/Syntax
 */
export function userPattern(id: string, source: string): SweepingRule {
  const [prefix = '', letters = ''] = /^\(\?([ims]{1,3})\)/.exec(source) ?? [];
  const body = source.slice(prefix.length);
  if (source.length > MAX_PATTERN) throw new PatternError(`is longer than ${MAX_PATTERN} characters`);
  const flags = [...letters].reduce((sum, letter) => sum | FLAGS[letter]!, 0);
  const { pattern: written, isUnicode } = checked(body);
  if (compiled(body, flags).programSize() > MAX_SIZE)
    throw new PatternError('is too large: use smaller counts');
  const wide = withWideBlanks(written);
  const isWide = wide !== body && fits(wide, flags);
  const widest = isWide ? wide : body;
  const needles = needlesOf(isWide ? parsed(wide, isUnicode).pattern : written);
  const whole = compiled(widest, flags);
  if (whole.test('')) throw new PatternError('matches the empty text: it would be found everywhere');
  const { source: partialSource, reach } = partialOf(widest, isUnicode ? 'u' : '', { unbounded: true });
  const partial = compiled(`(?:${partialSource})\\z`, flags);
  const look = Math.min(MAX_LOOK, Math.floor(MAX_WORK / whole.programSize()));
  const isLong = reach >= MAX_REACH;
  const longMatches = new LRUCache<string, LongMatch>({ max: MAX_TEXTS });

  return {
    id,
    sweep(text, from, to) {
      const known = from > 0 && longMatches.size > 0 ? longMatches.get(text) : undefined;
      const first = Math.max(from, known?.end ?? 0);
      const begin = Math.max(0, first - CONTEXT);
      const cut = Math.min(text.length, to + reach + CONTEXT);
      const spans: Span[] = [];
      if (to >= text.length) longMatches.delete(text);
      if (first >= to || needles?.test(text.slice(begin, cut)) === false) return spans;
      const mayLook = 4 * MAX_LOOK + LOOK_AGAIN * from;
      let looked = known?.looked ?? 0;
      let end = cut;
      let follows = isLong;
      let matcher = whole.matcher(text.slice(begin, end));
      let at = first - begin;
      while (at <= end - begin && matcher.find(at)) {
        const start = matcher.start() + begin;
        const stop = matcher.end() + begin;
        if (start >= to) break;
        // A match that ends near the cut could go on behind it, and need not be a boundary or an end in the text
        const further =
          follows && stop > end - NEAR ? Math.min(text.length, start + Math.min(look, 2 * (end - start))) : 0;
        if (further > end && looked + further - start <= mayLook) {
          end = further;
          looked += end - start;
          matcher = whole.matcher(text.slice(begin, end));
          at = start - begin;
          continue;
        }
        if (stop > start) spans.push({ start, end: stop });
        at = Math.max(matcher.end(), matcher.start() + 1);
        if (end > cut && stop < cut - NEAR) {
          // It only seemed to go on; so would all others behind it, each at the price of the larger part
          end = cut;
          follows = false;
          matcher = whole.matcher(text.slice(begin, end));
        }
      }
      if (looked > (known?.looked ?? 0) && to < text.length)
        longMatches.set(text, { end: spans.at(-1)?.end ?? first, looked });
      return spans;
    },
    openFrom(text, from) {
      const end = text.length - (/[\ud800-\udbff]$/.test(text.slice(-1)) ? 1 : 0);
      const first = Math.max(from, text.length - reach);
      const begin = Math.max(0, first - CONTEXT);
      const matcher = partial.matcher(text.slice(begin, end));
      const start = first <= end && matcher.find(first - begin) ? matcher.start() + begin : end;
      return start < text.length ? start : undefined;
    },
  };
}

function fits(source: string, flags: number): boolean {
  try {
    return RE2JS.compile(source, flags).programSize() <= MAX_SIZE;
  } catch {
    return false;
  }
}

function compiled(source: string, flags: number): RE2JS {
  try {
    return RE2JS.compile(source, flags);
  } catch (error) {
    // A fragment that is longer than an escape is content of the file, and no reason
    const { message } = error as Error;
    const reason = message.replace(/^error parsing regexp: /, '').replace(/: `.{3,}`$/s, '');
    throw new PatternError(`is no pattern that runs in linear time: ${reason}`);
  }
}

/** Refuses what the two syntaxes read differently, or what takes more than linear time. */
function checked(source: string): ReturnType<typeof parsed> {
  if (/\[:\^?\w+:\]/.test(source)) throw new PatternError('has a POSIX class: write a-z, 0-9 or \\w instead');
  if (/\(\?[imsU]*-?[imsU]*\)/.test(source))
    throw new PatternError('has flags within: write them at its beginning, such as (?i)');
  const { pattern, isUnicode } = parsed(source);
  visitRegExpAST(pattern, {
    onAssertionEnter({ kind }) {
      if (kind === 'lookahead' || kind === 'lookbehind')
        throw new PatternError(
          'looks around, which takes more than linear time: match what stands there too, or use \\b',
        );
    },
    onBackreferenceEnter() {
      throw new PatternError('refers to a group, which takes more than linear time: write its pattern again');
    },
    onQuantifierEnter({ min, max }) {
      if (min > MAX_COUNT || (max !== Number.POSITIVE_INFINITY && max > MAX_COUNT))
        throw new PatternError(`counts to more than ${MAX_COUNT}`);
    },
    onCharacterEnter({ raw }) {
      if (/^\\[A-Za-z]$/.test(raw) && !/^\\[nrtfv]$/.test(raw)) {
        throw new PatternError(
          `has ${raw}, which JavaScript does not know: write the letter alone, or \\d, \\s, \\w, \\b, ^, $`,
        );
      }
    },
  });
  return { pattern, isUnicode };
}

/** Parses with the flag `u`, or else without it: only without it `\-` is a way to write a hyphen. */
function parsed(
  source: string,
  unicode = true,
): { readonly pattern: AST.Pattern; readonly isUnicode: boolean } {
  try {
    const pattern = new RegExpParser().parsePattern(source, 0, source.length, { unicode });
    return { pattern, isUnicode: unicode };
  } catch (error) {
    if (unicode) return parsed(source, false);
    const [, reason = 'is no pattern'] =
      /^Invalid regular expression: (?:.*: )?([^:]*)$/s.exec(String((error as Error).message)) ?? [];
    throw new PatternError(reason.toLowerCase());
  }
}
