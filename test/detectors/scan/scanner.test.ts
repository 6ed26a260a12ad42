import { describe, expect, test } from 'vitest';
import {
  type AnchoredRule,
  anchoredRule,
  DIGITS,
  type SweepingRule,
  type TextRule,
} from '../../../src/detectors/rule.ts';
import { Scanner, withoutCut } from '../../../src/detectors/scan/scanner.ts';
import { seeded } from '../../support/incremental-diff.ts';
import { growth } from '../../support/linear.ts';

const key = anchoredRule({ id: 'key', anchors: ['key='], pattern: '(?<!\\w)key=[a-z]{2,6}(?![a-z])' });
const other = anchoredRule({
  id: 'other',
  anchors: ['key', 'lock'],
  pattern: '(?:key|lock)(?:=|\\b)',
  flags: 'i',
});
const number = anchoredRule({ id: 'number', anchors: [DIGITS], pattern: '(?<!\\d)\\d{3,5}(?!\\d)' });
const mail = anchoredRule({ id: 'mail', anchors: ['@'], pattern: '[a-z]{1,1}@[a-z]{1,9}', lead: 1 });
const secret = anchoredRule({ id: 'secret', anchors: ['secret'], pattern: '(?<before>secret is )\\w{3,9}' });
const even = anchoredRule({
  id: 'even',
  anchors: ['<'],
  pattern: '<[a-z]{1,20}',
  judge: (found) => (found.length % 2 === 0 ? 2 : 0),
});
const capitals: SweepingRule = {
  id: 'capitals',
  sweep: (text, from, to) =>
    [...text.slice(from).matchAll(/[A-Z]{2,9}/g)]
      .filter(({ index }) => from + index < to)
      .map(({ 0: found, index }) => ({ start: from + index, end: from + index + found.length })),
  openFrom: (text, from) => {
    const start = text.search(/[A-Z]{1,9}$/);
    return start >= from ? start : undefined;
  },
};

const words = (
  rules: readonly TextRule[],
  text: string,
  range?: { from?: number; to?: number; floor?: number },
) =>
  new Scanner(rules)
    .scan(text, range)
    .findings.map(({ rule, start, end }) => `${rule.id} ${text.slice(start, end)}`);

describe('a scanner', () => {
  test.each<[string, readonly TextRule[], string, readonly string[]]>([
    ['of no rules finds nothing', [], 'key=abc', []],
    ['finds in order', [number, key], 'key=abc 123 key=de', ['key key=abc', 'number 123', 'key key=de']],
    ['finds what different rules find in one place', [key, other], 'key=abc', ['other key=', 'key key=abc']],
    ['ignores capitals in anchors and not in expressions', [key, other], 'KEY=abc', ['other KEY=']],
    ['finds by any of the anchors of a rule', [other], 'lock key', ['other lock', 'other key']],
    [
      'finds numbers where they begin',
      [number],
      '12 123 123456 1234x12345',
      ['number 123', 'number 1234', 'number 12345'],
    ],
    ['finds what begins before its anchor', [mail], 'a@b @c d@ x@yz', ['mail a@b', 'mail x@yz']],
    ['leaves what announces it', [secret], 'the secret is tulip', ['secret tulip']],
    ['takes as much as was judged to be it', [even], '<abc <ab', ['even <a']],
    ['sweeps', [capitals, key], 'AB key=cd EF', ['capitals AB', 'key key=cd', 'capitals EF']],
    [
      'does not look within what a rule has found',
      [anchoredRule({ id: 'aa', anchors: ['a'], pattern: 'a{1,2}' })],
      'aaaaa',
      ['aa aa', 'aa aa', 'aa a'],
    ],
  ])('%s', (_, rules, text, found) => {
    expect(words(rules, text)).toEqual(found);
  });

  test('tells where the announcement of a finding begins', () => {
    const [found] = new Scanner([secret]).scan('the secret is tulip').findings;
    expect(found).toMatchObject({ from: 4, start: 14, end: 19 });
  });

  test.each([
    [{ from: 0, to: 8 }, ['key key=abc']],
    [{ from: 0, to: 9 }, ['key key=abc', 'key key=de']],
    [{ from: 1, to: 8 }, []],
    [{ from: 8, to: 18 }, ['key key=de']],
    [{ from: 18 }, []],
  ])('finds in the range %j the texts announced there', (range, found) => {
    expect(words([key], 'key=abc key=de', range)).toEqual(found);
  });

  test('finds nothing before the floor, though it is announced behind it', () => {
    expect(words([mail], 'ab@cd', { from: 2, floor: 2 })).toEqual([]);
    expect(words([mail], 'ab@cd', { from: 2, floor: 1 })).toEqual(['mail b@cd']);
  });

  test('finds a number that a range cuts only where it begins', () => {
    expect(words([number], 'a 12345 b', { from: 0, to: 4 })).toEqual(['number 12345']);
    expect(words([number], 'a 12345 b', { from: 4 })).toEqual([]);
  });

  test('finds the same in slices of any size as in the whole', () => {
    const random = seeded(7);
    const rules = [key, other, number, mail, secret, even, capitals];
    const scanner = new Scanner(rules);
    const pieces = [
      'key=abc',
      'key=',
      ' ',
      'LOCK',
      '1234',
      '12',
      'a@b',
      'secret is it2',
      '<abc',
      'AB',
      'x',
      '.',
    ];
    for (let run = 0; run < 300; run++) {
      const text = Array.from({ length: random.below(30) }, () => random.of(pieces)).join('');
      const whole = scanner.scan(text).findings;
      const inSlices = [];
      const size = 1 + random.below(12);
      for (let from = 0; from < text.length; from += size) {
        inSlices.push(
          ...scanner.scan(text, { from, to: Math.min(text.length, from + size), floor: 0 }).findings,
        );
      }
      const shown = (findings: typeof whole) =>
        new Set(findings.map(({ rule, start, end }) => `${rule.id} ${start} ${end}`));
      // A slice does not know that the one before found something that reaches into it
      for (const one of shown(whole)) expect(shown(inSlices)).toContain(one);
    }
  });
});

describe('the end of a text that goes on', () => {
  const openOf = (rules: readonly TextRule[], text: string) => new Scanner(rules).scan(text, {}, true).open;
  test.each<[string, readonly TextRule[], string, number]>([
    ['nothing', [key, other], 'abc', 3],
    ['the beginning of an anchor', [key], 'abc ke', 4],
    ['the longest beginning', [key, other], 'loc', 0],
    ['an anchor', [key], 'abc key=', 4],
    ['what could grow', [key], 'key=ab', 0],
    ['what cannot grow, as something behind it is looked at', [key], 'key=abcdef', 0],
    ['what is complete', [key], 'key=ab.', 7],
    ['a number', [number], 'abc 12', 4],
    ['a number that is too long by now', [number], 'abc 123456', 10],
    ['a sweep', [capitals], 'abc A', 4],
    ['the first of several', [capitals, key, number], 'x 12 key=ab', 5],
    ['what was announced', [secret], 'the secret is', 4],
  ])('is open from %s on', (_, rules, text, open) => {
    expect(openOf(rules, text)).toBe(open);
  });

  test('is decided where the text ends', () => {
    expect(new Scanner([key]).scan('key=ab').open).toBe(6);
  });

  test('is not before the floor', () => {
    expect(new Scanner([{ ...capitals, openFrom: () => 0 }]).scan('AAAA', { from: 2 }, true).open).toBe(2);
  });

  test('is open for a rule whose matches begin before their anchors', () => {
    const tail: AnchoredRule = { ...mail, openTail: (text, from) => Math.max(from, text.length - 1) };
    expect(openOf([tail], 'abc')).toBe(2);
  });
});

describe('a cut', () => {
  const span = (from: number, end: number, start = from) => ({ from, start, end });
  test.each<[string, ReturnType<typeof span>[], number, number]>([
    ['where nothing stands', [], 5, 5],
    ['before, behind and beside spans', [span(0, 5), span(5, 9)], 5, 5],
    ['within a span, before it', [span(3, 8)], 5, 3],
    ['within what announces it, before that', [span(2, 8, 6)], 4, 2],
    ['within a chain, before all of it', [span(1, 4), span(3, 7), span(6, 9)], 8, 1],
    ['within a chain out of order, before all of it', [span(6, 9), span(1, 4), span(3, 7)], 8, 1],
    ['at the end', [span(3, 8)], 8, 8],
  ])('%s', (_, spans, position, at) => {
    expect(withoutCut('0123456789', spans, position)).toBe(at);
  });

  test('lies before a character, not within', () => {
    expect(withoutCut('a\u{1f600}b', [], 2)).toBe(1);
    expect(withoutCut('a\ude00b', [], 2)).toBe(2);
    expect(withoutCut('a\u{1f600}', [], 3)).toBe(3);
  });

  test('through a chain of a hundred thousand spans takes time in proportion', () => {
    const chain = (length: number) => Array.from({ length }, (_, i) => span(i, i + 2));
    expect(growth((text) => withoutCut(text, chain(text.length), text.length - 1), 'a')).toBeLessThan(3.5);
    expect(withoutCut('a'.repeat(100_000), chain(100_000), 99_999)).toBe(0);
  });
});

test.each(['1', 'a', '1a', ' '])(
  'slices of megabytes of %j take time in proportion to their length',
  (piece) => {
    const scanner = new Scanner([number, key]);
    const inSlices = (text: string) => {
      for (let from = 0; from < text.length; from += 2048)
        scanner.scan(text, { from, to: from + 2048, floor: 0 });
    };
    expect(growth(inSlices, piece, 1_000_000)).toBeLessThan(3.5);
  },
);
