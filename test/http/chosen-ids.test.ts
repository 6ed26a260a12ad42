import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { testBridge } from '../support/bridge.ts';
import { capitals } from '../support/credentials.ts';

/*
 * A client chooses the call id by a header, and the trace id by another: what one call has done says nothing of the next.
 */

const SECRET = `AKIA${capitals(16)}`;
const IDS = { litellm_call_id: 'chosen', litellm_trace_id: 'chosen too', litellm_version: '1.110.2' };

function bridgeWith(policies: object) {
  const dir = mkdtempSync(join(tmpdir(), 'policies-'));
  writeFileSync(join(dir, 'policy.yaml'), JSON.stringify(policies));
  const bridge = testBridge({ POLICY_FILE: join(dir, 'policy.yaml') });
  onTestFinished(async () => {
    await bridge.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return async (input_type: 'request' | 'response', model: string, more: object = {}) =>
    (await bridge.ask({ input_type, model, texts: [SECRET], ...IDS, ...more })).reply.action;
}

test('an id that passed a sample once says nothing of the next call, and one that did not makes all of its calls strict', async () => {
  const secrets = { action: 'block', mode: 'sample', sample: 20 };
  const ask = bridgeWith({ policies: { chain: ['secrets'] }, policy: { secrets } });
  const actions = [];
  for (let i = 0; i < 150; i++) {
    const request = await ask('request', 'house');
    actions.push([request, await ask('response', 'house-up'), await ask('response', 'house-up')].join(' '));
  }
  const strict = actions.indexOf('BLOCKED BLOCKED BLOCKED');
  expect(strict).toBeGreaterThanOrEqual(0);
  expect(new Set(actions.slice(0, strict))).toEqual(new Set(strict === 0 ? [] : ['NONE NONE NONE']));
  expect(new Set(actions.slice(strict))).toEqual(new Set(['BLOCKED BLOCKED BLOCKED']));
});

test.each([
  { name: 'under its ids', more: {} },
  { name: 'under its call id alone', more: { litellm_trace_id: 'other' } },
])('a second call $name does not loosen the response to the first', async ({ more }) => {
  const ask = bridgeWith({
    policies: { chain: ['secrets'] },
    policy: { secrets: { action: 'block' }, 'banned-keywords': { keywords: ['tulip'] } },
    rules: [{ name: 'lenient', match: { model: ['toy'] }, chain: ['banned-keywords'] }],
  });
  await ask('request', 'strict', { texts: ['hello'] });
  expect(await ask('request', 'toy', more)).toBe('NONE');
  expect(await ask('response', 'strict-up')).toBe('BLOCKED');
  // Of a model that the rule is about alone
  await ask('request', 'toy', { ...more, litellm_call_id: 'toy' });
  expect(await ask('response', 'toy-up', { ...more, litellm_call_id: 'toy' })).toBe('NONE');
});
