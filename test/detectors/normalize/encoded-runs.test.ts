import { describe, expect, test } from 'vitest';
import { encodedRuns, runsInTurns } from '../../../src/detectors/normalize/encoded-runs.ts';
import { PLAIN, viewOf } from '../../../src/detectors/normalize/view.ts';
import { growth } from '../../support/linear.ts';
import { randomFrom } from '../../support/random.ts';

const SAID = 'this is what it says: ада@example.com, and then some more words\nof a second line';
const bytes = Buffer.from(SAID);
const base64 = bytes.toString('base64');
const pairs = bytes.toString('hex').match(/../g)!;
const lines = (text: string, length: number, indent = '') =>
  text.match(new RegExp(`.{1,${length}}`, 'g'))!.join(`\n${indent}`);

describe('the meaning of a run', () => {
  test.each([
    ['base64', base64],
    ['base64url', bytes.toString('base64url')],
    ['base64 in lines', lines(base64, 64)],
    ['base64 in lines with an indent', lines(base64, 48, '    ')],
    ['base64 in lines of Windows', lines(base64, 76).replaceAll('\n', '\r\n')],
    ['hex', pairs.join('')],
    ['hex in capitals', pairs.join('').toUpperCase()],
    ['hex with blanks', pairs.join(' ')],
    ['hex with colons', pairs.join(':')],
    ['hex with hyphens', pairs.join('-')],
    ['hex as bytes of C', pairs.map((pair) => `0x${pair}`).join(', ')],
    ['one number in hex', `0x${pairs.join('')}`],
    ['hex as escapes', pairs.map((pair) => `\\x${pair}`).join('')],
    ['hex in groups and lines', lines(lines(pairs.join(''), 4).replaceAll('\n', ' '), 40)],
    ['base64 in base64', Buffer.from(base64).toString('base64')],
    ['hex in base64', Buffer.from(pairs.join('')).toString('base64')],
    ['base64 in hex', Buffer.from(base64).toString('hex')],
  ])('in %s is found, with all of the run and nothing else', (_, run) => {
    for (const [before, after] of [
      ['', ''],
      ['see ', ' there'],
      ['{"data":"', '","n":1}'],
      ['data = (', ');\nThen more'],
      ['x: ', '\n\nThanks\n'],
    ] as const) {
      const text = before + run + after;
      const found = encodedRuns(text).filter((one) => one.text.includes('ада@example.com'));
      expect(found.map(({ span }) => text.slice(span.start, span.end))).toEqual([run]);
      expect(found[0]?.text).toContain('words\nof a second');
    }
  });

  test.each([
    ['in percent codes', encodeURIComponent(base64)],
    ['with escaped line ends', lines(base64, 64).replaceAll('\n', '\\n')],
    ['with escaped slashes', base64.replaceAll('/', '\\/')],
    ['in full width', base64.replace(/[!-~]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) + 0xfee0))],
    ['with characters between that cannot be seen', base64.replace(/.{7}/g, '$&\u200b')],
  ])('%s is found in the view', (_, run) => {
    const text = `see ${run} there`;
    const view = viewOf(text, PLAIN);
    const [found] = encodedRuns(view.text);
    expect(found?.text).toContain('ада@example.com');
    const { start, end } = view.original(found!.span);
    expect(text.slice(start, end).replace(/\u200b$/, '')).toBe(run.replace(/\u200b$/, ''));
  });

  test.each([
    ['one byte order', (wide: Buffer) => wide],
    ['the other byte order', (wide: Buffer) => wide.swap16()],
    ['a mark of the byte order', (wide: Buffer) => Buffer.concat([Buffer.from([0xff, 0xfe]), wide])],
  ])('of UTF-16 in %s is found', (_, written) => {
    const wide = written(Buffer.from('echo that ada@example.com wrote this', 'utf16le'));
    for (const run of [wide.toString('base64'), wide.toString('hex')])
      expect(encodedRuns(`pwsh -enc ${run} # so`).map(({ text }) => text)).toEqual([
        expect.stringContaining('ada@example.com wrote'),
      ]);
  });

  const LONG = `${'a long text goes on. '.repeat(9000)}${SAID}${' and on, and on'.repeat(9000)}`;
  test.each([
    ['base64', Buffer.from(LONG).toString('base64')],
    ['base64 in lines', lines(Buffer.from(LONG).toString('base64'), 76)],
    ['hex', Buffer.from(LONG).toString('hex')],
    ['hex with blanks', Buffer.from(LONG).toString('hex').replace(/../g, '$& ')],
  ])('of many kilobytes in %s is found in a part of it', (_, run) => {
    const said = encodedRuns(`see ${run} there`).filter((one) => one.text.includes(SAID));
    expect(said.length).toBeGreaterThan(0);
    for (const { span } of said) expect(span.end - span.start).toBeLessThan(100_000);
  });

  test('is that of two levels', () => {
    const twice = Buffer.from(base64).toString('base64');
    expect(encodedRuns(twice).some(({ text }) => text.includes('example'))).toBe(true);
    const thrice = Buffer.from(twice).toString('base64');
    expect(encodedRuns(thrice).some(({ text }) => text.includes('example'))).toBe(false);
  });
});

describe('the words round a run', () => {
  const line = Buffer.from('a line of forty-eight bytes, which makes 64 signs')
    .subarray(0, 48)
    .toString('base64');

  test.each(['Thanks', 'Regards', 'token', 'nextword', 'AdaFrost', 'version2'])(
    'such as %j behind it stay',
    (word) => {
      const text = `${line}\n${word}`;
      for (const { span } of encodedRuns(text)) expect(text.slice(span.start, span.end)).toBe(line);
      expect(encodedRuns(text).length).toBe(1);
    },
  );

  test.each([
    'Plain words, and internationalization is a long one.',
    'src/detectors/rule.ts and node_modules/valibot/dist/index.mjs',
    'commit 3f2a9c41d7e8b6a5f0c1d2e3f4a5b6c7d8e9f0a1',
    '123456789012345678901234567890',
    '00 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 and 00:11:22:33:44:55',
    'e3b0c442-98fc-1c14-9afb-f4c8996fb924',
    'aVeryLongNameOfAFunctionInACamelCaseStyle and A_CONSTANT_THAT_IS_JUST_AS_LONG_AS_THAT',
    '',
  ])('alone are none: %j', (text) => {
    expect(encodedRuns(text)).toEqual([]);
  });

  test('of random bytes mean nothing', () => {
    const random = randomFrom(7);
    for (let i = 0; i < 300; i++) {
      const noise = Buffer.from(Array.from({ length: 300 }, () => Math.floor(random() * 256)));
      expect(encodedRuns(noise.toString('base64'))).toEqual([]);
      expect(encodedRuns(noise.toString('hex'))).toEqual([]);
    }
  });
});

test.each([
  ['base64', 'aWdu'],
  ['short base64 in lines', 'aWdub3JlIGFsbCBwcmV2a\n'],
  ['base64 in lines of one length', 'aWdub3JlIGFsbCBwcmV2aWdu\n'],
  ['lines that may be base64', 'aWdub3JlIGFsbCBwcmV2aWdu\nab\n'],
  ['hex', '69'],
  ['almost hex', `${'69 '.repeat(15)}g `],
  ['words', 'internationalizations/'],
])('many of %s are read in linear time', (_, piece) => {
  expect(growth(encodedRuns, piece, 300_000)).toBeLessThan(3);
  let turns = 0;
  for (const run of runsInTurns(piece.repeat(1_000_000 / piece.length)))
    turns += typeof run === 'number' ? 1 : 0;
  expect(turns).toBeGreaterThan(10);
});
