import { expect, test } from 'vitest';
import { isAtLeast, OLDEST_SUPPORTED, Releases } from '../../src/litellm/releases.ts';

test.each<[version: string | null, isSupported: boolean]>([
  ['1.83.14', true],
  ['v1.83.14', true],
  ['1.83.14.rc1', true],
  ['1.83.15', true],
  ['1.84', true],
  ['1.106.2', true],
  ['2.0.0', true],
  ['1.83.13', false],
  ['1.83', false],
  ['1.80.8', false],
  ['0.200.0', false],
  ['', false],
  ['unknown', false],
  [null, false],
])('LiteLLM %s is at least the oldest supported release: %s', (version, isSupported) => {
  expect(isAtLeast(version, OLDEST_SUPPORTED)).toBe(isSupported);
});

test('a supported release is not named', () => {
  const releases = new Releases();
  expect(releases.report()).toEqual({ oldest_seen: null, supported: true });
  expect(['1.106.2', '1.110.0', '1.83.14'].map((version) => releases.seen(version))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(releases.report()).toEqual({ oldest_seen: '1.83.14', supported: true });
});

test('an older release is named once, and stays the oldest seen', () => {
  const releases = new Releases();
  releases.seen('1.106.2');
  expect(releases.seen('1.83.13')).toMatch(/^LiteLLM 1\.83\.13 is older than 1\.83\.14/);
  for (const version of ['1.106.2', '1.83.13', '1.82.0', '1.83.13']) {
    expect(releases.seen(version)).toBeUndefined();
  }
  expect(releases.report()).toEqual({ oldest_seen: '1.82.0', supported: false });
});

test('a release that does not tell its version counts as older than all that do', () => {
  const releases = new Releases();
  expect(releases.seen(null)).toBe(
    'a call names no LiteLLM version: it comes from a tool, or from LiteLLM before 1.81.12',
  );
  expect(releases.seen('1.81.12')).toBeUndefined();
  expect(releases.report()).toEqual({ oldest_seen: 'before 1.81.12', supported: false });
});
