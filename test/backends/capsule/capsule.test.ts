import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { capsuleAt, testBridge } from '../../support/bridge.ts';
import { toolCall } from '../../support/call.ts';
import { capsuleAllows, capsuleDenies } from '../../support/capsule.ts';
import { type FakeBackend, json, startFakeBackend } from '../../support/fake-backend.ts';
import { mcpCall, mcpListed } from '../../support/mcp.ts';

let vendor: FakeBackend;
beforeAll(async () => {
  vendor = await startFakeBackend();
});
afterAll(() => vendor.close());
afterEach(() => {
  vendor.seen.length = 0;
  vendor.reply = capsuleAllows;
});

async function ask(call: object, env: Record<string, string> = {}) {
  const bridge = testBridge({ ...capsuleAt(vendor.url), ...env });
  const { reply } = await bridge.ask(call);
  await bridge.close();
  return { reply, bridge, seen: vendor.seen.at(-1) };
}

/** The body of the pre hook for a request. */
async function sentFor(fields: object) {
  vendor.reply = capsuleAllows;
  const { seen } = await ask({ input_type: 'request', litellm_call_id: 'call-1', ...fields });
  return seen?.body as Record<string, unknown>;
}

const user = (content: unknown) => ({ role: 'user', content });

describe('the pre hook', () => {
  test.each([
    ['the address of the hooks', '/v1/litellm/hooks', '/v1/litellm/hooks/events/pre'],
    ['with a slash at the end', '/v1/litellm/hooks/', '/v1/litellm/hooks/events/pre'],
    ['the bare host', '', '/v1/litellm/hooks/events/pre'],
    ['behind a path', '/proxy', '/proxy/v1/litellm/hooks/events/pre'],
  ])('goes to one path, given %s', async (_, path, expected) => {
    vendor.reply = capsuleAllows;
    const { seen } = await ask(
      { input_type: 'request', litellm_call_id: 'call-1', texts: ['a'] },
      { CAPSULE_LITELLM_ENDPOINT: vendor.url + path },
    );
    expect(seen).toMatchObject({ method: 'POST', path: expected });
    expect(seen?.headers).toMatchObject({
      'content-type': 'application/json',
      authorization: 'Bearer capsule-token',
      'x-correlation-id': 'call-1',
    });
  });

  test('carries the call as the plugin does', async () => {
    const body = await sentFor({
      model: 'house-model',
      texts: ['Be kind.', 'Find the recipe.', 'Plums.'],
      request_data: { user_api_key_end_user_id: 'ada', user_api_key_hash: 'never-sent' },
      request_headers: { 'X-LiteLLM-Session-Id': 'session-1' },
      structured_messages: [
        { role: 'system', content: 'Be kind.' },
        user([{ type: 'text', text: 'Find the recipe.' }]),
        {
          role: 'assistant',
          content: null,
          tool_calls: [toolCall('{"title":"plum cake"}', 'look_up', 'call_9')],
        },
        { role: 'tool', tool_call_id: 'call_9', content: 'Plums.' },
      ],
    });
    expect(body).toEqual({
      requestId: 'call-1',
      model: 'house-model',
      user: 'ada',
      sessionId: 'session-1',
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: 'Find the recipe.' },
        {
          role: 'assistant',
          content: '',
          toolCalls: [{ id: 'call_9', name: 'look_up', arguments: { title: 'plum cake' } }],
        },
        { role: 'tool', content: 'Plums.', toolCallId: 'call_9' },
      ],
    });
  });

  test('leaves out missing fields', async () => {
    expect(await sentFor({})).toEqual({ requestId: 'call-1', model: 'unknown' });
  });

  test('names a call that LiteLLM did not name', async () => {
    const body = await sentFor({ litellm_call_id: null });
    expect(body.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(vendor.seen.at(-1)?.headers['x-correlation-id']).toBe(body.requestId);
  });

  test.each([
    ['line breaks', 'a\r\nx-injected: 1'],
    ['letters beyond ASCII', 'käse-🍰'],
    ['ten thousand letters', 'x'.repeat(10_000)],
    ['blanks alone', '   '],
  ])('goes out for a call id with %s', async (_, litellm_call_id) => {
    expect(await sentFor({ litellm_call_id, texts: ['a'] })).toMatchObject({ requestId: litellm_call_id });
    expect(vendor.seen.at(-1)?.headers).not.toHaveProperty('x-injected');
  });

  test('takes texts without rows as prompts of the user, one message each', async () => {
    expect(await sentFor({ texts: ['plum cake', 'apple pie'] })).toMatchObject({
      messages: [user('plum cake'), user('apple pie')],
    });
    expect(
      await sentFor({ texts: ['plum cake', 'apple pie'], structured_messages: [user('plum cake')] }),
    ).toMatchObject({
      messages: [user('plum cake'), user('apple pie')],
    });
  });

  test.each([
    { name: 'a JSON object as one', args: '{"a":{"b":1}}', sent: { a: { b: 1 } } },
    { name: 'a JSON list as text', args: '[1]', sent: '[1]' },
    { name: 'a JSON null as text', args: 'null', sent: 'null' },
    { name: 'broken JSON as text', args: '{"a":', sent: '{"a":' },
    { name: 'nothing as nothing', args: '', sent: '' },
  ])('sends tool-call arguments that are $name', async ({ args, sent }) => {
    const body = await sentFor({
      structured_messages: [{ role: 'assistant', tool_calls: [toolCall(args)] }],
    });
    expect(body.messages).toEqual([
      { role: 'assistant', content: '', toolCalls: [{ id: 'call_1', name: 'look_up', arguments: sent }] },
    ]);
  });

  test.each([
    {
      name: 'a list of parts',
      row: user([{ type: 'text', text: 'pl' }, 'ums', { type: 'text' }, null]),
      text: 'pl\nums',
    },
    {
      name: 'a tool result',
      row: user([{ type: 'tool_result', tool_use_id: 't', content: 'plums' }]),
      text: 'plums',
    },
    {
      name: 'the input of a tool_use',
      row: user([{ type: 'tool_use', name: 'n', input: { a: 'plums' } }]),
      text: 'plums',
    },
    {
      name: 'a tool call without a name',
      row: { role: 'assistant', tool_calls: [toolCall('plums', '')] },
      text: 'plums',
    },
    { name: 'a refusal', row: { role: 'assistant', content: null, refusal: 'plums' }, text: 'plums' },
  ])('sends the text in $name', async ({ row, text }) => {
    const sent = JSON.stringify(
      await sentFor({ texts: [text.replace('\n', ' ')], structured_messages: [row] }),
    );
    expect(sent).toContain(JSON.stringify(text).slice(1, -1));
    expect(JSON.stringify(await sentFor({ structured_messages: [row] }))).toContain(
      JSON.stringify(text).slice(1, -1),
    );
  });

  test('sends the tool calls of a request that stand beside its texts', async () => {
    const body = await sentFor({ texts: ['a'], tool_calls: [toolCall('{"to":"plums"}')] });
    expect(JSON.stringify(body)).toContain('plums');
  });

  test('sends a call of an MCP tool as one of the model, and no prompt', async () => {
    expect((await sentFor(mcpCall(['Ada', 'plums']))).messages).toEqual([
      {
        role: 'assistant',
        content: '',
        toolCalls: [{ name: 'lookup', arguments: { texts: ['Ada', 'plums'] } }],
      },
    ]);
  });

  test('sends the definition of an MCP tool as the words of the tool', async () => {
    const [message, ...others] = (await sentFor(mcpListed())).messages as Record<string, string>[];
    expect(others).toEqual([]);
    expect(message?.role).toBe('tool');
    expect(JSON.parse(message?.content ?? '')).toMatchObject({
      ...{ name: 'lookup', description: 'Look a person up in the directory.' },
      inputSchema: { title: 'lookupArguments' },
    });
  });

  test.each([[null], ['text'], [7], [[]], [{}]])('takes a row that is no message: %j', async (row) => {
    const body = await sentFor({ structured_messages: [row, user('hello')] });
    expect(body.messages).toContainEqual(user('hello'));
  });
});

describe('the decision', () => {
  const blocked = {
    action: 'BLOCKED',
    blocked_reason: expect.stringMatching(/^Blocked by security policy\./),
  };
  const failed = {
    action: 'BLOCKED',
    blocked_reason: expect.stringMatching(/^Not allowed: the security check/),
  };
  test.each([
    { name: 'allow', reply: capsuleAllows, is: { action: 'NONE' } },
    {
      name: 'allow with more',
      reply: json({ decision: 'allow', reason: null, score: 0.1 }),
      is: { action: 'NONE' },
    },
    { name: 'deny', reply: capsuleDenies(), is: blocked },
    { name: 'deny without a reason', reply: json({ decision: 'deny' }), is: blocked },
    { name: 'deny with a reason of null', reply: json({ decision: 'deny', reason: null }), is: blocked },
    { name: 'an unknown decision', reply: json({ decision: 'review' }), is: failed },
    { name: 'a decision in capitals', reply: json({ decision: 'ALLOW' }), is: failed },
    { name: 'no decision', reply: json({ ok: true }), is: failed },
    { name: 'a decision of null', reply: json({ decision: null }), is: failed },
  ])('$name is read', async ({ reply, is }) => {
    vendor.reply = reply;
    expect((await ask({ input_type: 'request', texts: ['a'] })).reply).toEqual(is);
  });

  test('a reason in a strange type does not turn a denial into a failure', async () => {
    vendor.reply = json({ decision: 'deny', reason: { code: 7 } });
    const { reply } = await ask(
      { input_type: 'request', texts: ['a'] },
      { CAPSULE_LITELLM_FAIL_OPEN: 'true' },
    );
    expect(reply).toMatchObject({ action: 'BLOCKED' });
  });

  test('the reason reaches callers only where the operator wants it', async () => {
    vendor.reply = capsuleDenies('root vegetables');
    const { reply } = await ask(
      { input_type: 'request', texts: ['a'] },
      { BLOCKED_MESSAGE: '{backend}: {reason}' },
    );
    expect(reply.blocked_reason).toBe('capsule: root vegetables');
  });

  test('responses are not sent, and counted', async () => {
    const { reply, bridge, seen } = await ask({ input_type: 'response', texts: ['a response'] });
    expect(reply).toEqual({ action: 'NONE' });
    expect(seen).toBeUndefined();
    expect(await bridge.metric('unjudged_total{backend="capsule",content="answer"}')).toBe(1);
  });

  test('under BLOCK_ON_RISK=false a denial is counted and blocks nothing', async () => {
    vendor.reply = capsuleDenies();
    const { reply } = await ask(
      { input_type: 'request', texts: ['a'] },
      { CAPSULE_LITELLM_BLOCK_ON_RISK: 'false' },
    );
    expect(reply).toEqual({ action: 'NONE' });
  });
});
