import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readCases } from '../src/cli/golden-cases.ts';
import { runCases } from '../src/cli/policy.ts';
import { ENTITIES } from '../src/detectors/personal/index.ts';
import { SECRETS, TOKENS } from '../src/detectors/secrets/index.ts';
import { readPolicyFile } from '../src/policies/file/load.ts';
import { kinds } from '../src/policies/kinds/index.ts';

const ROOT = join(import.meta.dirname, '..');
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text);
const begins = (word: string) => blocks.filter((block) => block.startsWith(word));

test('the policy file in the README can be used as it stands', () => {
  const files = begins('pack:').map((text) => readPolicyFile(text, kinds, (_, make) => make()));
  expect(files.map(({ warnings }) => warnings)).toEqual([[]]);
});

test('the golden cases in the README come out as they say', async () => {
  const cases = begins('cases:').flatMap((text) => readCases(text));
  expect(cases.length).toBeGreaterThan(0);
  for (const { golden, differences } of await runCases(join(ROOT, 'examples/policies/secrets.yaml'), cases)) {
    expect(differences, golden.name).toEqual([]);
  }
});

/** The names of all keys of an options schema, however deep and however wrapped. */
function keysOf(schema: unknown): string[] {
  const { entries, wrapped, item, value, options, pipe } = schema as Record<string, unknown>;
  const inside = [wrapped, item, value, options, pipe].flatMap((one) => one ?? []);
  const fields = Object.entries((entries ?? {}) as object);
  return [...fields.flatMap(([key, one]) => [key, ...keysOf(one)]), ...inside.flatMap(keysOfObject)];
}
const keysOfObject = (one: unknown) => (typeof one === 'object' && one !== null ? keysOf(one) : []);

test.each(kinds.map((kind) => [kind.kind, kind] as const))('the row of %s names every key', (name, kind) => {
  const row = readme.split('\n').find((line) => line.startsWith(`| \`${name}\` |`)) ?? '';
  const words = new Set(row.match(/\w+/g));
  const general = new Set(['name', 'regex']);
  expect(keysOf(kind.options).filter((key) => !words.has(key) && !general.has(key))).toEqual([]);
});

test('every entity is named, and the rules for secrets are counted right', () => {
  const words = new Set(readme.match(/[A-Z][A-Z_]+/g));
  expect(ENTITIES.filter(({ name }) => !words.has(name))).toEqual([]);
  const count = (rules: typeof SECRETS) => new Set(rules.map(({ id }) => id)).size;
  expect(readme).toContain(`has ${count(SECRETS)} rules`);
  expect(readme).toMatch(new RegExp(`those\\s+${count(TOKENS)}\\s`));
});
