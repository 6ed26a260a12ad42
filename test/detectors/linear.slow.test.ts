import { checkSync } from 'recheck';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAKE_BOUNDARIES, FAKE_DELIMITERS, INJECTIONS } from '../../src/detectors/injection/index.ts';
import { MENTION } from '../../src/detectors/injection/rule.ts';
import { ENTITIES } from '../../src/detectors/personal/index.ts';
import { phoneIn } from '../../src/detectors/personal/phone.ts';
import type { AnchoredRule } from '../../src/detectors/rule.ts';
import { HIGH_ENTROPY, SECRETS, VIRTUAL_KEY } from '../../src/detectors/secrets/index.ts';
import { stickyPatterns } from '../support/sticky-pattern.ts';

const sourcesOf = (rules: readonly AnchoredRule[]) => rules.flatMap(({ sources = [] }) => sources);
const secrets = sourcesOf([...SECRETS, ...HIGH_ENTROPY, VIRTUAL_KEY]);
const injections = [...INJECTIONS, ...FAKE_DELIMITERS, ...FAKE_BOUNDARIES].map(({ rule }) => rule);

// Within this process, as each of hundreds is judged in less time than another process takes to start
beforeAll(() => {
  process.env.RECHECK_BACKEND = 'pure';
});
afterAll(() => {
  delete process.env.RECHECK_BACKEND;
});

/**
 * True if recheck judges a pattern linear, however long that takes on a busy machine: by its automaton, as its fuzzer takes
 * a bounded number of tries for a polynomial now and then.
 */
const isSafe = (pattern: string, flags: string) =>
  checkSync(pattern, flags, { checker: 'automaton', timeout: 120_000 }).status === 'safe';

/** A pattern as the scanner uses it, which tries each rule at one place. */
const sticky = (pattern: string) => `^(?:${pattern})`;

describe('recheck finds linear', { timeout: 150_000 }, () => {
  test('every pattern for secrets', () => {
    const patterns = secrets.flatMap(({ pattern, flags = '' }) =>
      stickyPatterns(pattern, flags).map((one) => `/${one}/${flags}`),
    );
    const unsafe = [...new Set(patterns)].filter((pattern) => {
      const end = pattern.lastIndexOf('/');
      return !isSafe(pattern.slice(1, end), pattern.slice(end + 1));
    });
    expect(unsafe).toEqual([]);
  });

  test.each(
    [
      ...new Map(
        sourcesOf(injections.filter(({ id }) => id !== MENTION)).map(({ id, pattern }) => [pattern, id]),
      ),
    ].map(([pattern, id]) => [id, pattern] as const),
  )('%s, a pattern for prompt injection', (_, pattern) => {
    expect(isSafe(sticky(pattern), 'i')).toBe(true);
  });

  test('every pattern for personal data', () => {
    const patterns = sourcesOf([...ENTITIES, phoneIn(['DE'])].flatMap(({ rules }) => rules));
    const unsafe = patterns.filter(({ pattern, flags = '' }) => !isSafe(sticky(pattern), flags));
    expect(unsafe).toEqual([]);
  });
});
