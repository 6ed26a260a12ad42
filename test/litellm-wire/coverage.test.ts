import { describe, expect, test } from 'vitest';
import { type CoverageRow, isRedactionApplied, reachIn } from '../../src/litellm/coverage.ts';
import { COVERAGE } from '../../src/litellm/coverage-rows.ts';
import { isAtLeast } from '../../src/litellm/releases.ts';
import { globs } from '../../src/policies/glob.ts';
import { callOf } from '../support/call.ts';

const isRedactable = globs(['*rerank*', '*tts*', '*speech*']);

test('no endpoint stands twice in the table, and the steps of a row go up', () => {
  const names = COVERAGE.map(({ endpoint, direction }) => `${endpoint} ${direction}`);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  const reaches = ['hidden', 'late', 'blocks', 'configured', 'redacts'];
  for (const { steps } of COVERAGE) {
    for (const [index, { since, reach }] of steps.entries()) {
      const before = steps[index - 1];
      if (before === undefined) continue;
      expect(isAtLeast(since.join('.'), before.since)).toBe(true);
      expect(reaches.indexOf(reach)).toBeGreaterThan(reaches.indexOf(before.reach));
    }
  }
});

test.each<[string | null, string]>([
  ['1.83.14', 'blocks'],
  ['1.109.3', 'blocks'],
  ['1.110.0', 'redacts'],
  ['1.111.0', 'redacts'],
  ['1.80.8', 'blocks'],
  ['main', 'blocks'],
  [null, 'blocks'],
])('a row in release %s has the reach of its latest step: %s', (version, reach) => {
  const realtime = COVERAGE.find(({ endpoint }) => endpoint === 'realtime sessions') as CoverageRow;
  expect(reachIn(realtime, version)).toBe(reach);
});

describe('a redaction of a request is applied', () => {
  const who = { request_data: { user_api_key_hash: 'k' }, request_headers: { host: 'proxy' } };
  const texts = { texts: ['Mail ada@example.com'], ...who };
  const named = { litellm_call_id: 'c', ...texts };
  test.each<{ name: string; body: object; applied: Record<string, boolean> }>([
    {
      name: 'chat',
      body: { ...named, structured_messages: [{ role: 'user' }], model: 'm' },
      applied: { '1.83.14': true, '1.110.2': true },
    },
    { name: 'embeddings', body: { ...named, model: 'm' }, applied: { '1.83.14': true, '1.110.2': true } },
    {
      name: 'the address of a document',
      body: { ...named, model: 'ocr', texts: ['https://ada.example/?mail=ada@example.com'] },
      applied: { '1.83.14': false, '1.110.2': false },
    },
    {
      name: 'an embedding that begins with an address',
      body: { ...named, model: 'm', texts: ['https://ada.example is the page of Ada'] },
      applied: { '1.83.14': true, '1.110.2': true },
    },
    {
      name: 'an image',
      body: { ...texts, model: 'dall-e' },
      applied: { '1.83.14': false, '1.110.2': false },
    },
    {
      name: 'a rerank',
      body: { ...texts, model: 'rerank-3' },
      applied: { '1.83.14': true, '1.110.2': true },
    },
    { name: 'a pass-through route', body: named, applied: { '1.83.14': false, '1.110.2': false } },
    {
      name: 'a realtime item',
      body: { texts: ['a'] },
      applied: { '1.83.14': false, '1.109.3': false, '1.110.0': true },
    },
    { name: 'an MCP tool', body: { ...named, tools: [{}] }, applied: { '1.109.3': true, '1.110.2': true } },
  ])('of $name: $applied', ({ body, applied }) => {
    for (const [litellm_version, expected] of Object.entries(applied)) {
      const call = callOf({ ...body, litellm_version });
      expect(isRedactionApplied(call, isRedactable), litellm_version).toBe(expected);
    }
  });

  test('of a call without a version, which comes from curl', () => {
    expect(isRedactionApplied(callOf({ texts: ['a'] }), isRedactable)).toBe(true);
  });
});
