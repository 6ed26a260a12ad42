import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { literalRule } from '../../../src/detectors/scan/literals.ts';
import { Scanner } from '../../../src/detectors/scan/scanner.ts';
import { bannedKeywords } from '../../../src/policies/kinds/banned-keywords.ts';
import { created, judged } from '../../support/judged.ts';
import { growth } from '../../support/linear.ts';

describe('banned-keywords', () => {
  test.each([
    ['as it is', 'karthik', 'ask karthik'],
    ['with capitals in the list', 'Karthik', 'ask karthik'],
    ['with capitals in the text', 'karthik', 'ask KARTHIK'],
    ['within a word', 'art', 'ask karthik'],
    ['of several words', 'hello world', 'Say Hello World!'],
    ['with two blanks in the text', 'project nightfall', 'of Project  Nightfall'],
    ['with many blanks in the text', 'project nightfall', `of project${' '.repeat(65)}nightfall`],
    ['with an endless gap in the text', 'project nightfall', `of project${'\n '.repeat(50_000)}nightfall`],
    ['with two blanks in the list', 'project  nightfall', 'of project nightfall'],
    ['over the end of a line', 'project nightfall', 'of project\r\n    nightfall'],
    ['with a no-break space in the list', 'project\u00a0nightfall', 'of project nightfall'],
    ['with umlauts', 'grüße', 'GRÜSSE? No, GRÜßE'],
    ['in Greek capitals', 'ΟΔΟΣ', 'η οδος'],
    ['in Cyrillic', 'Секрет', 'СЕКРЕТ'],
    ['with an accent of its own', 'café'.normalize('NFC'), 'CAFÉ'.normalize('NFD')],
    ['in Chinese', '机密', '这是机密文件'],
    ['that is an emoji', '🔥', 'so 🔥'],
    ['with spaces round it', '  karthik ', 'karthik'],
    ['with a dotted capital I', 'İstanbul', 'in İSTANBUL'],
  ])('finds a keyword %s', (_, keyword, text) => {
    expect(judged(bannedKeywords, { keywords: [keyword] }, text)).toMatchObject({
      verdict: 'block',
      rules: ['keyword-1'],
    });
  });

  test('finds nothing in other texts', () => {
    expect(judged(bannedKeywords, { keywords: ['karthik', 'x y'] }, 'karthi k xy').verdict).toBe('allow');
  });

  test('redacts keywords under action: redact', () => {
    const options = { keywords: ['one', 'Two'], action: 'redact' };
    expect(judged(bannedKeywords, options, 'ONE, two, three')).toEqual({
      verdict: 'redact',
      rules: ['keyword-1', 'keyword-2'],
      text: '[REDACTED], [REDACTED], three',
    });
  });

  test('judges texts of requests and responses', () => {
    expect(created(bannedKeywords, { keywords: ['a'] }).policy.texts).toMatchObject({
      on: ['request', 'response'],
      reasonCode: 'banned_keyword',
    });
  });

  test('reads keywords from a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'keywords-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const keywords_file = join(folder, 'words.txt');
    writeFileSync(keywords_file, 'first\r\n\r\n  Second Word  \n');
    const options = { keywords: ['zero'], keywords_file };
    expect(judged(bannedKeywords, options, 'a second word').rules).toEqual(['keyword-3']);
    expect(judged(bannedKeywords, options, 'zero').rules).toEqual(['keyword-1']);
  });

  test('refuses a missing file and an empty keyword', () => {
    const { mistakes } = created(bannedKeywords, {
      keywords: ['a', ' '],
      keywords_file: join(tmpdir(), 'none', 'none.txt'),
    });
    expect(mistakes).toEqual([
      expect.stringMatching(/^keywords_file: cannot be read \(ENOENT\): there is no \/.*none\.txt$/),
      'keywords[1]: is empty',
    ]);
    expect(created(bannedKeywords, {}).warnings).toEqual(['keywords: nothing is banned']);
    expect(() => literalRule('x', '\t')).toThrow('is empty');
    expect(created(bannedKeywords, { keywords: ['x'.repeat(1001)] }).mistakes).toEqual([
      'keywords[0]: is longer than 1000 characters',
    ]);
    const many = Array.from({ length: 10_001 }, (_, i) => `word${i}`);
    expect(created(bannedKeywords, { keywords: many }).mistakes).toEqual([
      'keywords[10000]: are more than 10000 keywords in all',
    ]);
  });

  test('expects a keyword to go on where the text ends within it', () => {
    const scanner = new Scanner([literalRule('x', 'Karthik')]);
    for (let end = 5; end <= 10; end++) {
      expect(scanner.scan('ask KARTHIK'.slice(0, end), {}, true).open).toBeLessThanOrEqual(4);
    }
    expect(scanner.scan('ask kx', {}, true).open).toBe(6);
  });

  test('finds thousands of keywords in linear time', () => {
    const keywords = Array.from({ length: 3000 }, (_, i) => `word ${i.toString(36)} banned`);
    const scanner = new Scanner(keywords.map((word, i) => literalRule(`keyword-${i}`, word)));
    expect(scanner.scan('this is Word 1z BANNED').findings).toHaveLength(1);
    for (const piece of [
      'word 1',
      'word ',
      'word 1z banned',
      ' ',
      'word      ',
      `word 1${' '.repeat(5000)}`,
    ]) {
      expect(growth((text) => scanner.scan(text), piece)).toBeLessThan(3);
    }
  });
});
