import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readPolicy } from '../../src/answers/policy-engine.ts';
import { backends } from '../../src/backends/index.ts';
import { policyFile } from '../support/policy-file.ts';

const GUIDE = join(import.meta.dirname, '..', '..', 'examples', 'backends', 'README.md');
const [beginning = '', kinds = ''] = readFileSync(GUIDE, 'utf8').split('\n## Kinds\n');

/** The guide's words on each kind, by its name. */
const sections = kinds
  .split('\n## ')[0]!
  .split('\n### ')
  .slice(1)
  .map((section) => ({ kind: /`([\w-]+)`/.exec(section)?.[1] ?? '', section }));

/** Reads the examples of a piece of the guide. */
function examplesIn(text: string) {
  const examples = [...text.matchAll(/^```yaml\n(backends:\n.*?)^```$/gms)];
  return examples.map(([, yaml = '']) => readPolicy(policyFile({ policies: { chain: [] }, ...parse(yaml) })));
}

test('the guide has examples that can be used before it comes to the kinds', () => {
  expect(examplesIn(beginning).length).toBeGreaterThan(1);
});

describe.each(sections)('$kind in the guide', ({ kind, section }) => {
  const definition = backends.find((backend) => backend.kind === kind);

  test('is there, and all of its options are told', () => {
    expect(definition).toBeDefined();
    const options = Object.keys(definition?.options ?? {});
    expect(options.filter((option) => !section.includes(`\`${option}\``))).toEqual([]);
  });

  test('has examples that can be used', () => {
    expect(examplesIn(section).length).toBeGreaterThan(0);
  });
});
