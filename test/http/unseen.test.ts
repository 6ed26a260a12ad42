import { afterAll, expect, onTestFinished, test } from 'vitest';
import { testBridge } from '../support/bridge.ts';

const counting = testBridge({ BANNED_KEYWORDS: 'turnip' });
const blocking = testBridge({ BANNED_KEYWORDS: 'turnip', HIDDEN_CONTENT: 'block' });
const allowing = testBridge({ MULTI_MODEL: 'allow' });
const bridges = [counting, blocking, allowing];
afterAll(() => Promise.all(bridges.map((bridge) => bridge.close())));

const chat = (length: number | undefined, fields: object = {}) => ({
  input_type: 'request',
  litellm_call_id: 'call-7',
  litellm_version: '1.110.2',
  model: 'house-model',
  texts: ['hello there'],
  structured_messages: [{ role: 'user', content: 'hello there' }],
  request_data: { user_api_key_hash: 'abcdef', user_api_key_alias: 'desk' },
  request_headers: {
    'content-type': 'application/json',
    ...(length !== undefined && { 'content-length': String(length) }),
  },
  ...fields,
});
const blockedWith = (sentence: RegExp) => ({
  action: 'BLOCKED',
  blocked_reason: expect.stringMatching(sentence),
});
const NOT_SHOWN = blockedWith(
  /^Not allowed: the security check is not shown all of this call\. \[hidden\] Reference: \w{16}$/,
);
const SEVERAL = blockedWith(
  /^Not allowed: the security check needs a call of its own for each model\. \[several_models\] Reference: \w{16}$/,
);
const NONE = { action: 'NONE' };

/** The value of a metric before something is done, and after. */
async function growthOf(bridge: typeof counting, sample: string, run: () => Promise<unknown>) {
  const before = (await bridge.metric(sample)) ?? 0;
  await run();
  return ((await bridge.metric(sample)) ?? 0) - before;
}

test('a body that is longer than what was shown is counted, and logged with the key', async () => {
  const ask = () => counting.ask(chat(5118));
  expect((await ask()).reply).toEqual(NONE);
  expect(await growthOf(counting, 'hidden_calls_total{reason="longer"}', ask)).toBe(1);
  const bytes = await growthOf(counting, 'hidden_bytes_total', ask);
  expect(bytes).toBeGreaterThan(4900);
  expect(bytes).toBeLessThan(5118);
  const line = counting.lines.findLast(({ msg }) => msg === 'content that LiteLLM does not show');
  expect(line).toMatchObject({ level: 'warn', litellm_call_id: 'call-7', key: 'desk', bytes });
  expect(JSON.stringify(counting.lines)).not.toContain('hello');
});

test('what a client does with every call is logged once for each key and reason, and counted each time', async () => {
  const bridge = testBridge({});
  onTestFinished(bridge.close);
  const by = (alias: string) => ({
    request_data: { user_api_key_hash: 'abcdef', user_api_key_alias: alias },
  });
  for (const alias of ['desk', 'lab', 'desk']) {
    for (const length of [5118, undefined, 6000]) await bridge.ask(chat(length, by(alias)));
  }
  const lines = bridge.lines.filter(({ msg }) => msg === 'content that LiteLLM does not show');
  expect(lines.map(({ level, key, bytes }) => [level, key, typeof bytes])).toEqual([
    ['warn', 'desk', 'number'],
    ['info', 'desk', 'object'],
    ['warn', 'lab', 'number'],
    ['info', 'lab', 'object'],
  ]);
  expect(await bridge.metric('hidden_calls_total{reason="longer"}')).toBe(6);
  expect(await bridge.metric('hidden_calls_total{reason="unmeasured"}')).toBe(3);
});

test('HIDDEN_CONTENT=block blocks it', async () => {
  expect((await blocking.ask(chat(5118))).reply).toEqual(NOT_SHOWN);
  expect(blocking.lines.findLast(({ msg }) => msg === 'blocked')).toMatchObject({
    cause: 'hidden_content',
    backend: 'bridge',
    litellm_call_id: 'call-7',
  });
  expect((await blocking.ask(chat(90))).reply).toEqual(NONE);
  expect((await blocking.ask(chat(5118, { input_type: 'response' }))).reply).toMatchObject(NONE);
});

test('a body that does not tell its length is counted, and blocked by HIDDEN_CONTENT=block', async () => {
  const ask = () => counting.ask(chat(undefined));
  expect((await ask()).reply).toEqual(NONE);
  expect(await growthOf(counting, 'hidden_calls_total{reason="unmeasured"}', ask)).toBe(1);
  expect(await growthOf(counting, 'hidden_bytes_total', ask)).toBe(0);
  expect((await blocking.ask(chat(undefined))).reply).toEqual(NOT_SHOWN);
});

test('a policy that blocks is named before what is hidden, which is counted too', async () => {
  const ask = () => blocking.ask(chat(5118, { texts: ['a turnip'], structured_messages: [] }));
  expect((await ask()).reply).toEqual(blockedWith(/^Blocked by security policy/));
  expect(await growthOf(blocking, 'hidden_calls_total{reason="longer"}', ask)).toBe(1);
});

test.each(['cheap,forbidden', 'cheap, forbidden', ' house-model , house-model', 'house-model,', ','])(
  'a request for the models "%s" is blocked, unless MULTI_MODEL=allow',
  async (model) => {
    expect((await counting.ask(chat(90, { model }))).reply).toEqual(SEVERAL);
    expect(counting.lines.at(-1)).toMatchObject({ msg: 'blocked', cause: 'several_models' });
    expect((await allowing.ask(chat(90, { model }))).reply).toEqual(NONE);
  },
);
