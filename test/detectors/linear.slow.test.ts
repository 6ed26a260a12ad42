import { checkSync } from 'recheck';
import { describe, expect, test } from 'vitest';
import {
  FAKE_BOUNDARIES,
  FAKE_DELIMITERS,
  INJECTIONS,
  MENTION,
} from '../../src/detectors/injection/index.ts';
import { ENTITIES } from '../../src/detectors/personal/index.ts';
import type { AnchoredRule } from '../../src/detectors/rule.ts';
import { HIGH_ENTROPY, SECRETS, VIRTUAL_KEY } from '../../src/detectors/secrets/index.ts';
import { stickyPatterns } from '../support/sticky-pattern.ts';

const sourcesOf = (rules: readonly AnchoredRule[]) => rules.flatMap(({ sources = [] }) => sources);
const secrets = sourcesOf([...SECRETS, ...HIGH_ENTROPY, VIRTUAL_KEY]);
const injections = [...INJECTIONS, ...FAKE_DELIMITERS, ...FAKE_BOUNDARIES].map(({ rule }) => rule);

describe('recheck finds linear', () => {
  test('every pattern for secrets', { timeout: 120_000 }, () => {
    process.env.RECHECK_BACKEND = 'pure';
    const patterns = secrets.flatMap(({ pattern, flags = '' }) =>
      stickyPatterns(pattern, flags).map((sticky) => `/${sticky}/${flags}`),
    );
    const unsafe = [...new Set(patterns)].filter((pattern) => {
      const end = pattern.lastIndexOf('/');
      const { status } = checkSync(pattern.slice(1, end), pattern.slice(end + 1), {
        checker: 'automaton',
        timeout: 60_000,
      });
      return status !== 'safe';
    });
    expect(unsafe).toEqual([]);
  });

  test.each(sourcesOf(injections.filter(({ id }) => id !== MENTION)).map(({ id, pattern }) => [id, pattern]))(
    'the pattern for prompt injection %s',
    (_, pattern) => {
      expect(checkSync(pattern, 'i', { timeout: 15_000 }).status).toBe('safe');
    },
  );

  test('every pattern for personal data', { timeout: 120_000 }, () => {
    for (const { pattern, flags = '' } of sourcesOf(ENTITIES.flatMap(({ rules }) => rules))) {
      expect(checkSync(pattern, flags, { timeout: 15_000 }).status, pattern).toBe('safe');
    }
  });
});
