import { describe, expect, test } from 'vitest';
import { deeplyUnescaped } from '../../../src/detectors/normalize/path-escapes.ts';
import { readArguments as readAll } from '../../../src/policies/kinds/agent-arguments.ts';
import { hasTraversal, pathRule } from '../../../src/policies/kinds/agent-path.ts';
import { growth } from '../../support/linear.ts';

describe('path traversal is found', () => {
  const all = (text: string, encode: (letter: string) => string) => text.replace(/[./\\]/g, encode);
  const hex = (letter: string) => letter.charCodeAt(0).toString(16);
  test.each([
    ['in a plain path', '../secret'],
    ['at the end of a path', '/srv/data/..'],
    ['in two dots alone', '..'],
    ['after a root', '/srv/../etc/passwd'],
    ['with backslashes', 'data\\..\\..\\win.ini'],
    ['in an argument of a command', 'cat ../secret'],
    ['in cd', 'cd .. && cat secret'],
    ['in an option', '--file=../secret'],
    ['in a list', '{a,../b}'],
    ['in percent codes', all('../../etc', (letter) => `%${hex(letter)}`)],
    ['in percent codes with capitals', '%2E%2E%2Fetc'],
    ['in percent codes of percent codes', all('../etc', (letter) => `%25${hex(letter)}`)],
    ['in percent codes five levels deep', all('../etc', (letter) => `%25252525${hex(letter)}`)],
    [
      'with every letter of a percent code encoded',
      all('../etc', () => '%25%32%65').replace('%25%32%65etc', '%25%32%66etc'),
    ],
    ['with a part of a percent code encoded', '%2%65%2%65%2%66etc'],
    ['in overlong UTF-8', '%c0%ae%c0%ae%c0%afetc'],
    ['in overlong UTF-8 of three bytes', '%e0%80%ae%e0%80%ae%e0%80%afetc'],
    ['with an overlong backslash', '..%c1%9cetc'],
    ['in codes that IIS reads', '%u002e%u002e%u002fetc'],
    ['in escapes of JSON', '\\u002e\\u002e\\u002fetc'],
    ['in escapes of escapes', '\\\\u002e\\\\u002e/etc'],
    ['in escapes of C', '\\x2e\\x2e\\x2fetc'],
    ['in escapes with percent codes', '%5cu002e%5cu002e/etc'],
    ['in wide letters', '\uff0e\uff0e\uff0fetc'],
    ['in percent codes of wide letters', '%ef%bc%8e%ef%bc%8e%ef%bc%8fetc'],
    ['in percent codes of wide digits', '\uff05\uff12\uff45\uff05\uff12\uff45/etc'],
    ['in one-dot leaders', '\u2024\u2024/etc'],
    ['in a two-dot leader', '/srv/\u2025/etc'],
    ['before a fraction slash', '..\u2044etc'],
    ['with invisible characters between', '.\u200b.\u2060/etc'],
    ['with an invisible letter between', '.\u3164./etc'],
    ['before a null character', '..%00/etc'],
    ['before a parameter of the path', '..;/admin'],
    ['in dots doubled for filters that remove it once', '....//etc'],
    ['in a URL', 'https://example.com/a/%2e%2e/b'],
  ])('%s', (_, text) => {
    expect(hasTraversal(deeplyUnescaped(text))).toBe(true);
  });

  test.each([
    'Wait.. what?',
    'and so on...',
    'see .../docs',
    'git diff main..feature',
    'git diff main...origin/feature',
    '[...a, ...b]',
    'a../b',
    '/srv/..hidden/x',
    '/srv/.config/x',
    './here',
    '1..10',
    '100 % of 25',
    '%2e%2e',
    'https://example.com/a.b/c..d',
    '50%c0',
    'Überall…/dort',
    '%zz%',
    '\\u00',
    '',
  ])('not in %j', (text) => {
    expect(hasTraversal(deeplyUnescaped(text))).toBe(text === '%2e%2e');
  });

  test.each([
    '%25',
    '%2',
    '%',
    '\\',
    '\\u002e',
    '%c0',
    '%e0%80',
    '\u200b',
    '\uff0e',
    '..',
    './',
    'cd ',
    '%u00',
    'é',
  ])('many of %j are read in linear time', (piece) => {
    expect(growth((text) => hasTraversal(deeplyUnescaped(text)), piece)).toBeLessThan(3);
  });
});

describe('allowed paths', () => {
  const isOutside = pathRule(['/workspace', '/tmp/agent/**', '.']);
  test.each([
    ['path', '/workspace/a.txt', false],
    ['path', '/workspace', false],
    ['path', '/workspace/', false],
    ['path', '/workspaces/a', true],
    ['path', '/workspace/../etc/passwd', true],
    ['path', '/workspace/a/../b', false],
    ['path', '/tmp/agent/x', false],
    ['path', '/tmp/other', true],
    ['path', 'src/a.ts', false],
    ['path', 'src/../../a.ts', true],
    ['path', '~/.ssh/config', true],
    ['path', '$HOME/.ssh', true],
    ['path', 'C:\\Windows', true],
    ['path', 'file:///workspace/a', false],
    ['path', 'file:///etc/passwd', true],
    ['path', '%2fetc%2fpasswd', true],
    ['filePath', '/etc/passwd', true],
    ['target-file', '/etc/passwd', true],
    ['note', '/etc/passwd', true],
    ['note', '  /etc/passwd', true],
    ['note', 'the file /etc/passwd', false],
    ['note', '/* a comment */', false],
    ['note', '// a comment', false],
    ['note', '/etc is where\nsettings are', false],
    ['path', `/workspace/${'x'.repeat(5000)}`, true],
    ['note', `/${'x'.repeat(5000)}`, false],
    ['path', '', false],
  ])('for the argument %s with the value %j, outside: %s', (name, text, outside) => {
    expect(isOutside(name, text)).toBe(outside);
  });

  test('relative paths are outside where only absolute directories are allowed', () => {
    expect(pathRule(['/workspace'])('path', 'a.txt')).toBe(true);
    expect(pathRule(['/'])('path', '/etc')).toBe(false);
  });
});

describe('reading arguments', () => {
  const readArguments = (raw: string) => readAll([{ arguments: raw }])[0]!;

  test.each<[string, string, number[]]>([
    ['in a number', '{"amount": 12.5}', [12.5]],
    ['in a text', '{"total": "$1,200.50"}', [1200.5]],
    ['in a text with a decimal comma', '{"price": "1.200,50 EUR"}', [1200.5]],
    ['in a number with an exponent', '{"value": 1e3}', [1000]],
    ['in a negative number, without its sign', '{"amount": -5}', [5]],
    ['under a longer name', '{"transfer_amount": 1, "priceEur": 3}', [3]],
    ['not under other names', '{"amounted": 5, "count": 7}', []],
    ['not in words', '{"amount": "many"}', []],
    ['in several objects', '[{"amount": 1, "price": 2}, {"amount": 4}]', [2, 4]],
    ['in a list', '{"amounts": [1, 2]}', [1, 2]],
    ['in JSON within a text', '{"body": "{\\"amount\\": 9}"}', [9]],
    ['in JSON that is cut off', '{"to": "x", "amount": 55', [55]],
    ['not in other texts', 'amount=5', []],
    ['not in an empty text', '', []],
  ])('finds amounts %s', (_, raw, amounts) => {
    expect(readArguments(raw).amounts).toEqual(amounts);
  });

  test('gives names, texts, numbers and JSON within texts as values', () => {
    const { values, isJson } = readArguments('{"a": ["b", {"c": "{\\"d\\": \\"e\\"}"}], "f": 1}');
    expect(isJson).toBe(true);
    expect(values.map(({ text }) => text)).toEqual(['a', 'b', 'c', '{"d": "e"}', 'd', 'e', 'f', '1']);
  });

  test('gives invalid JSON as one value', () => {
    const { values, isJson } = readArguments('{"path": "/etc/passwd", "x": "');
    expect(isJson).toBe(false);
    expect(values).toContainEqual({ name: 'path', text: '/etc/passwd' });
  });

  test.each([
    ['many values', [JSON.stringify(Array(20_001).fill(''))], [true]],
    ['many pairs in invalid JSON', ['"a":"",'.repeat(20_001)], [true]],
    ['a long text', ['x'.repeat(500_001)], [true]],
    ['two texts that are long in sum', ['x'.repeat(300_000), 'x'.repeat(300_000)], [false, true]],
    ['not for as much as tools use', [JSON.stringify(Array(1000).fill('x'.repeat(100)))], [false]],
  ])('ends at a bound: %s', (_, raws, isTooMuch) => {
    expect(readAll(raws.map((raw) => ({ arguments: raw }))).map((read) => read.isTooMuch)).toEqual(isTooMuch);
  });

  test.each(['"a":"', '"a":', '"', '{"a":', '[', '"a" : 1', '\\"'])(
    'many of %j are read in linear time',
    (piece) => {
      expect(growth(readArguments, piece)).toBeLessThan(3);
    },
  );
});
