import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { kindsOfBackends } from '../../../src/backends/index.ts';
import { readPreset } from '../../../src/backends/preset/read-preset.ts';
import { presetText, SHIPPED_PRESETS, shippedPreset } from '../../../src/backends/preset/shipped.ts';
import { MAX_PRESET_LINES, presetLines } from '../../support/preset.ts';

const FOLDER = join(import.meta.dirname, '..', '..', '..', 'src', 'backends', 'presets');
const files = readdirSync(FOLDER).flatMap((file) => /^(.*)\.yaml$/.exec(file)?.[1] ?? []);

test('every file of the folder is a kind, but for the one to start from', () => {
  expect(files.filter((kind) => kind !== 'http').sort()).toEqual([...SHIPPED_PRESETS].sort());
  expect(kindsOfBackends.names).toEqual(expect.arrayContaining([...SHIPPED_PRESETS, 'http']));
  expect(new Set(kindsOfBackends.names).size).toBe(kindsOfBackends.names.length);
});

test.each(files)('%s can be read, and is short enough to be read by people', (kind) => {
  const text = presetText(kind);
  expect(readPreset(text).title).not.toBe('');
  expect(presetLines(text)).toBeLessThanOrEqual(MAX_PRESET_LINES);
});

test('a kind that is no preset has none', () => {
  expect(shippedPreset('akto')).toBeUndefined();
  expect(shippedPreset('../presets/lakera')).toBeUndefined();
});
