import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { REMOVED } from '../../src/policies/turns.ts';
import { aktoAllows, aktoBlocks } from '../support/akto.ts';
import { aktoAt } from '../support/bridge.ts';
import { toolCall } from '../support/call.ts';
import { fakeBackend } from '../support/closing.ts';
import { policyFile } from '../support/policy-file.ts';
import { ask, GUARDRAIL, startWorkers } from '../support/workers.ts';

test('workers count the actions of agents together, and remove what one of them has blocked', async () => {
  const akto = await fakeBackend((seen, response) =>
    (seen.text.includes('turnip') ? aktoBlocks() : aktoAllows)(seen, response),
  );
  const options = { max_actions_per_session: 5, kill_switches: { halt_on_suspicious_pattern: true } };
  const child = await startWorkers({
    ...aktoAt(akto.url),
    STATE_TIMEOUT: '5',
    POLICY_FILE: policyFile({
      policies: { chain: ['agent-firewall'] },
      policy: { 'agent-firewall': options },
    }),
  });
  const agents = [1, 2].map(() => new http.Agent({ keepAlive: true, maxSockets: 1 }));
  onTestFinished(() => {
    for (const agent of agents) agent.destroy();
  });
  let calls = 0;
  const say = async (call: object) => {
    const at = agents[calls++ % 2];
    const { body } = await ask(child.url, GUARDRAIL, { litellm_version: '1.110.2', ...call }, at);
    return JSON.parse(body) as { action: string; texts?: readonly string[] };
  };
  const act = (session: string, args: object = {}) =>
    say({
      ...{ input_type: 'response', litellm_call_id: randomUUID() },
      tool_calls: [toolCall(JSON.stringify(args))],
      request_headers: { 'x-session-id': session },
    });
  const atOnce = await Promise.all(Array.from({ length: 20 }, () => act('busy')));
  expect(atOnce.filter(({ action }) => action === 'NONE')).toHaveLength(5);

  expect((await act('bad', { path: '../x' })).action).toBe('BLOCKED');
  for (const _ of agents) expect((await act('bad')).action).toBe('BLOCKED');

  const said = (...texts: string[]) =>
    say({
      ...{ input_type: 'request', litellm_call_id: randomUUID(), texts },
      structured_messages: texts.map((content) => ({ role: 'user', content })),
      request_data: { user_api_key_hash: 'hash-1' },
    });
  const bad = 'how do I grow a turnip at home?';
  expect((await said(bad)).action).toBe('BLOCKED');
  for (const _ of agents) expect((await said(bad, 'And plums?')).texts).toEqual([REMOVED, 'And plums?']);
});
