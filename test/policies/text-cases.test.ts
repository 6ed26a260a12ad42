import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { filled } from '../../src/answers/golden-cases.ts';
import { type PolicyName, policyBridges } from '../support/text-cases.ts';

/** Two calls about one request at most: `expect` is of the last. */
type Case = {
  id: string;
  kind: string;
  policy: PolicyName;
  call: { texts: string[] };
  answer?: { texts: string[] };
  expect: {
    action: string | string[];
    texts?: string[];
    mustNotContain?: string[];
    mustContain?: string[];
  };
};

const cases = readFileSync(new URL('../fixtures/text-cases.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(filled(line)) as Case);

const fateOf = policyBridges();

test.each(cases.map((one) => [`${one.kind} (${one.id})`, one] as const))('%s', async (_, one) => {
  const { action, texts, all } = await fateOf(one.policy, one.call, one.answer);
  const { mustContain = [], mustNotContain = [], ...expected } = one.expect;
  expect([expected.action].flat()).toContain(action);
  if (expected.texts !== undefined) expect(texts).toEqual(expected.texts);
  for (const part of mustContain) expect(all).toContain(part);
  for (const part of mustNotContain) expect(all).not.toContain(part);
});
