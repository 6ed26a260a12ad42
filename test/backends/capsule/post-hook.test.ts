import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createHttp } from '../../../src/backends/http.ts';
import { toFailure } from '../../../src/backends/to-failure.ts';
import type { CallRecord } from '../../../src/guardrail/record.ts';
import { capsuleAt } from '../../support/bridge.ts';
import { capsuleTakes } from '../../support/capsule.ts';
import { deadlineOf } from '../../support/closing.ts';

import { type FakeBackend, json, startFakeBackend, text } from '../../support/fake-backend.ts';
import {
  BLOCK,
  EVENT,
  FAILED,
  MCP,
  noteOf,
  recordedEvents,
  recordedWith,
  recordOf,
  sinkOf,
} from '../../support/record.ts';

const http = createHttp();
let vendor: FakeBackend;
beforeAll(async () => {
  vendor = await startFakeBackend();
});
afterAll(async () => {
  await vendor.close();
  await http.close();
});
beforeEach(() => {
  vendor.reply = capsuleTakes;
  vendor.seen.length = 0;
});

const sink = () => sinkOf(capsuleAt(vendor.url));
const ingest = (...records: CallRecord[]) => sink().ingest(records, { http, deadline: deadlineOf() });
/** Posts a record and returns the body. */
async function posted(fields: Partial<CallRecord>): Promise<unknown> {
  await ingest(recordOf(fields));
  return vendor.seen.at(-1)?.body;
}

const SUCCESS = {
  requestId: 'call-1',
  model: 'house-model',
  durationMs: 7,
  success: true,
  promptTokens: 11,
  completionTokens: 7,
  totalTokens: 18,
};
const FAILURE = {
  requestId: 'call-1',
  model: 'house-model',
  durationMs: 7,
  success: false,
  errorCode: 'RateLimitError',
  errorMessage: 'Too many pans.',
};

describe('the post of a record', () => {
  test('goes to one path with the bearer token, the call id and an idempotency key', async () => {
    expect(await ingest(recordOf())).toEqual([]);
    expect(vendor.seen).toMatchObject([
      {
        method: 'POST',
        path: '/v1/litellm/hooks/events/post',
        headers: {
          authorization: 'Bearer capsule-token',
          'content-type': 'application/json',
          'x-correlation-id': 'call-1',
          'idempotency-key': 'record-1',
        },
        body: SUCCESS,
      },
    ]);
    expect(sink().batch.records).toBe(1);
  });

  test.each<{ name: string; fields: Partial<CallRecord>; is: object }>([
    { name: 'a success', fields: {}, is: SUCCESS },
    { name: 'a failure', fields: { outcome: 'failure', event: FAILED }, is: FAILURE },
    {
      name: 'a failure whose response has a usage',
      fields: { outcome: 'failure', event: { ...FAILED, response: EVENT.response } },
      is: FAILURE,
    },
    {
      name: 'a failure without information',
      fields: { outcome: 'failure', event: { ...FAILED, error_information: null, error_str: 'Broken.' } },
      is: {
        requestId: 'call-1',
        model: 'house-model',
        durationMs: 7,
        success: false,
        errorMessage: 'Broken.',
      },
    },
    {
      name: 'a call that another backend blocked',
      fields: { outcome: 'blocked', block: BLOCK },
      is: {
        ...FAILURE,
        errorCode: 'GuardrailRaisedException',
        errorMessage: 'Blocked by security policy. [policy] Reference: 0123456789abcdef',
      },
    },
    {
      name: 'a call that is too large',
      fields: { outcome: 'blocked', block: { ...BLOCK, category: 'too_large' } },
      is: {
        ...FAILURE,
        errorCode: 'GuardrailRaisedException',
        errorMessage: 'Blocked by security policy. [too_large] Reference: 0123456789abcdef',
      },
    },
    {
      name: 'a response without usage',
      fields: { event: { ...EVENT, response: { text: 'redacted-by-litellm' } } },
      is: { requestId: 'call-1', model: 'house-model', durationMs: 7, success: true },
    },
    {
      name: 'a usage that is partly no number',
      fields: {
        event: {
          ...EVENT,
          response: { usage: { prompt_tokens: 0, completion_tokens: '7', total_tokens: 1.5 } },
        },
      },
      is: { requestId: 'call-1', model: 'house-model', durationMs: 7, success: true, promptTokens: 0 },
    },
  ])('describes $name as the plugin does', async ({ fields, is }) => {
    expect(await posted(fields)).toEqual(is);
  });

  test.each([
    { start: 1795244873.318, end: 1795244873.325, ms: 7 },
    { start: 1795244873, end: 1795244903, ms: 30_000 },
    { start: 10, end: 9, ms: 0 },
    { start: '2026-11-21', end: 9, ms: 0 },
    { start: undefined, end: undefined, ms: 0 },
  ])('takes from $start to $end for $ms ms', async ({ start, end, ms }) => {
    expect(await posted({ event: { ...EVENT, startTime: start, endTime: end } })).toMatchObject({
      durationMs: ms,
    });
  });

  test.each([
    { model_group: 'house-model', model: 'openai/x', is: 'house-model' },
    { model_group: '', model: 'openai/x', is: 'openai/x' },
    { model_group: null, model: null, is: 'unknown' },
  ])('names the model $is', async ({ is, ...models }) => {
    expect(await posted({ event: { ...EVENT, ...models } })).toMatchObject({ model: is });
  });

  const noCallId = { ...EVENT, litellm_call_id: undefined };
  test.each<{ name: string; fields: Partial<CallRecord>; is: string }>([
    {
      name: 'the checks',
      fields: { event: noCallId, verdicts: [noteOf({ litellm_call_id: 'call-7' })] },
      is: 'call-7',
    },
    { name: 'the response', fields: { event: noCallId }, is: 'chatcmpl-1' },
    { name: 'the record', fields: { event: { ...noCallId, id: null } }, is: 'record-1' },
  ])('has the id of $name where the event does not tell the call', async ({ fields, is }) => {
    expect(await posted(fields)).toMatchObject({ requestId: is });
  });

  test.each([
    { release: '1.106.2', sent: { session_id: 'session-1' }, is: 'session-1' },
    {
      release: '1.106.2',
      sent: { metadata: { requester_metadata: { session_id: 'session-2' } } },
      is: 'session-2',
    },
    {
      release: '1.80.8',
      sent: { metadata: { requester_custom_headers: { 'x-litellm-session-id': 'session-3' } } },
      is: 'session-3',
    },
    { release: '1.106.2', sent: { session_id: '[content withheld]' }, is: undefined },
    { release: '1.106.2', sent: { trace_id: 'made-up' }, is: undefined },
  ])('has the session $is of a client of LiteLLM $release', async ({ sent, is }) => {
    const body = (await posted({ event: { ...EVENT, ...sent } })) as { sessionId?: string };
    expect(body.sessionId).toBe(is);
  });

  const tool = { requestId: 'call-1', serverName: 'recipes', toolName: 'find', durationMs: 7 };
  test.each<{ name: string; fields: Partial<CallRecord>; is: object }>([
    { name: 'that went well', fields: { event: MCP }, is: { ...tool, success: true } },
    {
      name: 'that failed',
      fields: { outcome: 'failure', event: { ...MCP, error_information: FAILED.error_information } },
      is: { ...tool, success: false, errorCode: 'RateLimitError', errorMessage: 'Too many pans.' },
    },
    {
      name: 'that names nothing',
      fields: { event: { ...MCP, metadata: {} } },
      is: { ...tool, serverName: 'unknown', toolName: 'unknown', success: true },
    },
    {
      name: 'of another call type',
      fields: { event: { ...MCP, call_type: 'acompletion' } },
      is: { ...tool, success: true },
    },
  ])('of an MCP tool call $name goes to the path of its own', async ({ fields, is }) => {
    expect(await posted(fields)).toEqual(is);
    expect(vendor.seen[0]?.path).toBe('/v1/litellm/hooks/events/mcp/post');
  });

  test('keeps the headers valid for any call id of a client', async () => {
    const id = 'line\r\nbreak ü';
    await ingest(recordOf({ event: { ...EVENT, litellm_call_id: id } }));
    expect(vendor.seen).toMatchObject([
      { headers: { 'x-correlation-id': 'linebreak' }, body: { requestId: id } },
    ]);
  });

  test('carries no content', async () => {
    for (const outcome of ['success', 'failure', 'blocked'] as const) {
      expect(JSON.stringify(await posted({ outcome, block: BLOCK }))).not.toMatch(/plum|hour/i);
    }
  });

  test('is made of events of LiteLLM 1.106.2', async () => {
    const release = '1.106.2';
    const [success] = recordedEvents(release, 'chat');
    expect(await posted({ event: success as CallRecord['event'] })).toEqual({
      requestId: expect.stringMatching(/./),
      model: 'house-model',
      durationMs: expect.any(Number),
      success: true,
      promptTokens: 11,
      completionTokens: 7,
      totalTokens: 18,
    });
    const [failure] = recordedEvents(release, 'provider-500');
    expect(await posted({ outcome: 'failure', event: failure as CallRecord['event'] })).toEqual({
      requestId: expect.stringMatching(/./),
      model: 'broken-model',
      durationMs: expect.any(Number),
      success: false,
      errorCode: 'InternalServerError',
      errorMessage: expect.stringContaining('The invented oven is cold.'),
    });
  });

  test.each([{}, [], 1, 'text', true, null].map((event) => ({ event })))(
    'of an event whose fields are $event is sent',
    async ({ event }) => {
      const fields = Object.fromEntries(Object.keys(EVENT).map((name) => [name, event]));
      for (const outcome of ['success', 'failure', 'blocked'] as const) {
        expect(await posted({ outcome, event: fields })).toMatchObject({ success: outcome === 'success' });
      }
    },
  );
});

test.each<{ name: string; record: Partial<CallRecord>; is: boolean }>([
  { name: 'a success', record: {}, is: true },
  { name: 'a failure', record: { outcome: 'failure', event: FAILED }, is: true },
  { name: 'an MCP tool call', record: { event: MCP }, is: true },
  { name: 'an MCP listing', record: { event: { ...EVENT, call_type: 'list_mcp_tools' } }, is: false },
  {
    name: 'an event of the MCP gateway',
    record: { event: { ...EVENT, model: 'MCP: list_tools' } },
    is: false,
  },
  {
    name: 'a block by its own plugin',
    record: {
      outcome: 'failure',
      event: { ...FAILED, error_information: { error_class: 'CapsuleBlockedError' } },
    },
    is: false,
  },
  { name: 'a block by another', record: { outcome: 'blocked', block: BLOCK }, is: true },
  {
    name: 'a block by Capsule',
    record: { outcome: 'blocked', block: { ...BLOCK, by: 'capsule' } },
    is: false,
  },
  {
    name: 'a block since Capsule did not reply',
    record: { outcome: 'blocked', block: { ...BLOCK, by: 'capsule', cause: 'fail_closed' } },
    is: true,
  },
])('Capsule is told of $name: $is', ({ record, is }) => {
  expect(sink().wants(recordOf(record))).toBe(is);
});

test.each([{ ok: true }, {}, [], null, 'fine'])('a post that gets a 2xx with %j was taken', async (reply) => {
  vendor.reply = json(reply, 202);
  expect(await ingest(recordOf())).toEqual([]);
});

test.each(['', '<html>', 'OK'])('a post that gets a 200 with %j was not taken', async (reply) => {
  vendor.reply = text(reply);
  expect(await ingest(recordOf()).catch(toFailure)).toEqual({ kind: 'not_json' });
});

/** A client's session in a header is told to older plugins by newer releases alone; the bridge tells it always. */
const withoutSession = (body: unknown) => ({ ...(body as object), sessionId: undefined });

test.each(recordedWith('capsule-plugin-'))(
  '$name: what is posted is what the plugin posted',
  async (recorded) => {
    const theirs = recorded.vendor_posts.filter(({ path }) => path.endsWith('/events/post'));
    const records = recorded.events
      .map((event) => recordOf({ outcome: event.status as CallRecord['outcome'], event }))
      .filter((record) => sink().wants(record));
    expect(theirs.length).toBeGreaterThanOrEqual(records.length);
    for (const record of records) {
      const body = withoutSession(await posted(record));
      const own = theirs.find((post) => post.body.success === (record.outcome === 'success'));
      expect(body).toEqual(withoutSession(own?.body));
    }
  },
);
