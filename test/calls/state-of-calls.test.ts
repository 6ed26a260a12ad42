import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { testBridge } from '../support/bridge.ts';
import { temporaryFolder } from '../support/recording-bridge.ts';

/** Threads that were started in this process. */
let threads = 0;
process.on('worker', () => threads++);

/** Makes a call large by more nodes than are read in the main thread, under a key that nobody reads. */
const PADDING = Array(10_001).fill({});
const MAIL = 'ada.frost@example.org';

type Call = { readonly input_type: 'request' | 'response' } & Record<string, unknown>;

const chat = (model: string, content: string, fields: object = {}): Call => ({
  input_type: 'request',
  ...{ model, texts: [content], structured_messages: [{ role: 'user', content }] },
  ...fields,
});
const answer = (model: string, text: string, fields: object = {}): Call => ({
  input_type: 'response',
  ...{ model, texts: [text] },
  ...fields,
});
const as = (team: string) => ({
  request_data: { user_api_key_hash: `hash of ${team}`, user_api_key_team_alias: team },
});
const plain = { additional_provider_specific_params: { stream: false } };
const stream = { additional_provider_specific_params: { streaming_transform_mode: 'incremental_diff' } };

type Case = {
  readonly name: string;
  readonly policies: object;
  /** Small calls that come before all others, each pair under an id of its own. */
  readonly before?: readonly (readonly Call[])[];
  readonly calls: readonly Call[];
  /** The actions that these calls get, or a test of them. */
  readonly actions: readonly string[] | ((actions: readonly string[]) => boolean);
  /** Texts of the last reply. */
  readonly texts?: readonly string[];
  readonly times?: number;
};

const banned = { 'banned-keywords': { keywords: ['zebra'] } };
const byModel = {
  policies: { chain: [] },
  policy: banned,
  rules: [{ name: 'strict', match: { model: 'strict-bot' }, chain: ['banned-keywords'] }],
};
const redacting = {
  policies: { chain: ['pii-detector'] },
  policy: { 'pii-detector': { action: 'redact', redaction: { reversible: true } } },
};
const roles = {
  policies: { chain: ['rbac'] },
  policy: { rbac: { deny_if_missing: [], roles: { all: {}, few: { allowed_models: ['claude-sonnet'] } } } },
};
const sampled = {
  policies: { chain: ['banned-keywords'] },
  policy: { 'banned-keywords': { keywords: ['zebra'], mode: 'sample', sample: 40 } },
};
const completion: Call = {
  input_type: 'request',
  ...{ model: 'house', texts: ['hello'], request_headers: { accept: '*/*' } },
};
const strictAnswer = answer('gpt-4o-2024-08-06', 'a zebra');

const CASES: readonly Case[] = [
  {
    name: 'the rule of the model that was asked for',
    ...{ policies: byModel, calls: [chat('strict-bot', 'hello'), strictAnswer] },
    actions: ['NONE', 'BLOCKED'],
  },
  {
    name: 'the rules of two models, the stricter first',
    ...{ policies: byModel, calls: [chat('strict-bot', 'hello'), chat('lax', 'hello'), strictAnswer] },
    actions: ['NONE', 'NONE', 'BLOCKED'],
  },
  {
    name: 'the rules of two models, the laxer first',
    ...{ policies: byModel, calls: [chat('lax', 'hello'), chat('strict-bot', 'hello'), strictAnswer] },
    actions: ['NONE', 'NONE', 'BLOCKED'],
  },
  {
    name: 'the model of an answer, by what others were answered',
    policies: roles,
    before: [
      [chat('gpt-4o', 'hello', as('all')), answer('gpt-4o-2024-08-06', 'hi', as('all'))],
      [chat('claude-sonnet', 'hello', as('few')), answer('claude-sonnet-4', 'hi', as('few'))],
    ],
    calls: [chat('claude-sonnet', 'hello', as('few')), answer('gpt-4o-2024-08-06', 'hi', as('few'))],
    actions: ['NONE', 'BLOCKED'],
  },
  {
    name: 'what was redacted in the first request',
    policies: redacting,
    calls: [
      chat('house', `write to ${MAIL}`, plain),
      chat('house', 'hello', plain),
      answer('house', 'I wrote to [EMAIL_ADDRESS_1]', plain),
    ],
    actions: ['GUARDRAIL_INTERVENED', 'NONE', 'GUARDRAIL_INTERVENED'],
    texts: [`I wrote to ${MAIL}`],
  },
  {
    name: 'what was redacted in the second request',
    policies: redacting,
    calls: [
      chat('house', 'hello', plain),
      chat('house', `write to ${MAIL}`, plain),
      answer('house', 'I wrote to [EMAIL_ADDRESS_1]', plain),
    ],
    actions: ['NONE', 'GUARDRAIL_INTERVENED', 'GUARDRAIL_INTERVENED'],
    texts: [`I wrote to ${MAIL}`],
  },
  {
    name: 'the sample to which the strictest request belongs',
    policies: sampled,
    calls: [chat('house', 'a zebra'), chat('house', 'the zebra'), strictAnswer],
    actions: ([first, second, last]) => last === (first === 'BLOCKED' ? first : second),
    times: 6,
  },
  {
    name: 'the endpoint of the first request',
    policies: redacting,
    calls: [completion, chat('house', 'hello'), answer('house', `write to ${MAIL}`, stream)],
    actions: ['NONE', 'NONE', 'BLOCKED'],
  },
  {
    name: 'the endpoint of the second request',
    policies: redacting,
    calls: [chat('house', 'hello'), completion, answer('house', `write to ${MAIL}`, stream)],
    actions: ['NONE', 'NONE', 'BLOCKED'],
  },
];

test.each(CASES)(
  'a response is judged by $name, whichever of the calls under its id are large',
  async ({ policies, before = [], calls, actions, texts, times = 1 }) => {
    const file = join(temporaryFolder(), 'policies.json');
    writeFileSync(file, JSON.stringify(policies));
    const startedBefore = threads;
    const bridge = testBridge({ POLICY_FILE: file, BLOCKED_HISTORY: 'block' });
    onTestFinished(bridge.close);
    const ask = (id: string, call: Call, isLarge = false) =>
      bridge.ask({
        ...{ litellm_call_id: id, litellm_trace_id: `trace of ${id}`, litellm_version: '1.110.2' },
        ...call,
        ...(isLarge && { padding: PADDING }),
      });
    for (const [n, pair] of before.entries()) for (const call of pair) await ask(`before ${n}`, call);
    for (let n = 0; n < times * 2 ** calls.length; n++) {
      const sizes = calls.map((_, i) => (n >> i) % 2 === 1);
      const replies: Record<string, unknown>[] = [];
      for (const [i, call] of calls.entries()) replies.push((await ask(`call ${n}`, call, sizes[i])).reply);
      const got = replies.map(({ action }) => action as string);
      if (typeof actions === 'function') expect(actions(got), `${sizes}: ${got}`).toBe(true);
      else expect(got, `large: ${sizes}`).toEqual(actions);
      if (texts !== undefined) expect(replies.at(-1)?.texts).toEqual(texts);
    }
    expect(threads).toBe(startedBefore + 1);
    expect(await bridge.metric('large_call_restarts_total')).toBe(0);
  },
);
