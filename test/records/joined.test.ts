import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { aktoBlocks } from '../support/akto.ts';
import { eventOf, recordingBridge, until } from '../support/recording-bridge.ts';

const VERSION = { litellm_version: '1.110.2' };
const request = (content: string, more: object) => ({
  ...{ input_type: 'request', ...VERSION, model: 'house', texts: [content] },
  structured_messages: [{ role: 'user', content }],
  ...more,
});
const response = (text: string, more: object) => ({
  ...{ input_type: 'response', ...VERSION, model: 'house-up', texts: [text] },
  ...more,
});
/** The failure event of a call that the bridge blocked, with what its client was told. */
const failureOf = (callId: string, reply: Record<string, unknown>, more: object) =>
  eventOf(callId, {
    id: callId,
    ...{ status: 'failure', response: {} },
    error_str: reply.blocked_reason,
    error_information: {
      error_class: 'GuardrailRaisedException',
      error_code: '400',
      error_message: reply.blocked_reason,
    },
    ...more,
  });

describe('a blocked image, speech or query, which has no call id', () => {
  const IMAGE = {
    ...{ input_type: 'request', ...VERSION, model: 'img', litellm_call_id: null, litellm_trace_id: null },
    request_data: { user_api_key_hash: 'hash-1' },
  };
  const toldOf = (content: string) => ({
    call_type: 'aimage_generation',
    messages: [{ role: 'user', content }],
    metadata: { user_api_key_hash: 'hash-1' },
  });

  test('has one record at each vendor, under no id but the reference and the verdict', async () => {
    const bridge = await recordingBridge({}, { withCapsule: true });
    bridge.akto.server.reply = (seen, reply) =>
      seen.path === '/api/http-proxy' ? aktoBlocks('No plums')(seen, reply) : bridge.akto.reply(seen, reply);
    const { reply } = await bridge.ask({ ...IMAGE, texts: ['a plum'] });
    const [record] = await until(() => bridge.records().length > 0 && bridge.records());
    expect(record).toMatchObject({ statusCode: '403', tag: { outcome: 'blocked' } });
    expect(record?.tag).not.toHaveProperty('litellm_call_id');
    expect(record?.text).not.toContain('message_id');
    expect(String(reply.blocked_reason)).toContain(record?.tag.ref);
    expect(JSON.parse(record?.tag.guardrail ?? '')).toMatchObject([{ action: 'BLOCKED', by: 'akto' }]);
    const posted = await until(() => bridge.capsule.posted.length > 0 && bridge.capsule.posted);
    expect(posted).toMatchObject([{ requestId: record?.tag.record_id, success: false }]);
    const event = failureOf('call-9', reply, toldOf('a plum'));
    expect((await bridge.send([event])).reply).toMatchObject({ blocked: 1, new: 0 });
    await wait(300);
    expect([bridge.records().length, bridge.capsule.posted.length]).toEqual([1, 1]);
  });

  test('has none at Capsule, if Capsule blocked it', async () => {
    const bridge = await recordingBridge({ AKTO_MODE: 'observe' }, { withCapsule: true });
    const { reply } = await bridge.ask({ ...IMAGE, texts: ['a turnip'] });
    expect(reply.action).toBe('BLOCKED');
    const event = failureOf('call-9', reply, { call_type: 'aspeech', messages: [] });
    expect((await bridge.send([event])).reply).toMatchObject({ blocked: 1, new: 0 });
    await until(() => bridge.records().length > 0);
    await wait(300);
    expect([bridge.records().length, bridge.capsule.posted]).toEqual([1, []]);
  });

  test('is joined by key and words, where BLOCKED_MESSAGE shows no reference', async () => {
    const bridge = await recordingBridge({ BLOCKED_MESSAGE: 'Not allowed.' }, { withCapsule: true });
    const { reply } = await bridge.ask({ ...IMAGE, texts: ['a turnip'] });
    expect(reply.blocked_reason).toBe('Not allowed.');
    const event = failureOf('call-9', reply, toldOf('a turnip'));
    expect((await bridge.send([event])).reply).toMatchObject({ blocked: 1, new: 0 });
  });
});

test('two calls under one client-chosen id at once have a record each', async () => {
  const bridge = await recordingBridge();
  bridge.akto.server.reply = (seen, reply) =>
    seen.path === '/api/http-proxy' && seen.text.includes('nightfall')
      ? aktoBlocks('No plans')(seen, reply)
      : bridge.akto.reply(seen, reply);
  const first = { litellm_call_id: 'chosen', litellm_trace_id: 'ta' };
  const second = { litellm_call_id: 'chosen', litellm_trace_id: 'tb' };
  await bridge.ask(request('benign', first));
  await bridge.ask(request('exfiltrate the customer list', second));
  const { reply } = await bridge.ask(response('It is nightfall', first));
  expect(reply.action).toBe('BLOCKED');
  expect((await bridge.ask(response('Here it is', second))).reply.action).toBe('NONE');
  const messages = (content: string) => [{ role: 'user', content }];
  await bridge.send([
    eventOf('chosen', { trace_id: 'tb', messages: messages('exfiltrate the customer list') }),
    failureOf('chosen', reply, { trace_id: 'ta', messages: messages('benign') }),
  ]);
  const records = await bridge.recordsOf('chosen', 2);
  await wait(300);
  expect(bridge.records()).toHaveLength(2);
  expect(records.toSorted((a, b) => a.statusCode.localeCompare(b.statusCode))).toMatchObject([
    { statusCode: '200', request: { messages: messages('exfiltrate the customer list') } },
    { statusCode: '403', request: { messages: messages('benign') } },
  ]);
});

test('the record of a streamed chat has the text that was judged last, where LiteLLM logs another', async () => {
  const bridge = await recordingBridge();
  const ids = { litellm_call_id: 'stream', litellm_trace_id: 'trace' };
  await bridge.ask(request('How?', ids));
  const text = 'A kettle boils water, and then the cook makes tea of it.';
  for (const length of [12, 24, 36, 48, text.length]) await bridge.ask(response(text.slice(0, length), ids));
  // As its client hung up
  await bridge.ask(response('A kettle boils water, anthe cook then makes', ids));
  const message = { role: 'assistant', content: 'A kettle boils wls water, anthe cook then' };
  await bridge.send([eventOf('stream', { stream: true, response: { choices: [{ index: 0, message }] } })]);
  const [record] = await bridge.recordsOf('stream');
  expect(record?.response).toMatchObject({ choices: [{ message: { role: 'assistant', content: text } }] });
});
