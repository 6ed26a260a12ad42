import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { readPolicyFile } from '../../../src/policies/file/load.ts';
import { PolicyFileError } from '../../../src/policies/file/problems.ts';
import { defineKind } from '../../../src/policies/policy.ts';

const ABOUT = { judges: 'requests', about: 'judges texts', example: '' };
const words = defineKind({
  ...ABOUT,
  kind: 'swear-words',
  options: v.strictObject({
    words: v.optional(
      v.array(v.union([v.string(), v.strictObject({ name: v.string(), regex: v.string() })])),
      [],
    ),
  }),
  create: ({ words }) => ({ message: words.length === 0 ? 'none' : 'some' }),
});
const polite = defineKind({ ...ABOUT, kind: 'politeness', options: v.strictObject({}), create: () => ({}) });

const read = (text: string) =>
  readPolicyFile(text, [words, polite], (_, make) => make(), {
    backends: ['akto', 'capsule'],
    now: Date.parse('2026-11-21T12:00:00Z'),
  });

function problemsOf(text: string): readonly string[] {
  try {
    read(text);
    return [];
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error;
    return error.problems;
  }
}

const CHAIN = 'policies:\n  chain: [swear-words]\n';

describe('hostile files', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...[...'bcdefghi'].map(
      (name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[i]}`).join(',')}]`,
    ),
  ].join('\n');

  test.each<[string, string]>([
    ['aliases that unfold to billions', bomb],
    [
      'merges that unfold to billions',
      bomb
        .replaceAll(/^(\w): &\w (\[\*.*\])$/gm, '$1: &$1 {<<: $2}')
        .replace('[x,x,x,x,x,x,x,x,x]', '{x: 1}'),
    ],
    ['lists in lists, never closed', '['.repeat(50_000)],
    ['lists in lists', '['.repeat(5000) + ']'.repeat(5000)],
    ['mappings in mappings', '{a: '.repeat(50_000)],
    ['dashes', '- '.repeat(50_000)],
    ['question marks', '? '.repeat(50_000)],
    ['indentation', Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['quotes', '"'.repeat(100_000)],
    ['commas', `[${','.repeat(50_000)}`],
    ['a megabyte of one key', `${'a'.repeat(1_000_000)}: b`],
    ['a megabyte of keys', Array.from({ length: 70_000 }, (_, i) => `k${i}: ${i}`).join('\n')],
    ['a megabyte of the same key', 'k: 1\n'.repeat(200_000)],
    ['more than a megabyte', `${CHAIN}# ${'x'.repeat(1_100_000)}`],
    ['zeros', '\0'.repeat(100_000)],
    ['lone surrogates', `${CHAIN}policy: {"\uD800": "\uDC00"}`],
  ])('%s end in a list of problems', { timeout: 60_000 }, (_, text) => {
    const problems = problemsOf(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(101);
    expect(problems.join('').length).toBeLessThan(30_000);
  });

  test('a megabyte of words is read', { timeout: 60_000 }, () => {
    const words = Array.from({ length: 45_000 }, (_, i) => `      - word ${i}`).join('\n');
    const file = read(`${CHAIN}policy:\n  swear-words:\n    words:\n${words}\n`);
    expect(file.policies.get('swear-words')?.policy).toEqual({ message: 'some' });
  });

  test('any changed file is read or gives a list of problems', { timeout: 60_000 }, () => {
    const good = `pack: { name: shop, version: 1.0.0 }
${CHAIN}policy:
  swear-words: &s { words: [damn, { name: a, regex: b }], mode: sample, sample: 25, until: 2026-12-31 }
rules:
  - { name: a, match: { team: [x], header: { y: z } }, trusted: true, chain: [politeness], backends: [akto] }
`;
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ':',
      ' ',
      '\n',
      '- ',
      '*s',
      '&s ',
      '<<',
      '!',
      '"',
      "'",
      '|',
      '>',
      '#',
      '%',
      '@',
      '\t',
      '0',
      'null',
      '~',
      '.inf',
      'true',
      '\0',
      '\uD800',
      '__proto__',
      'constructor',
      '- - ',
      '? ',
      '---\n',
    ];
    let seed = 7;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    let loaded = 0;
    for (let round = 0; round < 3000; round++) {
      let text = good;
      for (let edit = random(4); edit >= 0; edit--) {
        const at = random(text.length);
        text =
          text.slice(0, at) +
          (random(3) === 0 ? '' : pieces[random(pieces.length)]) +
          text.slice(at + random(6));
      }
      if (problemsOf(text).length === 0) loaded++;
    }
    expect(loaded).toBeGreaterThan(10);
  });
});
