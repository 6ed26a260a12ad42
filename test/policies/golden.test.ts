import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readCases } from '../../src/cli/golden.ts';
import { readPolicy } from '../../src/cli/policy-engine.ts';
import { runCases } from '../../src/cli/policy-test.ts';
import { kinds } from '../../src/policies/kinds/index.ts';

const folder = fileURLToPath(new URL('../../examples/policies/', import.meta.url));
const files = readdirSync(folder);
const policies = files.filter((name) => /^[\w-]+\.yaml$/.test(name));
const cases = files.filter((name) => name.endsWith('.cases.yaml'));

test.each(policies)('%s can be used', (name) => {
  expect(readPolicy(`${folder}${name}`).policies.size).toBeGreaterThan(0);
});

describe.each(cases)('%s', async (name) => {
  const golden = readCases(readFileSync(`${folder}${name}`, 'utf8'));
  const results = await runCases(`${folder}${name.replace('.cases', '')}`, golden);

  test.each(results.map((result) => [result.golden.name, result] as const))('%s', (_, { differences }) => {
    expect(differences).toEqual([]);
  });

  test('names every case once, and expects more than one verdict', () => {
    expect(new Set(golden.map((one) => one.name)).size).toBe(golden.length);
    expect(new Set(golden.map(({ expected }) => expected.verdict)).size).toBeGreaterThan(1);
  });
});

test.each(kinds.map(({ kind }) => kind))('%s has golden cases', (kind) => {
  expect(existsSync(`${folder}${kind}.cases.yaml`)).toBe(true);
});
