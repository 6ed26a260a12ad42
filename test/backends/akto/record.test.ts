import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bodiesOf } from '../../../src/backends/akto/record.ts';
import { createHttp } from '../../../src/backends/http.ts';
import { toFailure } from '../../../src/backends/to-failure.ts';
import type { CallRecord } from '../../../src/guardrail/record.ts';
import { AKTO_FIXED, fakeAkto } from '../../support/akto.ts';
import { aktoAt } from '../../support/bridge.ts';
import { deadlineOf } from '../../support/closing.ts';
import { type FakeBackend, json, startFakeBackend } from '../../support/fake-backend.ts';
import {
  BLOCK,
  checkBy,
  EVENT,
  FAILED,
  MCP,
  noteOf,
  recordedEvents,
  recordedWith,
  recordOf,
  sinkOf,
} from '../../support/record.ts';

type Text = Record<string, string>;

const http = createHttp();
let vendor: FakeBackend;
let akto: ReturnType<typeof fakeAkto>;
beforeAll(async () => {
  vendor = await startFakeBackend();
});
afterAll(async () => {
  await vendor.close();
  await http.close();
});
beforeEach(() => {
  akto = fakeAkto();
  vendor.reply = akto.reply;
  vendor.seen.length = 0;
});

const ingest = (records: CallRecord[], env: Record<string, string> = {}) =>
  sinkOf({ ...aktoAt(`${vendor.url}/akto`), ...env }).ingest(records, {
    http,
    deadline: deadlineOf(),
  });

/** The one envelope that a record becomes, with its nested JSON read. */
async function sentFor(fields: Partial<CallRecord>, env: Record<string, string> = {}) {
  await ingest([recordOf(fields)], env);
  const sent = akto.recorded.at(-1) as Text;
  const read = (text: string | undefined) => JSON.parse(text ?? 'null');
  const inner = (text: string | undefined) => {
    const { body } = read(text);
    return typeof body === 'string' ? JSON.parse(body) : read(text);
  };
  return {
    sent,
    headers: read(sent.requestHeaders) as Text,
    tag: read(sent.tag) as Text,
    request: inner(sent.requestPayload),
    responded: inner(sent.responsePayload),
  };
}
const withMetadata = (metadata: object, event: object = EVENT) => ({
  event: { ...event, metadata: { ...EVENT.metadata, ...metadata } },
});

describe('the batch of records', () => {
  test('goes to one path with the raw token', async () => {
    const records = ['a', 'b', 'c'].map((record_id) => recordOf({ record_id }));
    expect(await ingest(records)).toEqual([]);
    expect(vendor.seen).toMatchObject([
      {
        method: 'POST',
        path: '/akto/api/ingestData',
        headers: { authorization: 'akto-key', 'content-type': 'application/json' },
        body: { batchData: [{}, {}, {}] },
      },
    ]);
    const ids = akto.recorded.map(({ tag }) => (JSON.parse(tag as string) as Text).record_id);
    expect(ids).toEqual(['a', 'b', 'c']);
  });

  test('is up to 100 records and as many bytes as one body takes', () => {
    expect(sinkOf(aktoAt(vendor.url)).batch).toEqual({ records: 100, bytes: 2 * 1024 * 1024 });
    // Each of them may be judged, and is posted by itself
    for (const AKTO_MODE of ['observe', 'shadow'])
      expect(sinkOf({ ...aktoAt(vendor.url), AKTO_MODE }).batch.records).toBe(1);
  });

  test.each(['"', '\\', '\n', 'a', 'ü', '\u0001', '{"a":["\\"b\\""]}'])(
    'of records full of %j is one body, if it is as long as a batch may be',
    async (piece) => {
      const empty = JSON.stringify(recordOf()).length;
      const pieceBytes = Buffer.byteLength(JSON.stringify(piece)) - 2;
      const room = Math.floor((sinkOf(aktoAt(vendor.url)).batch.bytes / 20 - empty) / pieceBytes);
      const event = { ...EVENT, messages: [{ role: 'user', content: piece.repeat(room) }] };
      await ingest(Array.from({ length: 20 }, () => recordOf({ event })));
      expect(vendor.seen).toHaveLength(1);
      expect(akto.recorded).toHaveLength(20);
    },
  );

  test('that exceeds one body becomes several bodies, in order and with nothing lost', async () => {
    const said = 'x'.repeat(4 * 1024 * 1024);
    const event = { ...EVENT, messages: [{ role: 'user', content: said }] };
    const records = ['a', 'b', 'c', 'd', 'e'].map((record_id) => recordOf({ record_id, event }));
    await ingest(records);
    expect(vendor.seen).toHaveLength(3);
    const tags = akto.recorded.map(({ tag }) => JSON.parse(tag as string) as Text);
    expect(tags.map(({ record_id }) => record_id)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(tags.every(({ truncated }) => truncated === undefined)).toBe(true);
  });

  test('has none of a client that lists MCP tools', () => {
    const sink = sinkOf(aktoAt('http://akto.invalid'));
    const wants = (call_type: string) => sink.wants({ outcome: 'success', event: { ...EVENT, call_type } });
    expect(['acompletion', 'call_mcp_tool', 'list_mcp_tools'].map(wants)).toEqual([true, true, false]);
  });

  test('that is empty posts nothing', async () => {
    expect(bodiesOf([], 100)).toEqual([]);
    await ingest([]);
    expect(vendor.seen).toEqual([]);
  });

  test.each([{ success: false }, { success: 'true' }, {}, { data: { success: true } }, [], null])(
    'that gets a 200 with %j was not taken',
    async (reply) => {
      vendor.reply = json(reply);
      const failure = await ingest([recordOf()]).catch(toFailure);
      expect(failure).toMatchObject({ kind: 'wrong_shape' });
    },
  );

  test('with a bad token was not taken', async () => {
    const failure = await ingest([recordOf()], { AKTO_API_KEY: 'stale' }).catch(toFailure);
    expect(failure).toEqual({ kind: 'unauthorized', status: 401 });
  });
});

describe('the envelope of a record', () => {
  test('carries every field, each a text or null', async () => {
    const { sent, headers, tag, request, responded } = await sentFor({});
    expect(sent).toEqual({
      path: '/v1/chat/completions',
      requestHeaders: expect.any(String),
      responseHeaders: '{"content-type":"application/json"}',
      method: 'POST',
      requestPayload: expect.any(String),
      responsePayload: expect.any(String),
      ip: '',
      destIp: '127.0.0.1',
      time: '1795244873318',
      ...AKTO_FIXED,
      tag: sent.metadata,
      metadata: sent.tag,
      akto_metadata: '{}',
      contextSource: 'AGENTIC',
    });
    expect(headers).toEqual({
      'content-type': 'application/json',
      'x-akto-installer-akto_session_id': 'trace-of-the-event',
      'x-akto-installer-akto_message_id': 'call-1',
    });
    expect(tag).toEqual({
      'gen-ai': 'Gen AI',
      litellm: 'LiteLLM',
      call_type: 'acompletion',
      model: 'house-model',
      litellm_call_id: 'call-1',
      user_id: 'user-1',
      record_id: 'record-1',
      outcome: 'success',
    });
    expect(request).toEqual({ model: 'house-model', messages: EVENT.messages });
    expect(responded).toEqual(EVENT.response);
  });

  test('carries the caller, its address and the settings', async () => {
    const known = {
      user_api_key_request_route: '/v1/messages',
      user_api_key_alias: 'key of ada',
      user_api_key_team_id: 'team-1',
      user_api_key_team_alias: 'billing',
      user_api_key_user_email: ' ada@example.com ',
      user_api_key_hash: 'never-sent',
      requester_ip_address: '203.0.113.7, 10.0.0.1',
    };
    const { sent, tag } = await sentFor(withMetadata(known), {
      AKTO_ACCOUNT_ID: '4711',
      AKTO_METADATA: '{"policy_name":"one"}',
    });
    expect(sent).toMatchObject({
      path: '/v1/messages',
      ip: '203.0.113.7',
      akto_account_id: '4711',
      akto_metadata: '{"policy_name":"one"}',
    });
    const { user_email, key_alias, team_id, team_alias, user_id } = tag;
    expect({ user_email, key_alias, team_id, team_alias, user_id }).toEqual({
      user_email: 'ada@example.com',
      key_alias: 'key of ada',
      team_id: 'team-1',
      team_alias: 'billing',
      user_id: 'user-1',
    });
    expect(JSON.stringify(sent)).not.toContain('never-sent');
  });

  test('shows the headers of the client without any that carries a credential or makes a session', async () => {
    const all = {
      Host: 'litellm.example',
      'User-Agent': 'curl/8',
      authorization: 'Bearer sk-1',
      cookie: 'a=b',
      'x-api-key': 'sk-2',
      'x-user-id': 'account-1',
      'X-Akto-Installer-Akto_session_id': 'chosen',
      'accept-language': '[present]',
    };
    const { headers } = await sentFor(
      withMetadata({
        requester_metadata: { headers: all },
        requester_custom_headers: { 'x-team-notes': 'spring' },
      }),
    );
    expect(headers).toEqual({
      'content-type': 'application/json',
      host: 'litellm.example',
      'user-agent': 'curl/8',
      'x-team-notes': 'spring',
      'x-akto-installer-akto_session_id': 'trace-of-the-event',
      'x-akto-installer-akto_message_id': 'call-1',
    });
  });

  const headers = (sent: object) => withMetadata({ requester_custom_headers: sent });
  test.each<{ name: string; fields: Partial<CallRecord>; is: string | undefined }>([
    {
      name: 'what LiteLLM says it is',
      fields: { event: { ...EVENT, session_id: 'session-1' } },
      is: 'session-1',
    },
    {
      name: 'in the metadata of the body',
      fields: withMetadata({ requester_metadata: { session_id: 's-2' } }),
      is: 's-2',
    },
    { name: "in LiteLLM's header", fields: headers({ 'X-LiteLLM-Session-Id': 's-3' }), is: 's-3' },
    { name: 'in the header of a trace', fields: headers({ 'x-litellm-trace-id': 's-4' }), is: 's-4' },
    {
      name: "in a vendor's header",
      fields: headers({ 'x-claude-code-session-id': 'claude-55' }),
      is: 'claude-55',
    },
    { name: 'in the plain header', fields: headers({ 'x-session-id': 'opencode-1' }), is: 'opencode-1' },
    { name: 'that the check was sent with', fields: { verdicts: [noteOf()] }, is: 'trace-1' },
    {
      name: 'hidden by LiteLLM',
      fields: headers({ 'x-litellm-session-id': '[present]' }),
      is: 'trace-of-the-event',
    },
    {
      name: 'taken out by redaction',
      fields: { event: { ...EVENT, session_id: '[content withheld]', trace_id: 'redacted-by-litellm' } },
      is: undefined,
    },
  ])('has the session $name', async ({ fields, is }) => {
    const { headers } = await sentFor(fields);
    expect(headers['x-akto-installer-akto_session_id']).toBe(is);
  });

  test('has the call id that the checks had where the event does not tell it', async () => {
    const { headers, tag } = await sentFor({
      event: { ...EVENT, litellm_call_id: undefined },
      verdicts: [noteOf({ litellm_call_id: 'call-7' })],
    });
    expect(headers['x-akto-installer-akto_message_id']).toBe('call-7');
    expect(tag.litellm_call_id).toBe('call-7');
  });

  const system = { role: 'system', content: 's' };
  test.each<{ messages: unknown; are: unknown }>([
    { messages: 'redacted-by-litellm', are: [{ role: 'user', content: 'redacted-by-litellm' }] },
    { messages: system, are: [system] },
    { messages: [system, system], are: [system, system] },
    { messages: [], are: [] },
    { messages: null, are: [] },
    { messages: undefined, are: [] },
    { messages: '', are: [{ role: 'user', content: '' }] },
  ])('has a request payload whose messages are $are for $messages', async ({ messages, are }) => {
    const { request } = await sentFor({ event: { ...EVENT, messages } });
    expect(request).toEqual({ model: 'house-model', messages: are });
  });

  test('has the tools of the request', async () => {
    const model_parameters = { tools: [{ type: 'function' }], functions: [{ name: 'f' }], stream: true };
    const { request } = await sentFor({ event: { ...EVENT, model_parameters } });
    const { tools, functions } = model_parameters;
    expect(request).toEqual({ model: 'house-model', messages: EVENT.messages, tools, functions });
  });

  const asMessage = (content: string) => ({ choices: [{ message: { content, role: 'assistant' } }] });
  test.each<{ response: unknown; is: unknown }>([
    { response: { text: 'redacted-by-litellm' }, is: { text: 'redacted-by-litellm' } },
    { response: 'redacted-by-litellm', is: asMessage('redacted-by-litellm') },
    { response: [{ a: 1 }], is: [{ a: 1 }] },
    { response: null, is: {} },
    { response: undefined, is: {} },
  ])('has a response payload of $is for $response', async ({ response, is }) => {
    const { responded, sent } = await sentFor({ event: { ...EVENT, response } });
    expect(responded).toEqual(is);
    expect(sent.responseHeaders === '{}').toBe(response === null || response === undefined);
  });

  test.each<{ code: unknown; status: string }>([
    { code: '429', status: '429' },
    { code: 503, status: '503' },
    { code: '', status: '500' },
    { code: 'rate_limit', status: '500' },
    { code: '200', status: '500' },
    { code: null, status: '500' },
  ])('of a failure with the code $code has the status $status', async ({ code, status }) => {
    const event = { ...FAILED, error_information: { ...FAILED.error_information, error_code: code } };
    const { sent, responded, request } = await sentFor({ outcome: 'failure', event });
    expect(sent).toMatchObject({ status, statusCode: status });
    expect(responded).toEqual({
      error: { code: Number(status), type: 'RateLimitError', message: 'Too many pans.' },
    });
    expect(request.messages).toEqual(EVENT.messages);
  });

  test.each(['No plums here', ''])(
    'of a blocked call has the status 403 and the marker, for the reason %j',
    async (reason) => {
      const event = {
        litellm_call_id: 'call-1',
        model: 'house-model',
        messages: EVENT.messages,
        response: EVENT.response,
        startTime: 1795244873.3,
        metadata: { user_api_key_alias: 'key of ada' },
        request_headers: {
          host: 'litellm.example',
          authorization: '[present]',
          'x-litellm-session-id': 'session-1',
        },
      };
      const { sent, responded, request, tag, headers } = await sentFor({
        outcome: 'blocked',
        event,
        block: { ...BLOCK, reason },
      });
      expect(sent).toMatchObject({ status: '403', statusCode: '403', path: '/v1/chat/completions' });
      expect(responded).toEqual({
        'x-blocked-by': 'Akto Proxy',
        reason: reason || 'Blocked by Akto Guardrails',
      });
      expect(request.messages).toEqual(EVENT.messages);
      expect(tag).toMatchObject({ key_alias: 'key of ada', outcome: 'blocked', ref: BLOCK.ref });
      expect(headers).toMatchObject({
        host: 'litellm.example',
        'x-akto-installer-akto_session_id': 'session-1',
      });
    },
  );

  test('tells the decision of the guardrail and the redactions', async () => {
    const checks = [checkBy('akto', 'block')];
    const { tag } = await sentFor({
      verdicts: [
        noteOf(),
        noteOf({ input_type: 'response', action: 'BLOCKED', by: 'akto', calls: 4, checks }),
      ],
      erased: ['/metadata/secret'],
      masked: ['/messages/0/content'],
    });
    expect(JSON.parse(tag.guardrail as string)).toEqual([
      { input_type: 'request', action: 'NONE', ms: 2, checks: [] },
      { input_type: 'response', action: 'BLOCKED', by: 'akto', ms: 2, calls: 4, checks },
    ]);
    expect([tag.erased, tag.masked]).toEqual(['["/metadata/secret"]', '["/messages/0/content"]']);
  });

  test('tells the length of lists that are cut', async () => {
    const { tag } = await sentFor({
      verdicts: Array.from({ length: 500 }, () => noteOf()),
      masked: Array.from({ length: 100 }, () => `/${'k'.repeat(999)}`),
    });
    expect(JSON.parse(tag.guardrail as string)).toHaveLength(20);
    const masked = JSON.parse(tag.masked as string) as string[];
    expect(masked).toHaveLength(5);
    expect(masked.at(-1)).toBe('+96 more');
  });

  test.each([
    { name: 'a response', fields: {}, has: { result: MCP.response }, status: '200' },
    {
      name: 'a text',
      fields: { event: { ...MCP, response: 'plum' } },
      has: { result: { content: [{ type: 'text', text: 'plum' }] } },
      status: '200',
    },
    {
      name: 'an error',
      fields: { outcome: 'failure', event: { ...MCP, error_information: FAILED.error_information } },
      has: { error: { code: 429, type: 'RateLimitError', message: 'Too many pans.' } },
      status: '429',
    },
  ] as const)('of an MCP tool call with $name is JSON-RPC', async ({ fields, has, status }) => {
    const { sent, tag } = await sentFor({ event: MCP, ...fields });
    expect(sent).toMatchObject({ path: '/mcp', status });
    expect(JSON.parse(sent.requestPayload as string)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'find', arguments: { fruit: 'plum' } },
    });
    expect(JSON.parse(sent.responsePayload as string)).toEqual({ jsonrpc: '2.0', id: 1, ...has });
    expect(tag).toMatchObject({
      call_type: 'tool_call',
      'mcp-server': 'MCP Server',
      'mcp-client': 'litellm',
      mcp_server_name: 'recipes',
      tool_name: 'find',
    });
    expect(tag).not.toHaveProperty('gen-ai');
  });

  const long = (length: number, char = 'x') => ({
    messages: [{ role: 'user', content: char.repeat(length) }],
  });
  const response = (length: number, char = 'x') => ({ response: { text: char.repeat(length) } });
  const M = 1024 * 1024;
  test.each([
    { name: 'a long request', event: long(6 * M), cut: 'requestPayload' },
    { name: 'a long response', event: response(6 * M), cut: 'responsePayload' },
    {
      name: 'both long',
      event: { ...long(6 * M), ...response(7 * M) },
      cut: 'responsePayload,requestPayload',
    },
    {
      name: 'both together too long',
      event: { ...long(4.9 * M), ...response(4.95 * M) },
      cut: 'responsePayload',
    },
    { name: 'a request that grows by encoding', event: long(1.1 * M, '"'), cut: undefined },
    {
      name: 'two that grow by encoding',
      event: { ...long(1.2 * M, '"'), ...response(1.1 * M, '"') },
      cut: 'requestPayload',
    },
  ])('of $name is within the limits of Akto', async ({ event, cut }) => {
    const { sent, tag } = await sentFor({ event: { ...EVENT, ...event } });
    expect(tag.truncated).toBe(cut);
    for (const side of cut?.split(',') ?? []) {
      expect(JSON.parse(sent[side] as string)).toEqual({
        truncated: true,
        original_length: expect.any(Number),
      });
    }
  });

  test('is made of events of LiteLLM 1.106.2', async () => {
    const release = '1.106.2';
    for (const [name, outcome] of [
      ['chat', 'success'],
      ['chat-stream', 'success'],
      ['chat-tool-call', 'success'],
      ['provider-500', 'failure'],
    ] as const) {
      const [event] = recordedEvents(release, name);
      const { sent, request, responded } = await sentFor({ outcome, event: event as CallRecord['event'] });
      expect(sent.path).toBe('/v1/chat/completions');
      expect(sent.status).toBe(outcome === 'success' ? '200' : '500');
      expect(request.messages).toEqual([{ role: 'user', content: 'How long does a plum cake bake?' }]);
      expect(responded).toHaveProperty(outcome === 'success' ? 'choices' : 'error');
    }
  });

  test.each<{ name: string; event: Record<string, unknown> }>([
    { name: 'nothing at all', event: {} },
    {
      name: 'texts where objects belong',
      event: Object.fromEntries(Object.keys(EVENT).map((name) => [name, 'text'])),
    },
    {
      name: 'lists where objects belong',
      event: Object.fromEntries(Object.keys(EVENT).map((name) => [name, [1]])),
    },
  ])('of an event with $name is taken', async ({ event }) => {
    for (const outcome of ['success', 'failure', 'blocked'] as const) await sentFor({ outcome, event });
    expect(akto.recorded).toHaveLength(3);
    expect(
      akto.recorded
        .flatMap((sent) => Object.values(sent))
        .every((value) => value === null || typeof value === 'string'),
    ).toBe(true);
  });
});

const recorded = recordedWith('native-akto-log-').flatMap(({ name, events, vendor_posts }) => {
  const event = events.find(({ status }) => status === 'success');
  const theirs = vendor_posts.findLast(({ body }) => body.responsePayload !== '{}');
  return event === undefined || theirs === undefined ? [] : [{ name, event, theirs: theirs.body as Text }];
});

test.each(recorded)(
  "$name: the record is what LiteLLM's own integration tells",
  async ({ event, theirs }) => {
    const { sent, headers, tag, request, responded } = await sentFor({ event });
    const read = (json: string | undefined) => JSON.parse(json ?? 'null');
    const body = (payload: string | undefined) => read(read(payload).body);
    const { tag: _, metadata, requestHeaders, requestPayload, responsePayload, time, ...flat } = theirs;
    expect(sent).toMatchObject({
      ...flat,
      akto_account_id: '1000000',
      akto_vxlan_id: '0',
      responseHeaders: '{"content-type":"application/json"}',
    });
    expect(tag).toMatchObject(read(metadata));
    // LiteLLM logs a streamed response with words of it twice, and the usage of a Responses call under other names
    const { choices: _c, usage: _u, ...rest } = body(responsePayload);
    expect(responded).toMatchObject(event.stream === true || 'output' in rest ? rest : body(responsePayload));
    expect(request).toEqual({ ...body(requestPayload), model: event.model_group || event.model });
    const shown = read(requestHeaders);
    for (const name of Object.keys(headers)) {
      if (name in shown) expect(headers[name]).toBe(shown[name]);
    }
    expect(Math.abs(Number(sent.time) - Number(time))).toBeLessThan(60_000);
  },
);

describe('where Akto only observes', () => {
  const observe = { SYNC_MODE: 'false' };
  const flags = () => vendor.seen.map(({ path, query }) => `${path}?${query}`);
  const judgesAndRecords = '/akto/api/http-proxy?akto_connector=litellm&guardrails=true&ingest_data=true';
  const records = '/akto/api/http-proxy?akto_connector=litellm&ingest_data=true';

  test.each([
    { name: 'an allow', result: { Allowed: true }, verdicts: [{ kind: 'allow' }] },
    {
      name: 'a block',
      result: { Allowed: false, Reason: 'no' },
      verdicts: [{ kind: 'block', reason: 'no' }],
    },
    {
      name: 'an alert',
      result: { Allowed: false, behaviour: 'alert' },
      verdicts: [{ kind: 'allow', flagged: 'alert' }],
    },
    {
      name: 'a redaction',
      result: { Allowed: true, Modified: true, ModifiedPayload: '{}' },
      verdicts: [{ kind: 'modify', texts: null }],
    },
    { name: 'no verdict', result: undefined, verdicts: [] },
    { name: "Akto's own failure", result: { Allowed: true, failOpen: true }, verdicts: [] },
    { name: 'a verdict without Allowed', result: { Reason: 'no' }, verdicts: [] },
  ])(
    'a call is recorded and judged in one request, and the reply gives $name',
    async ({ result, verdicts }) => {
      akto = fakeAkto(result === undefined ? {} : { result });
      vendor.reply = akto.reply;
      expect(await ingest([recordOf()], observe)).toEqual(verdicts);
      expect(flags()).toEqual([judgesAndRecords]);
      expect(akto.recorded).toHaveLength(1);
    },
  );

  test.each([
    { name: 'was judged', verdicts: [noteOf({ checks: [checkBy('akto', 'flagged')] })], url: records },
    {
      name: 'could not be judged',
      verdicts: [noteOf({ checks: [checkBy('akto', 'timeout')] })],
      url: judgesAndRecords,
    },
    {
      name: 'was judged by another',
      verdicts: [noteOf({ checks: [checkBy('capsule', 'allow')] })],
      url: judgesAndRecords,
    },
  ])('a call that $name is sent to the right flags', async ({ verdicts, url }) => {
    await ingest([recordOf({ verdicts })], observe);
    expect(flags()).toEqual([url]);
  });

  test('a call that is too long for judging is recorded all the same', async () => {
    const event = { ...EVENT, messages: [{ role: 'user', content: 'x'.repeat(300_000) }] };
    expect(await ingest([recordOf({ event })], observe)).toEqual([]);
    expect(vendor.seen.map(({ path }) => path)).toEqual(['/akto/api/ingestData']);
    expect(akto.recorded).toHaveLength(1);
  });

  test('a 200 that reports no success is a failure, with any verdict', async () => {
    vendor.reply = json({ success: false, data: { guardrailsResult: { Allowed: true } } });
    expect(await ingest([recordOf()], observe).catch(toFailure)).toEqual({
      kind: 'wrong_shape',
      field: 'success',
    });
  });

  test('a verdict of an unknown shape is no failure of recording', async () => {
    vendor.reply = json({ success: true, data: { guardrailsResult: 'fine' } });
    expect(await ingest([recordOf()], observe)).toEqual([]);
  });
});
