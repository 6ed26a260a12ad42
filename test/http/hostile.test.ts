import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { aktoBlocks } from '../support/akto.ts';
import { aktoAt, capsuleAt, testBridge } from '../support/bridge.ts';
import { capsuleDenies } from '../support/capsule.ts';
import { type FakeBackend, startFakeBackend } from '../support/fake-backend.ts';

const LEVELS = 20_000;
const deep = `${'{"a":['.repeat(LEVELS)}${']}'.repeat(LEVELS)}`;
const row = (fields: object) => ({ role: 'assistant', content: null, ...fields });
const toolCall = (args: unknown) => ({ id: 'a', type: 'function', function: { name: 'x', arguments: args } });

/** Calls by which a client could try to make a check fail, and so pass where failures let pass. */
const calls: { name: string; body: object }[] = [
  {
    name: 'arguments nested without end',
    body: { structured_messages: [row({ tool_calls: [toolCall(deep)] })] },
  },
  {
    name: 'arguments nested without end behind an escape',
    body: { structured_messages: [row({ tool_calls: [toolCall(`{"\\u0061":${deep}}`)] })] },
  },
  { name: 'tool calls nested without end', body: { tool_calls: [toolCall(`{"\\u0061":${deep}}`)] } },
  {
    name: 'JSON in JSON in JSON',
    body: {
      tool_calls: [
        toolCall(
          Array.from({ length: 12 }).reduce<string>((args) => JSON.stringify({ arguments: args }), '"'),
        ),
      ],
    },
  },
  { name: 'text that looks like JSON', body: { texts: [deep, '{', '[', '{"body":"{}"}'] } },
  { name: 'arguments of every type', body: { tool_calls: [null, 1, [], {}, true].map(toolCall) } },
  {
    name: 'tool calls of every type',
    body: { structured_messages: [null, 1, 'x', {}, [1, null]].map((tool_calls) => row({ tool_calls })) },
  },
  {
    name: 'contents of every type',
    body: {
      structured_messages: [null, 1, true, {}, [null, 1, [], {}], [['x']]].map((content) => row({ content })),
    },
  },
  {
    name: 'roles of every type',
    body: { structured_messages: [null, 1, {}, []].map((role) => ({ role, content: 'x' })) },
  },
  { name: 'rows of every type', body: { structured_messages: [null, 1, 'x', [], true] } },
  {
    name: 'ids no header can carry',
    body: { litellm_call_id: '\r\n\u0000\u20ac\ud800', litellm_trace_id: '\n' },
  },
  { name: 'an id of megabytes', body: { litellm_call_id: 'x'.repeat(2_000_000) } },
  {
    name: 'headers of every type',
    body: { request_headers: { a: null, 'x-litellm-session-id': 1, '\n': '\r\n\u20ac' } },
  },
  {
    name: 'keys of every type',
    body: { request_data: { user_api_key_user_id: {}, user_api_key_end_user_id: 1 } },
  },
  { name: 'lone surrogates', body: { texts: ['\ud800'], structured_messages: [row({ content: '\udfff' })] } },
  {
    name: 'names that objects have',
    body: { structured_messages: [row({ toString: 1, constructor: 1, length: -1 })] },
  },
  {
    name: 'parameters of a guardrail without a text',
    body: {
      additional_provider_specific_params: Object.fromEntries(
        ['stream', 'pipeline', 'transform', 'streaming_transform_mode'].map((name) => [
          name,
          { toString: 1, valueOf: 1 },
        ]),
      ),
    },
  },
  { name: 'a model that is no model', body: { model: '\u0000"\\\ud800' } },
  { name: 'nothing to judge', body: {} },
];

let akto: FakeBackend;
let capsule: FakeBackend;

beforeAll(async () => {
  akto = await startFakeBackend(aktoBlocks('no'));
  capsule = await startFakeBackend(capsuleDenies());
});
afterAll(() => Promise.all([akto.close(), capsule.close()]));

/** The vendor blocks everything, so whatever else comes back got past it. */
async function expectJudged(backend: string, env: Record<string, string>, body: object) {
  const bridge = testBridge({ ...env, [`${backend.toUpperCase()}_UNREACHABLE_FALLBACK`]: 'fail_open' });
  onTestFinished(bridge.close);
  const response = await bridge.app.request('/', { method: 'POST', body: JSON.stringify(body) });
  expect(bridge.lines.filter(({ msg }) => msg === 'no verdict' || msg === 'cannot judge')).toEqual([]);
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    action: 'BLOCKED',
    blocked_reason: expect.stringMatching(/^Blocked by security policy/),
  });
}

describe.each(calls)('$name cannot get past a vendor that is there, even under fail_open', ({ body }) => {
  test('Akto, in a request', () =>
    expectJudged('akto', aktoAt(akto.url), { ...body, input_type: 'request' }));
  test('Akto, in a response', () =>
    expectJudged('akto', aktoAt(akto.url), { ...body, input_type: 'response' }));
  test('Capsule', () => {
    const { CAPSULE_LITELLM_FAIL_OPEN: _, ...env } = capsuleAt(capsule.url);
    return expectJudged('capsule', env, { ...body, input_type: 'request' });
  });
});

const many = (item: string, count = 60_000) => Array(count).fill(item).join();
const inString = (json: string) => JSON.stringify(json);
const ARGUMENTS = (json: string, count: number) =>
  `"structured_messages":[{"role":"assistant","tool_calls":[${many(`{"function":{"name":"f","arguments":${inString(json)}}}`, count)}]}]`;

/** Bodies that take a thousand times their size in memory, or seconds, to be parsed and walked. */
/** Expects a call to be blocked, counted and logged for a limit of its JSON. */
async function expectRefused(
  bridge: ReturnType<typeof testBridge>,
  response: Response,
  reason: string,
  setting: string,
) {
  expect({ status: response.status, reply: await response.json() }).toMatchObject({
    status: 200,
    reply: {
      action: 'BLOCKED',
      blocked_reason: expect.stringMatching(/^Not allowed: /),
      error: { type: reason, message: expect.stringContaining(setting) },
    },
  });
  expect(await bridge.metric(`rejected_total{reason="${reason}"}`)).toBe(1);
  expect(bridge.lines).toContainEqual(
    expect.objectContaining({
      msg: 'blocked',
      level: 'warn',
      reason,
      message: expect.stringContaining(setting),
    }),
  );
}

test.each([
  ['messages', `"structured_messages":[${many('{}')}]`],
  ['lists', `"structured_messages":[{"content":[${many('[]')}]}]`],
  ['numbers', `"images":[${many('1', 120_000)}]`],
  ['keys', `"request_headers":{${Array.from({ length: 120_000 }, (_, i) => `"k${i}":1`).join()}}`],
  ['an enum of a tool', `"tools":[{"function":{"name":"f","parameters":{"enum":[${many('{}')}]}}}]`],
  ['texts', `"texts":[${many('"a"', 120_000)}]`],
  ['JSON in arguments', ARGUMENTS(`["\\n",${many('{}')}]`, 1)],
  ['JSON in arguments of many calls', ARGUMENTS(`[${many('{}', 6000)}]`, 20)],
])('a call made of too many %s is BLOCKED, counted, and no vendor sees it', async (_, field) => {
  const env = { ...aktoAt(akto.url), UNREACHABLE_FALLBACK: 'fail_open' };
  const bridge = testBridge(env);
  onTestFinished(bridge.close);
  const seen = akto.seen.length;
  const body = `{"input_type":"request",${field}}`;
  const response = await bridge.app.request('/', { method: 'POST', body });
  await expectRefused(bridge, response, 'too_many_nodes', 'MAX_JSON_NODES');
  expect(akto.seen.length).toBe(seen);
});

/** A list in a list, and so on, in a field; with the levels around it one of `levels`. */
const nested = (field: string, levels: number) =>
  `{"input_type":"request","${field}":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;

test.each([
  ['that is short', 'tools', 130, ''],
  ['that is long', 'structured_messages', 20_000, ''],
  ['without an end', 'tools', 200_000, ''],
  ['of fields that nobody reads', 'from_the_future', 129, ''],
  ['of request_data', 'request_data', 129, ''],
  ['beside much else', 'images', 129, `"texts":["${'a'.repeat(100_000)}"],`],
])(
  'a call nested too deep, %s, is BLOCKED, counted, and no vendor sees it',
  async (_, field, levels, beside) => {
    const bridge = testBridge({ ...aktoAt(akto.url), UNREACHABLE_FALLBACK: 'fail_open' });
    onTestFinished(bridge.close);
    const seen = akto.seen.length;
    const body = nested(field, levels).replace('{', `{${beside}`);
    const response = await bridge.app.request('/', { method: 'POST', body });
    await expectRefused(bridge, response, 'too_deep', 'MAX_JSON_DEPTH');
    expect(akto.seen.length).toBe(seen);
  },
);

test.each(['structured_messages', 'tools', 'tool_calls', 'images', 'from_the_future'])(
  'a call with as many levels as MAX_JSON_DEPTH in %s is judged',
  async (field) => {
    const bridge = testBridge({ ...aktoAt(akto.url), MAX_JSON_DEPTH: '20' });
    onTestFinished(bridge.close);
    const judged = async (levels: number) => {
      const body = nested(field, levels);
      const response = await bridge.app.request('/', { method: 'POST', body });
      return ((await response.json()) as { blocked_reason: string }).blocked_reason;
    };
    expect(await judged(20)).toMatch(/^Blocked by security policy/);
    expect(await judged(21)).toMatch(/^Not allowed/);
  },
);

test('a call of many words and few nodes is judged, whatever signs are in them', async () => {
  const bridge = testBridge(aktoAt(akto.url));
  onTestFinished(bridge.close);
  const text = '{},[],"\\,'.repeat(60_000);
  const { reply } = await bridge.ask({ input_type: 'request', texts: [text] });
  expect(reply.blocked_reason).toMatch(/^Blocked by security policy/);
  expect(akto.seen.at(-1)?.text.length).toBeGreaterThan(text.length);
});
