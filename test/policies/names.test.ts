import { describe, expect, test } from 'vitest';
import { foldedName, isAmong, keyHashMistake } from '../../src/policies/names.ts';

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

test('a name is among some whichever is in capitals', () => {
  const isOne = isAmong(['Dana@example.com', 'straße']);
  expect(['dana@Example.com', 'STRASSE', 'dana'].map(isOne)).toEqual([true, true, false]);
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
