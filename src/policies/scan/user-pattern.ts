import { type AST, RegExpParser, visitRegExpAST } from '@eslint-community/regexpp';
import { RE2JS } from 're2js';
import { needlesOf } from './needles.ts';
import { partialOf } from './partial.ts';
import type { Span, SweepingRule } from './rule.ts';

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

const FLAGS: Record<string, number> = {
  i: RE2JS.CASE_INSENSITIVE,
  m: RE2JS.MULTILINE,
  s: RE2JS.DOTALL,
};

/**
 * A pattern that a user wrote: RE2's syntax as far as JavaScript's says the same, `(?i)`, `(?m)` and `(?s)` at its
 * beginning included. It is run by RE2, in time linear in the text. What it matches is looked at for 4096 units at most.
 *
 * @throws a {@link PatternError} for look-around, references to groups, and all that is not in both syntaxes
 * @see https://github.com/google/re2/wiki/Syntax
 */
export function userPattern(id: string, source: string): SweepingRule {
  const [prefix = '', letters = ''] = /^\(\?([ims]{1,3})\)/.exec(source) ?? [];
  const body = source.slice(prefix.length);
  if (source.length > MAX_PATTERN) throw new PatternError(`is longer than ${MAX_PATTERN} characters`);
  const { pattern, isUnicode, looksBehindItsEnd } = checked(body);
  const needles = needlesOf(pattern);
  const flags = [...letters].reduce((sum, letter) => sum | FLAGS[letter]!, 0);
  const whole = compiled(body, flags);
  if (whole.programSize() > MAX_SIZE) throw new PatternError('is too large: use smaller counts');
  if (whole.test('')) throw new PatternError('matches the empty text: it would be found everywhere');
  const { source: partialSource, reach } = partialOf(body, isUnicode ? 'u' : '', { unbounded: true });
  const partial = compiled(`(?:${partialSource})\\z`, flags);

  return {
    id,
    sweep(text, from, to) {
      const begin = Math.max(0, from - CONTEXT);
      const end = Math.min(text.length, to + reach + CONTEXT);
      const spans: Span[] = [];
      const part = text.slice(begin, end);
      if (needles?.test(part) === false) return spans;
      const matcher = whole.matcher(part);
      let at = from - begin;
      while (at <= part.length && matcher.find(at)) {
        const start = matcher.start() + begin;
        const stop = matcher.end() + begin;
        if (start >= to) break;
        // What is a boundary or an end in the part need not be one in the text
        const isDecided = stop < end || end === text.length || !looksBehindItsEnd;
        if (stop > start && isDecided) spans.push({ start, end: stop });
        at = Math.max(matcher.end(), matcher.start() + 1);
      }
      return spans;
    },
    openFrom(text, from) {
      const first = Math.max(from, text.length - reach);
      const begin = Math.max(0, first - CONTEXT);
      const end = text.length - (/[\ud800-\udbff]$/.test(text.slice(-1)) ? 1 : 0);
      const matcher = partial.matcher(text.slice(begin, end));
      const start = first <= end && matcher.find(first - begin) ? matcher.start() + begin : end;
      return start < text.length ? start : undefined;
    },
  };
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
function checked(source: string): Parsed & { looksBehindItsEnd: boolean } {
  if (/\[:\^?\w+:\]/.test(source)) throw new PatternError('has a POSIX class: write a-z, 0-9 or \\w instead');
  if (/\(\?[imsU]*-?[imsU]*\)/.test(source))
    throw new PatternError('has flags within: write them at its beginning, such as (?i)');
  const { pattern, isUnicode } = parsed(source);
  let looksBehindItsEnd = false;
  visitRegExpAST(pattern, {
    onAssertionEnter({ kind }) {
      if (kind === 'lookahead' || kind === 'lookbehind') {
        throw new PatternError(
          'looks around, which takes more than linear time: match what stands there too, or use \\b',
        );
      }
      looksBehindItsEnd ||= kind === 'end' || kind === 'word';
    },
    onBackreferenceEnter() {
      throw new PatternError('refers to a group, which takes more than linear time: write its pattern again');
    },
    onQuantifierEnter({ min, max }) {
      if (min > MAX_COUNT || (max !== Number.POSITIVE_INFINITY && max > MAX_COUNT)) {
        throw new PatternError(`counts to more than ${MAX_COUNT}`);
      }
    },
    onCharacterEnter({ raw }) {
      if (/^\\[A-Za-z]$/.test(raw) && !/^\\[nrtfv]$/.test(raw)) {
        throw new PatternError(
          `has ${raw}, which JavaScript does not know: write the letter alone, or \\d, \\s, \\w, \\b, ^, $`,
        );
      }
    },
  });
  return { pattern, isUnicode, looksBehindItsEnd };
}

type Parsed = { readonly pattern: AST.Pattern; readonly isUnicode: boolean };

/** As JavaScript reads it with its flag `u`, or without it: only without it `\-` is a way to write a hyphen. */
function parsed(source: string): Parsed {
  const parser = new RegExpParser();
  try {
    return { pattern: parser.parsePattern(source, 0, source.length, { unicode: true }), isUnicode: true };
  } catch {
    try {
      return { pattern: parser.parsePattern(source, 0, source.length, {}), isUnicode: false };
    } catch (error) {
      const [, reason = 'is no pattern'] =
        /^Invalid regular expression: (?:.*: )?([^:]*)$/s.exec(String((error as Error).message)) ?? [];
      throw new PatternError(reason.toLowerCase());
    }
  }
}
