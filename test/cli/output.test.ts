import { expect, test } from 'vitest';
import { age, csvLine, oneLine, plural, printableJson, size, table } from '../../src/cli/output.ts';

test('columns are as wide as their widest cell, numbers end at one edge, lines have no blanks at their end', () => {
  const columns = [{ title: 'name' }, { title: 'n', isNumber: true }, { title: 'last' }];
  expect(
    table(columns, [
      ['plum', '7', ''],
      ['🍒 cherry', '1200', 'x'],
    ]),
  ).toBe('name         n  last\nplum         7\n🍒 cherry  1200  x\n');
});

test('a table may have many rows', () => {
  const rows = Array.from({ length: 200_000 }, () => ['a']);
  expect(table([{ title: 'long' }], rows).length).toBe(5 + 2 * rows.length);
});

const S = 1000;
const M = 60 * S;
const H = 60 * M;
test.each([
  [-5, '0s'],
  [0, '0s'],
  [999, '0s'],
  [59 * S + 999, '59s'],
  [M, '1m'],
  [3 * M + 40 * S, '3m'],
  [H, '1h'],
  [5 * H + 20 * M, '5h 20m'],
  [24 * H - 1, '23h 59m'],
  [48 * H, '2d'],
  [52 * H + 5 * M, '2d 4h'],
])('an age of %i ms is written %s', (ms, text) => {
  expect(age(ms)).toBe(text);
});

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KB'],
  [1024 ** 2 - 1, '1.0 MB'],
  [13_000_000, '12.4 MB'],
  [1024 ** 4, '1.0 TB'],
  [1024 ** 5, '1024.0 TB'],
])('%i bytes are written %s', (bytes, text) => {
  expect(size(bytes)).toBe(text);
});

test.each([
  ['one two', 10, 'one two'],
  ['  one\r\n\ttwo\u0000\u001b[31m  ', 20, 'one two [31m'],
  ['\u009b31m\u202eabc\u2028d', 20, '31m abc d'],
  ['abcdef', 4, 'abc…'],
  ['🍒🍒🍒', 2, '🍒…'],
  ['', 4, ''],
])('%j on one line of %i characters is %j', (text, max, line) => {
  expect(oneLine(text, max)).toBe(line);
});

test.each([
  [1, 'record', '1 record'],
  [0, 'record', '0 records'],
  [2, 'delivery', '2 deliveries'],
  [2, 'API key', '2 API keys'],
])('%i of a %s are written %s', (count, noun, text) => {
  expect(plural(count, noun)).toBe(text);
});

test('printable JSON is the same value, and holds no control characters', () => {
  const value = { text: 'a\u001b[2J\u009b2J\u202e\u2028\ud83c\u{e0041}🍒\n', list: [1, null] };
  for (const indent of [undefined, 2]) {
    const text = printableJson(value, indent);
    expect(JSON.parse(text)).toEqual(value);
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
    expect(text).toContain('🍒');
  }
  expect(printableJson({ a: 1 }, 2)).toBe('{\n  "a": 1\n}');
});

test.each(['=1+1', '+1', '-1', '@A1', '|calc', '%0A', '\t=1', '＝1'])(
  'the cell %j does not become a formula',
  (text) => {
    expect(csvLine([text])).toMatch(/^"'/);
  },
);

test('a cell cannot end its row or its quotes', () => {
  expect(csvLine(['a"b', 'c\r\nd', null, 7, ['x', '=y']])).toBe('"a""b","c d",,7,"x =y"\r\n');
});
