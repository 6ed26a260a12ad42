import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkSync } from 'recheck';
import { describe, expect, test } from 'vitest';
import { INJECTION_SOURCES } from '../../src/detectors/injection/index.ts';
import { PERSONAL_DATA } from '../../src/detectors/personal/index.ts';
import { SECRET_SOURCES } from '../../src/detectors/secrets/index.ts';
import { stickyPatterns } from '../support/sticky-pattern.ts';

describe('recheck finds linear', () => {
  test('every pattern for secrets', { timeout: 120_000 }, () => {
    process.env.RECHECK_BACKEND = 'pure';
    const patterns = SECRET_SOURCES.flatMap(({ pattern, flags = '' }) =>
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

  test.each(INJECTION_SOURCES.map(({ id, pattern }) => [id, pattern]))(
    'the pattern for prompt injection %s',
    (_, pattern) => {
      expect(checkSync(pattern, 'i', { timeout: 15_000 }).status).toBe('safe');
    },
  );

  test('every pattern for personal data', { timeout: 120_000 }, async () => {
    for (const { source, flags } of await personalExpressions()) {
      const { status } = checkSync(source, flags.replace(/[gy]/g, ''), { timeout: 15_000 });
      expect(status, source).toBe('safe');
    }
  });
});

/** The expressions that the files of personal data make when they are read anew, those for what is cut off left out. */
async function personalExpressions(): Promise<readonly RegExp[]> {
  const folder = join(import.meta.dirname, '../../src/detectors/personal');
  const made: RegExp[] = [];
  const { RegExp: original } = globalThis;
  globalThis.RegExp = new Proxy(original, {
    construct(target, [source, flags]) {
      const expression = new target(source, flags);
      made.push(expression);
      return expression;
    },
  });
  try {
    for (const file of readdirSync(folder)) {
      if (/^(?!index|shapes)/.test(file)) await import(`${folder}/${file}?anew`);
    }
  } finally {
    globalThis.RegExp = original;
  }
  expect(made.length).toBeGreaterThan(PERSONAL_DATA.length);
  return made.filter(({ source }) => !source.includes('|$)'));
}
