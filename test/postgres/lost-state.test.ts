import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  answer,
  chat,
  completion,
  MAIL,
  plain,
  redacting,
  type StateCall,
  stream,
} from '../support/state-calls.ts';
import { bridgesWith, policyFile } from './shared-bridges.ts';

const answered = answer('house', `write to ${MAIL}`, stream);
const streamed = (call: StateCall) => ({ ...call, ...stream });

const CASES = [
  { name: 'of a completion', request: streamed(completion), isLost: false, action: 'BLOCKED' },
  { name: 'of a completion that was lost', request: streamed(completion), isLost: true, action: 'BLOCKED' },
  {
    name: 'of a chat',
    request: streamed(chat('house', 'hello')),
    isLost: false,
    action: 'GUARDRAIL_INTERVENED',
  },
  {
    name: 'of a chat that was lost',
    request: streamed(chat('house', 'hello')),
    isLost: true,
    action: 'BLOCKED',
  },
  { name: 'that was never seen', request: undefined, isLost: false, action: 'BLOCKED' },
];

test('a stream is not redacted where its request was lost, as LiteLLM may drop that', async () => {
  const env = { POLICY_FILE: policyFile(redacting), BLOCKED_HISTORY: 'block', STATE_TIMEOUT: '5' };
  const { bridges, query } = await bridgesWith(env, {}, {});
  const ask = async (n: number, id: string, call: object) =>
    (
      await bridges[n]!.ask({
        ...{ litellm_call_id: id, litellm_trace_id: 't', litellm_version: '1.110.2' },
        ...call,
      })
    ).reply.action;
  // Where no request tells of streams, none is missed
  await ask(1, randomUUID(), chat('house', 'hello', plain));
  expect(await ask(1, randomUUID(), answered)).toBe('GUARDRAIL_INTERVENED');
  await ask(1, randomUUID(), streamed(chat('house', 'hello')));
  for (const { name, request, isLost, action } of CASES) {
    const id = randomUUID();
    if (request !== undefined) await ask(0, id, request);
    if (isLost) await query('TRUNCATE state');
    // The same in each round
    for (const _ of [1, 2]) expect(await ask(1, id, answered), name).toBe(action);
  }
});
