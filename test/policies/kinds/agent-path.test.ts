import { describe, expect, test } from 'vitest';
import { deeplyUnescaped } from '../../../src/detectors/normalize/escapes.ts';
import { readArguments as readAll } from '../../../src/policies/kinds/agent-arguments.ts';
import { hasTraversal, pathRule } from '../../../src/policies/kinds/agent-path.ts';
import { growth } from '../../support/linear.ts';

describe('a path that climbs', () => {
  const all = (text: string, encode: (letter: string) => string) => text.replace(/[./\\]/g, encode);
  const hex = (letter: string) => letter.charCodeAt(0).toString(16);
  test.each([
    ['plainly', '../secret'],
    ['at the end', '/srv/data/..'],
    ['alone', '..'],
    ['after a root', '/srv/../etc/passwd'],
    ['by backslashes', 'data\\..\\..\\win.ini'],
    ['in a command', 'cat ../secret'],
    ['by cd', 'cd .. && cat secret'],
    ['in an option', '--file=../secret'],
    ['in a list', '{a,../b}'],
    ['percent-encoded', all('../../etc', (letter) => `%${hex(letter)}`)],
    ['with capitals', '%2E%2E%2Fetc'],
    ['encoded twice', all('../etc', (letter) => `%25${hex(letter)}`)],
    ['encoded five times', all('../etc', (letter) => `%25252525${hex(letter)}`)],
    [
      'with every letter of a code encoded',
      all('../etc', () => '%25%32%65').replace('%25%32%65etc', '%25%32%66etc'),
    ],
    ['with a part of a code encoded', '%2%65%2%65%2%66etc'],
    ['overlong', '%c0%ae%c0%ae%c0%afetc'],
    ['overlong in three bytes', '%e0%80%ae%e0%80%ae%e0%80%afetc'],
    ['overlong backslash', '..%c1%9cetc'],
    ['as IIS reads it', '%u002e%u002e%u002fetc'],
    ['escaped as in JSON', '\\u002e\\u002e\\u002fetc'],
    ['escaped as in JSON twice', '\\\\u002e\\\\u002e/etc'],
    ['escaped as in C', '\\x2e\\x2e\\x2fetc'],
    ['escaped and encoded', '%5cu002e%5cu002e/etc'],
    ['by wide letters', '\uff0e\uff0e\uff0fetc'],
    ['by wide letters, encoded', '%ef%bc%8e%ef%bc%8e%ef%bc%8fetc'],
    ['by wide codes', '\uff05\uff12\uff45\uff05\uff12\uff45/etc'],
    ['by one-dot leaders', '\u2024\u2024/etc'],
    ['by a two-dot leader', '/srv/\u2025/etc'],
    ['by a fraction slash', '..\u2044etc'],
    ['with what cannot be seen', '.\u200b.\u2060/etc'],
    ['with a letter that cannot be seen', '.\u3164./etc'],
    ['with a null', '..%00/etc'],
    ['with a parameter', '..;/admin'],
    ['for careless filters', '....//etc'],
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
  ])('%j does not', (text) => {
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
  ])('%s %j', (name, text, outside) => {
    expect(isOutside(name, text)).toBe(outside);
  });

  test('relative paths are outside where only absolute directories are allowed', () => {
    expect(pathRule(['/workspace'])('path', 'a.txt')).toBe(true);
    expect(pathRule(['/'])('path', '/etc')).toBe(false);
  });
});

describe('arguments', () => {
  const readArguments = (raw: string) => readAll([{ arguments: raw }])[0]!;

  test.each<[string, string, number[]]>([
    ['a number', '{"amount": 12.5}', [12.5]],
    ['a text', '{"total": "$1,200.50"}', [1200.5]],
    ['a text of the continent', '{"price": "1.200,50 EUR"}', [1200.5]],
    ['a power', '{"value": 1e3}', [1000]],
    ['less than nothing', '{"amount": -5}', [5]],
    ['a longer name', '{"transfer_amount": 1, "priceEur": 3}', [3]],
    ['other names', '{"amounted": 5, "count": 7}', []],
    ['words', '{"amount": "many"}', []],
    ['several objects', '[{"amount": 1, "price": 2}, {"amount": 4}]', [2, 4]],
    ['a list', '{"amounts": [1, 2]}', [1, 2]],
    ['JSON in a text', '{"body": "{\\"amount\\": 9}"}', [9]],
    ['what is cut off', '{"to": "x", "amount": 55', [55]],
    ['no JSON', 'amount=5', []],
    ['nothing', '', []],
  ])('amounts: %s', (_, raw, amounts) => {
    expect(readArguments(raw).amounts).toEqual(amounts);
  });

  test('names, texts, numbers and JSON in texts are values', () => {
    const { values, isJson } = readArguments('{"a": ["b", {"c": "{\\"d\\": \\"e\\"}"}], "f": 1}');
    expect(isJson).toBe(true);
    expect(values.map(({ text }) => text)).toEqual(['a', 'b', 'c', '{"d": "e"}', 'd', 'e', 'f', '1']);
  });

  test('what is no JSON is a value itself', () => {
    const { values, isJson } = readArguments('{"path": "/etc/passwd", "x": "');
    expect(isJson).toBe(false);
    expect(values).toContainEqual({ name: 'path', text: '/etc/passwd' });
  });

  test.each([
    ['many values', [JSON.stringify(Array(20_001).fill(''))], [true]],
    ['many pairs in what is no JSON', ['"a":"",'.repeat(20_001)], [true]],
    ['a long text', ['x'.repeat(500_001)], [true]],
    ['long texts together', ['x'.repeat(300_000), 'x'.repeat(300_000)], [false, true]],
    ['as much as tools use', [JSON.stringify(Array(1000).fill('x'.repeat(100)))], [false]],
  ])('there is an end to what is read: %s', (_, raws, isTooMuch) => {
    expect(readAll(raws.map((raw) => ({ arguments: raw }))).map((read) => read.isTooMuch)).toEqual(isTooMuch);
  });

  test.each(['"a":"', '"a":', '"', '{"a":', '[', '"a" : 1', '\\"'])(
    'many of %j are read in linear time',
    (piece) => {
      expect(growth(readArguments, piece)).toBeLessThan(3);
    },
  );
});
