import { describe, expect, test } from 'vitest';
import { PatternError, userPattern } from '../../../src/detectors/scan/user-pattern.ts';

const found = (source: string, text: string, from = 0, to = text.length) =>
  userPattern('x', source)
    .sweep(text, from, to)
    .map(({ start, end }) => text.slice(start, end));

describe('a pattern of a user', () => {
  test.each([
    ['EMP-\\d{6}', 'EMP-123456, EMP-1, EMP-654321', ['EMP-123456', 'EMP-654321']],
    ['(?i)emp-\\d+', 'Emp-1 eMP-23', ['Emp-1', 'eMP-23']],
    ['(sk-|gsk_)[A-Za-z0-9]+', 'sk-a1 gsk_b2', ['sk-a1', 'gsk_b2']],
    ['(?m)^total: .*$', 'a\ntotal: 1\ntotal: 2', ['total: 1', 'total: 2']],
    ['(?s)<a>.*?</a>', '<a>\n</a><a></a>', ['<a>\n</a>', '<a></a>']],
    ['(?im)^x$', 'X\nxx\nx', ['X', 'x']],
    ['disregard.*earlier.*rules', 'please disregard all earlier rules', ['disregard all earlier rules']],
    ['EMP\\-\\d', 'EMP-1', ['EMP-1']],
    ['\\p{Lu}{2,}', 'aÄÖb', ['ÄÖ']],
    ['😀+', 'a😀😀b', ['😀😀']],
    ['(?<name>a+)b', 'aab', ['aab']],
    ['(?:a|b){2,3}?', 'abab', ['ab', 'ab']],
    ['\\bfoo\\b', 'foo food xfoo (foo)', ['foo', 'foo']],
    ['x*y|z', 'xxyz', ['xxy', 'z']],
    ['a|\\b', 'b a', ['a']],
    ['(?i)straße|x{2,}y+|(?:ab)?cd', 'STRASSE STRAßE xxy ABCD', ['STRAßE', 'xxy', 'ABCD']],
    ['(?i)kelvin', 'a \u212aelvin', ['\u212aelvin']],
    ['(sk|(?:gs){1,2}k)[_-]\\d', 'sk-1 gsk_2 gsgsk-3', ['sk-1', 'gsk_2', 'gsgsk-3']],
    ['[^a-z]+$', 'abc123', ['123']],
  ])('%s finds its matches', (source, text, expected) => {
    expect(found(source, text)).toEqual(expected);
  });

  test.each([
    ['ticket no', 'a ticket  no and ticket\n    no', ['ticket  no', 'ticket\n    no']],
    ['\\d{4}[ -]\\d{4}', '1234\n5678, 1234 - 5678, 1234-5678', ['1234\n5678', '1234-5678']],
    ['a\\sb|c d?', 'a \t b c\n d c', ['a \t b', 'c\n d']],
    ['no:? (?:is )?x', 'no:\nis\nx no  x', ['no:\nis\nx', 'no  x']],
    ['a +b', 'a \n b', ['a \n b']],
    ['name: [A-Z ]+', 'name:\nADA FROST\nSIGNED', ['name:\nADA FROST']],
    ['key: .*', 'key: abc\nnext line', ['key: abc']],
    [' EMP-1 ', 'an\n  EMP-1  is', [' EMP-1 ']],
    ['a b', `a${' '.repeat(17)}b`, []],
  ])('%s takes a blank for several and for line ends', (source, text, expected) => {
    expect(found(source, text)).toEqual(expected);
  });

  test('that would be too large with wide blanks has narrow ones', () => {
    const source = 'a b'.repeat(100);
    expect(found(source, source)).toEqual([source]);
    expect(found(source, source.replace(' ', '  '))).toEqual([]);
    expect(found('(?:[a-z]+ ){1,100}x\\d', 'abc def x1')).toEqual(['abc def x1']);
  });

  test.each([
    ['(?=a)b', 'looks around'],
    ['(?<!a)b', 'looks around'],
    ['(a)\\1', 'refers to a group'],
    ['(?<n>a)\\k<n>', 'refers to a group'],
    ['a{1001}', 'counts to more than 1000'],
    ['a{5,2000}', 'counts to more than 1000'],
    ['(?:a{1000}){1000}', 'linear time'],
    ['[ab]{1000}[cd]{1000}', 'too large'],
    ['a*', 'empty text'],
    ['', 'empty text'],
    ['^', 'empty text'],
    ['(a|b*)?', 'empty text'],
    ['(', 'unterminated group'],
    ['[a', 'unterminated character class'],
    ['a**', 'nothing to repeat'],
    ['a++', 'nothing to repeat'],
    ['\\Aa', '\\A'],
    ['a\\z', '\\z'],
    ['\\pL', '\\p'],
    ['\\Qa\\E', '\\Q'],
    ['[[:alpha:]]', 'POSIX'],
    ['a(?i)b', 'flags within'],
    ['(?x)a', 'invalid group'],
    ['(?P<n>a)', 'invalid group'],
    ['\\u0041', 'invalid escape'],
    ['x'.repeat(2001), 'longer than 2000'],
  ])('%s is refused, with the reason', (source, reason) => {
    const create = () => userPattern('x', source);
    expect(create).toThrow(PatternError);
    expect(create).toThrow(reason);
  });

  test('matches that begin in a range are found, and those alone', () => {
    const text = 'ab ab ab ab';
    const { sweep } = userPattern('x', 'ab');
    expect(sweep(text, 3, 7)).toEqual([
      { start: 3, end: 5 },
      { start: 6, end: 8 },
    ]);
    expect(found('\\bab', 'xab ab', 1)).toEqual(['ab']);
    expect(found('^ab', 'abab', 2)).toEqual([]);
    expect(found('a+$', `aa${'b'.repeat(9000)}`, 0, 2)).toEqual([]);
  });

  test('slices of a text have the matches of the whole text', () => {
    const text = 'so EMP-123456 and EMP-654321, x@y.example '.repeat(40);
    for (const source of ['EMP-\\d{6}', '\\bEMP-\\d+\\b', '[a-z]+@[a-z.]+', '(?i)emp']) {
      const rule = userPattern('x', source);
      for (const size of [7, 64, 333]) {
        const spans = [];
        for (let from = 0; from < text.length; from += size) {
          spans.push(...rule.sweep(text, from, Math.min(text.length, from + size)));
        }
        const starts = new Set(spans.map(({ start }) => start));
        for (const { start } of rule.sweep(text, 0, text.length)) expect(starts).toContain(start);
      }
    }
  });

  /** Matches found in slices, as the scanner makes them. */
  const inSlices = (source: string, text: string) => {
    const rule = userPattern('x', source);
    const spans = [];
    for (let from = 0; from < text.length; from += 2048)
      spans.push(...rule.sweep(text, from, Math.min(text.length, from + 2048)));
    return spans;
  };

  test.each([
    ['\\bPROJ-[\\w-]+', `PROJ-titan${'-'.repeat(6200)}`],
    ['PROJ-[\\w-]+\\b', `PROJ-${'ab-'.repeat(3000)}x`],
    ['TOKEN-\\w+', `TOKEN-${'a'.repeat(9000)}`],
    ['(?s)<key>.*</key>', `<key>${'</key> '.repeat(4000)}</key>`],
    ['key=.+', `key=${'a'.repeat(200_000)}`],
  ])('%s is found to its end, however long it is', (source, match) => {
    for (const before of ['', `${'so '.repeat(1365)}\n`]) {
      expect(inSlices(source, `${before}${match}\nand more`)).toEqual([
        { start: before.length, end: before.length + match.length },
      ]);
    }
  });

  test('an unfinished match at the end of a text is no match', () => {
    expect(inSlices('[a-z]+$', `${'a'.repeat(10_000)}!`)).toEqual([]);
    expect(inSlices('(?m)^key: [a-z]+$', `key: ${'a'.repeat(10_000)}!\nkey: b`)).toEqual([
      { start: 10_007, end: 10_013 },
    ]);
  });

  test('a match that is longer than 256 KB is cut', () => {
    const [first] = inSlices('key=.+', `key=${'a'.repeat(400_000)}`);
    expect(first).toEqual({ start: 0, end: 256 * 1024 });
  });

  test('the long match of a text is forgotten once eight others have been searched since', () => {
    const rule = userPattern('x', '\\w+');
    const text = `${'a'.repeat(9000)} b`;
    const others = (count: number) => {
      for (let i = 0; i < count; i++) rule.sweep('c'.repeat(9000 + i), 0, 2048);
    };
    const rest = () => rule.sweep(text, 2048, 4096);
    expect(rule.sweep(text, 0, 2048)).toEqual([{ start: 0, end: 9000 }]);
    others(7);
    expect(rest()).toEqual([]);
    others(7);
    expect(rest()).toEqual([]);
    others(8);
    expect(rest()).toEqual([{ start: 2048, end: 9000 }]);
  });

  test('searches of several texts in turns do not mix', () => {
    const rule = userPattern('x', 'TOKEN-\\w+|b+');
    const texts = [`TOKEN-${'a'.repeat(9000)} b`, `TOKEN-${'b'.repeat(9000)} b`, `${'b'.repeat(9006)} b`];
    const ends = texts.map((): number[] => []);
    for (let from = 0; from < 9008; from += 2048) {
      texts.forEach((text, i) => {
        for (const { end } of rule.sweep(text, from, Math.min(text.length, from + 2048))) ends[i]!.push(end);
      });
    }
    expect(ends).toEqual(texts.map(() => [9006, 9008]));
  });

  test.each([
    ['EMP-\\d{6}', 'EMP-123456'],
    ['(?i)emp-\\d{6}', 'EMP-123456'],
    ['(sk-|gsk_)[A-Za-z0-9]+', 'gsk_abc1'],
    ['\\bfoo bar\\b', 'foo bar'],
    ['(?s)<a>.*</a>', '<a>\nx</a>'],
    ['😀{2}x', '😀😀x'],
    ['(?m)^total: \\d+$', 'total: 123'],
    ['[\\p{L}]+@corp', 'jürgen@corp'],
  ])('%s is held back wherever its text is cut', (source, sample) => {
    const rule = userPattern('x', source);
    const text = `so\n${sample}`;
    for (let end = 4; end < text.length; end++) {
      expect(rule.openFrom(text.slice(0, end), 0), text.slice(0, end)).toBe(3);
      expect(rule.openFrom(text.slice(0, end), 3), text.slice(0, end)).toBe(3);
    }
  });

  test('nothing is held back where no match has begun', () => {
    expect(userPattern('x', 'EMP-\\d{6}').openFrom('all is well. EMP-12 ', 0)).toBeUndefined();
    expect(userPattern('x', 'EMP-\\d{6}').openFrom('', 0)).toBeUndefined();
    expect(userPattern('x', '(?m)^total: \\d+$').openFrom('a total: 1', 0)).toBeUndefined();
  });
});
