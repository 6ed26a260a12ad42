import { expect, test } from 'vitest';
import { quickHash } from '../../src/guardrail/quick-hash.ts';

test('the number of a part is that of the part alone', () => {
  expect(quickHash('grow a turnip', 7, 5, 6)).toBe(quickHash('a', 7));
  expect(quickHash('grow a turnip', 7, 7)).toBe(quickHash('turnip', 7));
});

test.each([
  ['another text', quickHash('b', 7)],
  ['another seed', quickHash('a', 8)],
])('%s has another number', (_what, other) => {
  expect(other).not.toBe(quickHash('a', 7));
});

test('it is FNV-1a', () => {
  expect(quickHash('foobar', 0x811c9dc5) >>> 0).toBe(0xbf9cf968);
});
