import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CIRCUMSTANCES, PresetForm } from '../../../src/backends/preset/shape.ts';
import { CALL_VALUES } from '../../../src/backends/preset/vendor-request.ts';

const FOLDER = join(import.meta.dirname, '..', '..', '..', 'src', 'backends', 'presets');
const guide = readFileSync(join(FOLDER, 'README.md'), 'utf8');

/** Every key that a schema knows, at any depth. */
function keysOf(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { entries, item, wrapped, options, pipe, value } = schema as Record<string, unknown>;
  const own = typeof entries === 'object' && entries !== null ? Object.entries(entries) : [];
  const inner = [item, wrapped, value, options, pipe].flat().filter((one) => one !== schema);
  return [...own.flatMap(([key, one]) => [key, ...keysOf(one)]), ...inner.flatMap(keysOf)];
}

test('the guide names every key of a preset, every value and every circumstance', () => {
  const named = new Set([...guide.matchAll(/`\$?([a-z_.]+)`/g)].map(([, word]) => word));
  const wanted = [...keysOf(PresetForm), ...Object.keys(CALL_VALUES), ...CIRCUMSTANCES];
  expect(wanted.length).toBeGreaterThan(60);
  expect([...new Set(wanted)].filter((word) => !named.has(word))).toEqual([]);
});
