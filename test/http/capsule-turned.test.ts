import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { aktoAllows, aktoBlocks, aktoRedacts } from '../support/akto.ts';
import { testBridge } from '../support/bridge.ts';
import { json, type Reply } from '../support/fake-backend.ts';
import { until } from '../support/recording-bridge.ts';
import { turnedBridge } from '../support/turned.ts';

const BANNED = { BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'turnip' };

/** The body of a `pre` hook, as the plugin sends it. */
const pre = (content = 'When does the library open?', more: object = {}) => ({
  requestId: 'call-1',
  model: 'house-model',
  messages: [
    { role: 'system', content: 'You help readers.' },
    { role: 'user', content },
  ],
  user: 'reader-7',
  sessionId: 'session-1',
  ...more,
});

const post = (more: object = {}) => ({
  ...{ requestId: 'call-1', model: 'house-model', durationMs: 420, success: true, sessionId: 'session-1' },
  ...{ promptTokens: 9, completionTokens: 3, totalTokens: 12 },
  ...more,
});

const mcpPre = (args: object = { name: 'Ada' }) => ({
  ...{ requestId: 'call-2', serverName: 'desk', toolName: 'lookup', arguments: args },
});

function judging(bridge: Awaited<ReturnType<typeof turnedBridge>>, reply: Reply): void {
  bridge.akto.server.reply = (request, response) =>
    request.path.endsWith('/api/http-proxy')
      ? reply(request, response)
      : bridge.akto.reply(request, response);
}

describe('a pre hook that comes as to Capsule', () => {
  test('is judged, and denied with the message of the bridge', async () => {
    const bridge = await turnedBridge(BANNED);
    expect(await bridge.hook('pre', pre())).toEqual({ status: 200, reply: { decision: 'allow' } });
    const { status, reply } = await bridge.hook('pre', pre('a turnip'));
    expect([status, reply.decision]).toEqual([200, 'deny']);
    expect(reply.reason).toMatch(/^Blocked by security policy\. \[policy\] Reference: [0-9a-f]{16}$/);
  });

  test.each([
    { prompt: 'a turnip' },
    { input: ['a turnip'] },
    { messages: [], metadata: { note: 'a turnip' } },
    { tools: [{ type: 'function', function: { name: 'f', description: 'a turnip', parameters: {} } }] },
  ])('is denied for %j, which the plugin does not send today', async (body) => {
    const bridge = await turnedBridge(BANNED);
    expect(await bridge.hook('pre', { requestId: 'call-1', model: 'm', ...body })).toMatchObject({
      reply: { decision: 'deny' },
    });
  });

  test.each([
    ['arguments of a tool call', { toolCalls: [{ name: 'f', arguments: { id: 'a turnip' } }] }],
    ['arguments that are text', { toolCalls: [{ name: 'f', arguments: 'a turnip' }] }],
    ['content that is a list', { content: [{ type: 'text', text: 'a turnip' }] }],
    ['another key', { note: 'a turnip' }],
  ])('is denied for %s', async (_, message) => {
    const bridge = await turnedBridge(BANNED);
    const messages = [{ role: 'assistant', content: '', ...message }];
    expect(await bridge.hook('pre', pre('', { messages }))).toMatchObject({ reply: { decision: 'deny' } });
  });

  test('without an id, or without messages, is judged too', async () => {
    const bridge = await turnedBridge(BANNED);
    const { requestId: _, sessionId: __, user: ___, ...nameless } = pre();
    expect((await bridge.hook('pre', nameless)).reply).toEqual({ decision: 'allow' });
    expect((await bridge.hook('pre', { requestId: 'a', model: 'm' })).reply).toEqual({ decision: 'allow' });
  });

  test('is denied where a vendor would redact it, as the plugin could not', async () => {
    const bridge = await turnedBridge();
    judging(bridge, aktoRedacts('Ada', '***'));
    expect(await bridge.hook('pre', pre('Ask Ada'))).toMatchObject({
      status: 200,
      reply: { decision: 'deny' },
    });
  });

  test.each([
    ['fail_closed', 200, { decision: 'deny' }],
    ['fail_open', 200, { decision: 'allow' }],
    ['defer', 503, { error: { type: 'deferred' } }],
  ])(
    'of which a vendor gives no verdict is treated by its fail mode: %s',
    async (fallback, status, reply) => {
      const bridge = await turnedBridge({ UNREACHABLE_FALLBACK: fallback });
      judging(bridge, json({}, 500));
      expect(await bridge.hook('pre', pre())).toMatchObject({ status, reply });
    },
  );

  test('for a tool is judged by its arguments', async () => {
    const bridge = await turnedBridge(BANNED);
    expect((await bridge.hook('mcp/pre', mcpPre())).reply).toEqual({ decision: 'allow' });
    const denied = await bridge.hook('mcp/pre', mcpPre({ type: ['a turnip'] }));
    expect(denied.reply).toMatchObject({ decision: 'deny' });
    expect(await bridge.metric('turned_calls_total{door="capsule",asks="check"}')).toBe(2);
  });

  test('of more than a megabyte is judged in the thread of large calls', async () => {
    const bridge = await turnedBridge(BANNED);
    judging(bridge, json({}, 500));
    const large = 'word '.repeat(300_000);
    expect((await bridge.hook('pre', pre(`${large} turnip`))).reply).toMatchObject({ decision: 'deny' });
  });
});

describe('a post hook', () => {
  test('of a large call is a record with its request too', async () => {
    const bridge = await turnedBridge();
    judging(bridge, aktoAllows);
    const content = 'word '.repeat(300_000).trim();
    expect((await bridge.hook('pre', pre(content))).reply).toEqual({ decision: 'allow' });
    await bridge.hook('post', post());
    const [record] = await bridge.recordsOf('call-1');
    expect(record?.request).toMatchObject({ messages: [{}, { content }] });
  });

  test('is a record with what its pre hook told and was told', async () => {
    const bridge = await turnedBridge();
    await bridge.hook('pre', pre());
    expect(await bridge.hook('post', post())).toEqual({ status: 200, reply: { ok: true } });
    await bridge.hook('post', post());
    const [record] = await bridge.recordsOf('call-1');
    expect(record).toMatchObject({
      statusCode: '200',
      request: { model: 'house-model', messages: [{}, { content: 'When does the library open?' }] },
      response: { usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 } },
    });
    expect(JSON.parse(record?.tag.guardrail ?? '[]')).toMatchObject([
      { input_type: 'request', action: 'NONE' },
    ]);
    await sleep(300);
    expect(bridge.records()).toHaveLength(1);
  });

  test('goes on to Capsule as it came, where that is a backend', async () => {
    const bridge = await turnedBridge({}, { withCapsule: true });
    await bridge.hook('pre', pre());
    await bridge.hook('post', post());
    const [posted] = await until(() => bridge.capsule.posted.length > 0 && bridge.capsule.posted);
    expect(posted).toEqual(post());
  });

  test('tells of a failure, of which the success that follows takes the place', async () => {
    const bridge = await turnedBridge({ FAILURE_GRACE_SECONDS: '1' });
    await bridge.hook('pre', pre());
    await bridge.hook('post', post({ success: false, errorCode: 'Timeout', errorMessage: 'too slow' }));
    await bridge.hook('post', post());
    await bridge.hook('pre', pre('', { requestId: 'call-3' }));
    const failed = { requestId: 'call-3', success: false, errorCode: 'Timeout', errorMessage: 'too slow' };
    await bridge.hook('post', post(failed));
    expect(await bridge.recordsOf('call-1')).toMatchObject([{ statusCode: '200' }]);
    expect(await bridge.recordsOf('call-3')).toMatchObject([
      { statusCode: '500', response: { error: { type: 'Timeout', message: 'too slow' } } },
    ]);
    expect(bridge.records()).toHaveLength(2);
  });

  test('never comes of a call that was denied: the block is its record', async () => {
    const bridge = await turnedBridge();
    judging(bridge, aktoBlocks('Root vegetables'));
    await bridge.hook('pre', pre());
    const [record] = await bridge.recordsOf('call-1');
    expect(record).toMatchObject({ statusCode: '403', response: { reason: 'Root vegetables' } });
  });

  test('of a tool is a record of its call', async () => {
    const bridge = await turnedBridge();
    await bridge.hook('mcp/pre', mcpPre());
    const body = {
      requestId: 'call-2',
      serverName: 'desk',
      toolName: 'lookup',
      durationMs: 3,
      success: true,
    };
    expect(await bridge.hook('mcp/post', body)).toEqual({ status: 200, reply: { ok: true } });
    const [record] = await bridge.recordsOf('call-2');
    expect(record?.tag).toMatchObject({
      tool_name: 'lookup',
      mcp_server_name: 'desk',
      call_type: 'tool_call',
    });
    expect(record?.text).toContain('Ada');
  });

  test('is refused while nothing can be stored, and dropped where nobody takes records', async () => {
    const full = await turnedBridge({ OUTBOX_MAX_MB: '0.01' });
    expect(await full.hook('post', post())).toMatchObject({
      status: 503,
      reply: { error: { type: 'full' } },
    });
    const bridge = testBridge({});
    const path = '/v1/litellm/hooks/events/post';
    const response = await bridge.app.request(path, { method: 'POST', body: JSON.stringify(post()) });
    expect([response.status, await response.json()]).toEqual([200, { ok: true }]);
    expect(await bridge.metric('log_posts_total{result="no_backend"}')).toBe(1);
  });
});

test('who calls as the plugin brings one of the keys as Bearer', async () => {
  const bridge = await turnedBridge({ BRIDGE_API_KEYS: 'right' });
  const right = { authorization: 'Bearer right' };
  for (const [hook, body] of [
    ['pre', pre()],
    ['post', post()],
    ['mcp/pre', mcpPre()],
  ] as const) {
    expect((await bridge.hook(hook, body)).status).toBe(401);
    expect((await bridge.hook(hook, body, right)).status).toBe(200);
  }
});

describe('a body that cannot be read', () => {
  const deep = `{"messages":${'['.repeat(2000)}${']'.repeat(2000)}}`;
  test.each([
    ['no JSON', 'hello', 'invalid'],
    ['a list', '[]', 'invalid'],
    ['an id that is a number', '{"requestId":7}', 'invalid'],
    ['messages that are an object', '{"messages":{}}', 'invalid'],
    ['a deep body', deep, 'too_deep'],
    ['many nodes', `{"messages":[${'[],'.repeat(120_000)}1]}`, 'too_many_nodes'],
  ])('is denied under every fail mode: %s', async (_, body, reason) => {
    const bridge = await turnedBridge({ UNREACHABLE_FALLBACK: 'fail_open' });
    expect(await bridge.hook('pre', body)).toMatchObject({ status: 200, reply: { decision: 'deny' } });
    expect(await bridge.metric(`rejected_total{reason="${reason}"}`)).toBe(1);
    expect(await bridge.hook('post', body)).toMatchObject({
      status: 400,
      reply: { error: { type: 'invalid' } },
    });
  });

  test('with odd values is judged where it can be', async () => {
    const bridge = await turnedBridge();
    for (const body of [
      '{"messages":[7,null,"a",[[]],{"toolCalls":[null,{"arguments":[]}]}]}',
      '{"model":null}',
    ]) {
      expect(await bridge.hook('pre', body)).toMatchObject({ status: 200, reply: { decision: 'allow' } });
    }
    const odd = { success: true, durationMs: {}, model: [], promptTokens: 'x', requestId: null };
    expect(await bridge.hook('post', odd)).toEqual({ status: 200, reply: { ok: true } });
    expect(bridge.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
