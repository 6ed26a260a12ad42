import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { readCases } from '../../src/answers/golden-cases.ts';
import { readPolicy } from '../../src/answers/policy-engine.ts';
import { type CaseResult, runCases } from '../../src/cli/policy.ts';
import { kinds } from '../../src/policies/kinds/index.ts';

const folder = fileURLToPath(new URL('../../examples/policies/', import.meta.url));
const files = readdirSync(folder);
const policies = files.filter((name) => /^[\w-]+\.yaml$/.test(name));
const cases = files.filter((name) => name.endsWith('.cases.yaml'));

test.each(policies)('the policy file %s can be used', (name) => {
  expect(readPolicy(`${folder}${name}`).policies.size).toBeGreaterThan(0);
});

describe.each(cases)('%s', (name) => {
  const golden = readCases(readFileSync(`${folder}${name}`, 'utf8'));
  let results: readonly CaseResult[] = [];
  beforeAll(async () => {
    results = await runCases(`${folder}${name.replace('.cases', '')}`, golden);
  });

  test.each(golden.map((one, index) => [one.name, index] as const))('%s', (_, index) => {
    expect(results[index]?.differences).toEqual([]);
  });

  test('names every case once and expects more than one verdict', () => {
    expect(new Set(golden.map((one) => one.name)).size).toBe(golden.length);
    expect(new Set(golden.map(({ expected }) => expected.verdict)).size).toBeGreaterThan(1);
  });
});

test.each(kinds.map(({ kind }) => kind))('%s has golden cases', (kind) => {
  expect(existsSync(`${folder}${kind}.cases.yaml`)).toBe(true);
});
