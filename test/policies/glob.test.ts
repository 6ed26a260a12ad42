import { describe, expect, test } from 'vitest';
import { asWritten, globs } from '../../src/policies/glob.ts';
import { growth } from '../support/linear.ts';

describe('a glob', () => {
  test.each([
    ['gpt-4o', 'gpt-4o', true],
    ['gpt-4o', 'GPT-4o', true],
    ['gpt-4', 'gpt-4o', false],
    ['gpt-*', 'gpt-', true],
    ['gpt-*', 'openai/gpt-4', false],
    ['*', 'any.thing/at.all', true],
    ['*', '..', true],
    ['*', '.hidden', true],
    ['*', '', true],
    ['openai/*', 'openai/a/b', true],
    ['*/gpt', 'a/b/gpt', true],
    ['*:free', 'meta/llama:free', true],
    ['fs.*', 'fs.read', true],
    ['fs.*', 'fsx', false],
    ['fs.{read,write}', 'fs.write', true],
    ['claude-[34]*', 'claude-4-opus', true],
    ['claude-[!34]', 'claude-5', true],
    ['gpt-?', 'gpt-4', true],
    ['gpt-?', 'gpt-4o', false],
    ['@(a|b)', 'a', true],
    ['+(ab)', 'abab', true],
    ['shell*', 'shell\n', true],
    ['shell*', 'shell/../x', true],
    ['f(x)', 'f(x)', true],
    ['{a', '{a', true],
    ['./a', './a', true],
    ['+1', '+1', true],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['GPT-*', 'gpt-4O', true],
    ['stra{ß,x}e', 'STRASSE', true],
    ['straße*', 'Strasse 1', true],
    ['*ΟΔΟΣ*', 'οδος', true],
    ['ΟΔΟΣ*', 'οδοσα', true],
    ['ﬁ*', 'FIONA', true],
    ['ｇｐｔ-*', 'gpt-4', true],
    ['gpt-*', 'ＧＰＴ－4', true],
    ['ren\u00e9*', 'RENE\u0301E', true],
    ['İ*', 'i\u0307pek', true],
    ['i*', 'ı', false],
    ['ab', 'a\u200bb', false],
    ['a＊', 'a*', true],
    ['a＊', 'ab', false],
    ['a*', 'a＊', true],
    ['［a］', 'a', false],
    ['**', 'a', true],
    ['ab*ba', 'aba', false],
    ['ab*ba', 'abba', true],
    ['*a*b*', 'ba', false],
    ['*a*b*', 'xaxbx', true],
    ['a*a', 'a', false],
    ['a|b*', 'bc', false],
    ['a|b*', 'a|bc', true],
  ])('%j for the name %j matches: %s', (pattern, name, is) => {
    const matches = globs([pattern]);
    expect(matches(name)).toBe(is);
    expect(matches(name)).toBe(is);
  });

  test('takes names as they are written where capitals count', () => {
    const matches = globs(['gpt-*', 'Straße', 'ﬁ*'], asWritten);
    expect(['gpt-4', 'Straße', 'ﬁx'].map(matches)).toEqual([true, true, true]);
    expect(['GPT-4', 'STRASSE', 'strasse', 'fix'].map(matches)).toEqual([false, false, false, false]);
  });

  test('among several is enough, and none matches nothing', () => {
    expect(globs(['a', 'b*'])('bc')).toBe(true);
    expect(globs([])('a')).toBe(false);
  });

  test('matches no name of more than 256 characters', () => {
    expect(globs(['*'])('x'.repeat(256))).toBe(true);
    expect(globs(['*', 'x'.repeat(257)])('x'.repeat(257))).toBe(false);
  });

  test.each([
    ['!a', 'begins with !; list what is meant instead'],
    ['!(a)', 'is no glob that runs in linear time; !(...) is not known here'],
    [`${'x'.repeat(256)}*`, 'is longer than 256 characters'],
  ])('%j is refused', (pattern, message) => {
    expect(() => globs(['a', pattern])).toThrow(message);
  });

  test('in one list is remembered for no other', () => {
    const lists = [globs(['[ab]*']), globs(['[!a]*']), globs(['?'])];
    for (let i = 0; i < 2; i++) {
      expect(lists.map((matches) => matches('ax'))).toEqual([true, false, false]);
      expect(lists.map((matches) => matches('b'))).toEqual([true, true, true]);
    }
  });

  test('remembers results for names that come again, and stays right when it forgets', () => {
    const matches = globs(['[g]pt-*']);
    for (let i = 0; i < 5000; i++) {
      expect(matches(`gpt-${i}`)).toBe(true);
      expect(matches(`o${i}`)).toBe(false);
      expect(matches('gpt-5')).toBe(true);
    }
    expect(matches('gpt-0')).toBe(true);
    expect(matches('o0')).toBe(false);
  });

  test.each([
    ['alone', `${'*a'.repeat(60)}*b`],
    ['beside other signs', `${'*a'.repeat(60)}*[b]`],
  ])('with many stars %s takes no longer than one with few', (_, pattern) => {
    const matches = globs([pattern]);
    const run = (text: string) => {
      for (let at = 0; at < text.length; at += 200) matches(`${at}${text.slice(at, at + 200)}`);
    };
    expect(growth(run, 'a', 20_000)).toBeLessThan(3);
  });
});
