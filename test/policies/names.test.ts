import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { byName, foldedName, isAmong, keyHashMistake } from '../../src/policies/names.ts';

describe('a folded name', () => {
  test.each([
    ['Payments', 'payments'],
    ['STRASSE', 'strasse'],
    ['Straße', 'strasse'],
    ['STRAẞE', 'strasse'],
    ['ﬁona', 'fiona'],
    ['ＡＤＭＩＮ', 'admin'],
    ['E\u0301', '\u00e9'],
    ['Ångström', 'ångström'],
    ['İ', 'i\u0307'],
    ['I', 'i'],
    ['ı', 'ı'],
    ['ΟΔΟΣ', 'οδοσ'],
    ['οδος', 'οδοσ'],
    ['ꭰ', 'ꭰ'],
    ['', ''],
  ])('%j is %j', (name, folded) => {
    expect(foldedName(name)).toBe(folded);
  });

  test.each([
    ['a character that shows nothing', 'ad\u200bmin', 'admin'],
    ['a soft hyphen', 'ad\u00admin', 'admin'],
    ['an accent', 'rené', 'rene'],
    ['a letter that looks alike', '\u0430dmin', 'admin'],
    ['the dotless i', 'admın', 'admin'],
    ['the dot of İ', 'İpek', 'ipek'],
    ['a space at the end', 'admin ', 'admin'],
  ])('is told apart by %s', (_, one, other) => {
    expect(foldedName(one)).not.toBe(foldedName(other));
  });

  test('is no other when it is folded again, for every character', () => {
    for (let code = 0; code < 0x110000; code++) {
      const folded = foldedName(`a${String.fromCodePoint(code)}`);
      if (foldedName(folded) !== folded) expect.fail(code.toString(16));
    }
  });
});

/** Counts how often a name is folded, but for those of ASCII. */
function countFolds(run: () => void): number {
  const normalize = vi.spyOn(String.prototype, 'normalize');
  onTestFinished(() => normalize.mockRestore());
  run();
  const { length } = normalize.mock.calls;
  normalize.mockRestore();
  return length / 2;
}

describe('a name is among some', () => {
  test('whichever is in capitals', () => {
    const isOne = isAmong(['Dana@example.com', 'straße']);
    expect(['dana@Example.com', 'STRASSE', 'dana'].map(isOne)).toEqual([true, true, false]);
  });

  test.each([
    ['ligatures for which several letters stand', 'ﷺ'.repeat(200)],
    ['letters in full width', 'ａｄｍｉｎ'.repeat(500)],
    ['letters that are composed of four', '\u{1d6c2}\u0313\u0342\u0345'.repeat(300)],
    ['plain letters', 'Admin'.repeat(10_000)],
  ])('in whatever form, however long it is: %s', (_, name) => {
    const forms = ['NFC', 'NFD', 'NFKC', 'NFKD'].map((form) => name.normalize(form));
    for (const listed of forms) {
      const isOne = isAmong([listed]);
      for (const sent of forms) expect([isOne(sent), isOne(sent.toUpperCase())]).toEqual([true, true]);
    }
  });

  test('and no letter is lost where it is folded, nor more than four become one', () => {
    for (let code = 0; code < 0x110000; code++) {
      if (code >= 0xd800 && code < 0xe000) continue;
      const letter = String.fromCodePoint(code);
      const count = (text: string) => Array.from(text).length;
      const isKept = count(foldedName(letter).normalize('NFD')) >= count(letter.normalize('NFKD'));
      if (!isKept || count(letter.normalize('NFD')) > 4 * letter.length) expect.fail(code.toString(16));
    }
  });

  test.each([
    ['of none', []],
    ['of some', ['admin', 'é'.repeat(30)]],
  ])('or is not even folded if it is longer than any form %s', (_, names) => {
    const isOne = isAmong(names);
    const sent = ['ﷺ'.repeat(300_000), 'é'.repeat(450_000)];
    expect(countFolds(() => expect(sent.map(isOne)).toEqual([false, false]))).toBe(0);
  });
});

test('of what stands beside the forms of one name the first is found', () => {
  const find = byName([
    ['Éa', 1],
    ['éA', 2],
    ['b', 3],
  ]);
  expect(['ÉA', 'B', 'c', ''].map(find)).toEqual([1, 3, undefined, undefined]);
});

test.each([
  ['a hash', 'a1'.repeat(32), undefined],
  ['the master key', 'litellm_proxy_master_key', undefined],
  ['a session', 'litellm-cli-dana', undefined],
  ['an alias', 'ci-key', '"ci-key" is no hash of a key (64 hexadecimal digits)'],
  ['half of a hash', 'a1'.repeat(16), 'is no hash of a key (64 hexadecimal digits)'],
])('of %s it is said: %s', (_, name, mistake) => {
  expect(keyHashMistake(name)).toBe(mistake);
});
