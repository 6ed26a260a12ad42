import { expect, onTestFinished, test } from 'vitest';
import { aktoRedacts, aktoReply } from '../support/akto.ts';
import { aktoAt, testBridge } from '../support/bridge.ts';
import { type Reply, startFakeBackend } from '../support/fake-backend.ts';

async function withAkto(reply: Reply, env: Record<string, string> = {}) {
  const akto = await startFakeBackend(reply);
  const bridge = testBridge({ ...aktoAt(akto.url), ...env });
  onTestFinished(async () => {
    await bridge.close();
    await akto.close();
  });
  return bridge;
}

/** Built here, so that no scanner takes the repository for a leak. */
const escaped = `\\u0041KIA${'Q7ZXK2MPT5WVB3RD'}`;

test.each(['id', 'detail', 'type', 'x'])(
  'an escaped credential in the argument "%s" is blocked',
  async (name) => {
    const bridge = testBridge({});
    onTestFinished(bridge.close);
    const toolCall = { function: { name: 'f', arguments: `{"${name}":"${escaped}"}` } };
    const { reply } = await bridge.ask({ input_type: 'response', tool_calls: [toolCall] });
    expect(reply.action).toBe('BLOCKED');
  },
);

test('a credential as the name of an argument, and in the object a tool is given, is blocked', async () => {
  const bridge = testBridge({});
  onTestFinished(bridge.close);
  const named = { function: { name: 'f', arguments: `{"${escaped}":1}` } };
  expect((await bridge.ask({ input_type: 'response', tool_calls: [named] })).reply.action).toBe('BLOCKED');
  const used = { type: 'tool_use', id: 'a', name: 'f', input: { id: JSON.parse(`"${escaped}"`) } };
  const rows = [{ role: 'assistant', content: [used] }];
  const { reply } = await bridge.ask({ input_type: 'request', structured_messages: rows });
  expect(reply.action).toBe('BLOCKED');
});

test('a redaction of a hundred thousand equal messages, or parts, is applied in linear time', async () => {
  const bridge = await withAkto(aktoRedacts('secret', '######'), { MAX_JSON_NODES: '1000000' });
  const many = Array.from({ length: 100_000 }, () => ({ role: 'user', content: 'a secret' }));
  const texts = many.map(({ content }) => content);
  const equal = await bridge.ask({ input_type: 'request', texts, structured_messages: many });
  expect(equal.reply.action).toBe('GUARDRAIL_INTERVENED');
  const content = texts.map((text) => ({ type: 'text', text }));
  const parts = await bridge.ask({
    input_type: 'request',
    texts,
    structured_messages: [{ role: 'user', content }],
  });
  expect(parts.reply).toMatchObject({ action: 'GUARDRAIL_INTERVENED' });
});

test('a tool call with a large table among its arguments passes under a larger MAX_JSON_NODES', async () => {
  const rows = JSON.stringify(Array.from({ length: 60_000 }, (_, i) => [i, i]));
  const call = { id: 'a', type: 'function', function: { name: 'save_table', arguments: rows } };
  const messages = [
    { role: 'assistant', content: null, tool_calls: [call] },
    { role: 'user', content: 'go on' },
  ];
  for (const [nodes, action] of [
    ['100000', 'BLOCKED'],
    ['200000', 'NONE'],
  ] as const) {
    const bridge = testBridge({ MAX_JSON_NODES: nodes });
    onTestFinished(bridge.close);
    const { reply } = await bridge.ask({ input_type: 'request', structured_messages: messages });
    expect(reply.action).toBe(action);
  }
});

test('a denial by one side counts even where the outer verdict is missing', async () => {
  const bridge = await withAkto(aktoReply({ requestResult: { Allowed: false } }), {
    AKTO_UNREACHABLE_FALLBACK: 'fail_open',
  });
  expect((await bridge.ask({ input_type: 'request', texts: ['x'] })).reply.action).toBe('BLOCKED');
});
