import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { backends } from '../../src/backends/index.ts';
import { readPolicy } from '../../src/cli/policy-engine.ts';
import { policyFile } from '../support/policy-file.ts';

const GUIDE = join(import.meta.dirname, '..', '..', 'examples', 'backends', 'README.md');
const [, kinds = ''] = readFileSync(GUIDE, 'utf8').split('\n## Kinds\n');

/** What the guide says of each kind, by its name. */
const sections = kinds
  .split('\n## ')[0]!
  .split('\n### ')
  .slice(1)
  .map((section) => ({ kind: /`([\w-]+)`/.exec(section)?.[1] ?? '', section }));

describe.each(sections)('$kind in the guide', ({ kind, section }) => {
  const definition = backends.find((backend) => backend.kind === kind);

  test('is there, and all of its options are told', () => {
    expect(definition).toBeDefined();
    const options = Object.keys(definition?.options ?? {});
    expect(options.filter((option) => !section.includes(`\`${option}\``))).toEqual([]);
  });

  test('has examples that can be used', () => {
    const examples = [...section.matchAll(/^```yaml\n(backends:\n.*?)^```$/gms)];
    expect(examples.length).toBeGreaterThan(0);
    for (const [, yaml = ''] of examples) readPolicy(policyFile({ policies: { chain: [] }, ...parse(yaml) }));
  });
});
