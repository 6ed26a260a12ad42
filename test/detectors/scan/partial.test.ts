import { describe, expect, test } from 'vitest';
import { anchoredRule } from '../../../src/detectors/rule.ts';
import { partialOf } from '../../../src/detectors/scan/partial.ts';

/** An expression, and texts in each of which it matches from the first character on. */
const PATTERNS: readonly (readonly [pattern: string, flags: '' | 'i' | 'u' | 'iu', ...texts: string[]])[] = [
  ['abc', '', 'abc'],
  ['a?b?c?d', '', 'd', 'abcd', 'bd'],
  ['[a-f]{4,8}-[0-9]{2,3}', '', 'abcd-12', 'abcdefab-123'],
  ['(?:cat|category|dog)', '', 'cat', 'dog', 'catalogue'],
  ['(?:category|cat)s?', '', 'cats', 'categorys', 'catego'],
  ['(a|b){2,3}c', '', 'abc', 'babc'],
  ['(?<word>[a-z]{1,5}):(?<value>\\d{1,4})', '', 'key:1234', 'a:1'],
  ['(?<quote>["\'])[a-z]{0,9}\\k<quote>', '', '"what"', "''"],
  ['(ab?c)-\\1', '', 'abc-abc', 'ac-ac'],
  ['(?:(x)|y)z\\1', '', 'xzx', 'yz'],
  ['a{2}(?=b{1,3}c)b', '', 'aabc', 'aabbbc'],
  ['a{1,3}(?!b)', '', 'aac', 'aaa ', 'aab'],
  ['key(?![a-z]{1,9}\\b)', '', 'key 1', 'keyabcdefghijk'],
  ['key(?!s?$)', '', 'keyss', 'key '],
  ['key(?!(?!x)[a-z])', '', 'keyx', 'key1'],
  ['(?<![a-z])k(?<=k)ey', '', 'key'],
  ['(?<=^)k\\be?', '', 'k ', 'k'],
  ['\\bkey\\b', '', 'key', 'key.'],
  ['^start$', '', 'start'],
  ['\\d{3}(?:[- ]?\\d{2}){2}', '', '123-45-67', '1234567', '123 4567'],
  ['a.{0,5}?z', '', 'az', 'abcz', 'a12345z'],
  ['\\p{L}{2,4}\\p{N}', 'u', 'éß1', '\u{1d4b6}\u{1d4b7}2'],
  ['x\u{1f600}{2}y', 'u', 'x\u{1f600}\u{1f600}y'],
  ['[\u{1f600}-\u{1f64f}]{1,3}!', 'u', '\u{1f601}\u{1f602}!'],
  ['key=[A-F]{2}', 'i', 'KEY=ab', 'key=Ff'],
  ['', '', ''],
  ['(?:){3}a', '', 'a'],
  ['[^a]{2}', '', 'bc', '\n\n'],
  ['a(?:b(?:c(?:d)?)?)?e', '', 'ae', 'abe', 'abcde'],
];

const CASES = PATTERNS.flatMap(([pattern, flags, ...texts]) =>
  texts.map((text) => [pattern, flags, text] as const),
);

describe('the partial expression', () => {
  test.each(CASES)('of /%s/%s matches every beginning of %j', (pattern, flags, text) => {
    const whole = new RegExp(pattern, `${flags}y`);
    const { source, lookahead } = partialOf(pattern, flags);
    const partial = new RegExp(source, `${flags}y`);
    const lengthIn = (part: string, expression: RegExp) => {
      expression.lastIndex = 0;
      return expression.exec(part)?.[0].length;
    };
    const length = lengthIn(text, whole);
    for (let end = 0; end < text.length; end++) {
      // Half a character is held back whatever it is
      if (flags.includes('u') && /[\ud800-\udbff]$/.test(text.slice(0, end))) continue;
      const part = text.slice(0, end);
      const reached = lengthIn(part, partial);
      const isOpen = reached !== undefined && reached > part.length - Math.max(lookahead, 1);
      // A match that is not open is decided, as in the whole text
      if (!isOpen) expect([part, lengthIn(part, whole)]).toEqual([part, length]);
    }
  });

  test.each(CASES)(
    'of /%s/%s says nothing of %j where a match is complete and behind',
    (pattern, flags, text) => {
      const rule = anchoredRule({ id: 'x', anchors: ['x'], pattern, ...(flags !== '' && { flags }) });
      if (pattern === '^start$') return;
      expect(rule.open(`${text}${'~'.repeat(rule.reach() + 1)}`, 0)).toBeUndefined();
    },
  );
});

describe('how far a match can reach', () => {
  test.each([
    ['abc', '', 3],
    ['a{2,5}', '', 5],
    ['(?:ab|cde){1,2}f?', '', 7],
    ['a(?=b{4})', '', 5],
    ['a(?!b{6})', '', 7],
    ['(?<=abc)d', '', 1],
    ['\\bkey\\b$', '', 3],
    ['(abc)-\\1', '', 7],
    ['(?<w>ab)\\k<w>', '', 4],
    ['[\u{1f600}]{3}', 'u', 6],
    ['.{3}', 'iu', 6],
    ['(?:){1000}', '', 0],
  ])('/%s/%s: %i units', (pattern, flags, reach) => {
    expect(partialOf(pattern, flags).reach).toBe(reach);
  });

  test('is bounded ahead of its end too', () => {
    expect(partialOf('a(?!b{6})c(?=de)', '').lookahead).toBe(6);
    expect(partialOf('abc', '').lookahead).toBe(0);
  });
});

test.each(['a*', 'a+', 'a{2,}', '(?:a|b*)c', '(?:a+)?', 'x(?=a*)', '[a-z]+?', '(?:(?:a{1,3})*b){2}'])(
  'the unbounded /%s/ is refused',
  (pattern) => {
    expect(() => partialOf(pattern, '')).toThrow('has no bound');
    const rule = anchoredRule({ id: 'x', anchors: ['x'], pattern });
    expect(() => rule.reach()).toThrow('has no bound');
    expect(() => rule.open('x', 0)).toThrow('has no bound');
  },
);

test.each(['(', 'a{2,1}', '[b-a]', '(?<n>a)(?<n>b)'])('an invalid expression is refused: %s', (pattern) => {
  expect(() => partialOf(pattern, '')).toThrow();
});

test('flags within a group are kept for RE2 and refused elsewhere', () => {
  expect(partialOf('k(?i:EY)', '', { unbounded: true }).source).toBe('(?:k|\\z)(?i:(?:E|\\z)(?:Y|\\z))');
  expect(() => partialOf('k(?i:EY)', '')).toThrow('has flags within');
});

test('an unbounded expression is followed for 4096 units where the caller allows it', () => {
  expect(partialOf('a+b', '', { unbounded: true })).toMatchObject({
    reach: 4096,
    source: '(?:a|\\z)+(?:b|\\z)',
  });
  expect(partialOf('ab', '', { unbounded: true }).reach).toBe(2);
});
