import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { aktoAllows, aktoBlocks, aktoFailsOpen, aktoRedacts } from '../support/akto.ts';
import { testBridge } from '../support/bridge.ts';
import { json, type Reply, silence } from '../support/fake-backend.ts';
import { temporaryFolder, until } from '../support/recording-bridge.ts';
import { answer, chat, ENCODINGS, type Encoding, envelopeOf, turnedBridge } from '../support/turned.ts';

const MAIL = 'ada@example.org';
const BANNED = { BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'turnip' };
const encodings = Object.keys(ENCODINGS) as Encoding[];

/** Judges as told, and takes records. */
function judging(bridge: Awaited<ReturnType<typeof turnedBridge>>, reply: Reply): void {
  bridge.akto.server.reply = (request, response) =>
    request.path.endsWith('/api/http-proxy')
      ? reply(request, response)
      : bridge.akto.reply(request, response);
}

function policies(document: object): Record<string, string> {
  const file = join(temporaryFolder(), 'policy.yaml');
  writeFileSync(file, JSON.stringify(document));
  return { POLICY_FILE: file };
}
const redacting = () => policies({ policies: { chain: ['pii-detector'] } });

describe('a request that comes as to Akto', () => {
  test.each(encodings)('is judged in the encoding %s', async (encoding) => {
    const bridge = await turnedBridge(BANNED);
    expect(await bridge.verdict('guardrails', envelopeOf({ encoding }))).toEqual({
      ...{ status: 200, Allowed: true, Modified: false, ModifiedPayload: '', Reason: '', Behaviour: '' },
    });
    const request = chat('How do I cook a turnip?');
    const blocked = await bridge.verdict('guardrails', envelopeOf({ encoding, request }));
    expect(blocked).toMatchObject({ status: 200, Allowed: false, Modified: false, Behaviour: 'block' });
    expect(blocked.Reason).toMatch(/^Blocked by security policy\. \[policy\] Reference: [0-9a-f]{16}$/);
  });

  test.each([
    ['parts of content', chat([{ type: 'text', text: 'a turnip' }])],
    ['the description of a tool', chat('Hello', { tools: [{ function: { description: 'a turnip' } }] })],
    ['a function', chat('Hello', { functions: [{ name: 'f', description: 'a turnip' }] })],
    [
      'arguments of a tool call',
      {
        messages: [
          { role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: '{"a":"turnip"}' } }] },
        ],
      },
    ],
    ['another key', chat('Hello', { suffix: { id: 'a turnip' } })],
    ['a prompt without messages', { model: 'house-model', prompt: ['Hello', 'a turnip'] }],
    ['a body that is a text', 'a turnip'],
    ['a list', [{ role: 'user', type: 'turnip' }]],
  ])('is blocked for %s', async (_, request) => {
    const bridge = await turnedBridge(BANNED);
    const { Allowed } = await bridge.verdict('guardrails', envelopeOf({ request }));
    expect(Allowed).toBe(false);
  });

  test.each(encodings)('is redacted in the encoding %s', async (encoding) => {
    const bridge = await turnedBridge(redacting());
    const request = chat([
      { type: 'text', text: 'Hello' },
      { type: 'text', text: `Write to ${MAIL}` },
    ]);
    const said = await bridge.verdict('guardrails', envelopeOf({ encoding, request }));
    expect(said).toMatchObject({ status: 200, Allowed: true, Modified: true });
    const redacted = chat([
      { type: 'text', text: 'Hello' },
      { type: 'text', text: 'Write to [EMAIL_ADDRESS]' },
    ]);
    expect(said.ModifiedPayload).toBe(ENCODINGS[encoding](redacted));
  });

  test('is redacted by a vendor behind the bridge', async () => {
    const bridge = await turnedBridge();
    judging(bridge, aktoRedacts(MAIL, '***'));
    const said = await bridge.verdict('guardrails', envelopeOf({ request: chat(`Write to ${MAIL}`) }));
    expect(said.ModifiedPayload).toBe(ENCODINGS.text(chat('Write to ***')));
  });

  test('is blocked in place of a redaction that its LiteLLM would not apply', async () => {
    const bridge = await turnedBridge(redacting());
    const old = { request: chat(`Write to ${MAIL}`), fields: { akto_metadata: undefined } };
    expect(await bridge.verdict('guardrails', envelopeOf(old))).toMatchObject({ Allowed: false });
    const tools = { messages: [{ role: 'user', tool_calls: [{ function: { arguments: MAIL } }] }] };
    expect(await bridge.verdict('guardrails', envelopeOf({ request: tools }))).toMatchObject({
      ...{ Allowed: false, Modified: false },
    });
  });

  test('is judged by the rule of its team', async () => {
    const rule = { name: 'readers', match: { team: ['readers'] }, chain: ['banned-keywords'] };
    const policy = { 'banned-keywords': { keywords: ['turnip'] } };
    const bridge = await turnedBridge(policies({ policies: { chain: ['secrets'] }, policy, rules: [rule] }));
    const request = chat('a turnip');
    expect(await bridge.verdict('guardrails', envelopeOf({ request }))).toMatchObject({ Allowed: false });
    const tags = { team_alias: 'cooks' };
    expect(await bridge.verdict('guardrails', envelopeOf({ request, tags }))).toMatchObject({
      Allowed: true,
    });
  });

  test('that comes twice at once is judged once', async () => {
    const bridge = await turnedBridge();
    let checks = 0;
    judging(bridge, async (request, response) => {
      checks++;
      await sleep(100);
      return bridge.akto.reply(request, response);
    });
    const envelope = envelopeOf();
    const [one, two] = await Promise.all([1, 2].map(() => bridge.verdict('guardrails', envelope)));
    expect([one?.Allowed, two?.Allowed, checks]).toEqual([true, true, 1]);
  });

  test.each([1_500_000, 12_000])('of %i is judged in the thread of large calls', async (size) => {
    const bridge = await turnedBridge(BANNED);
    judging(bridge, aktoAllows);
    const many = Array.from({ length: 12_000 }, (_, i) => ({ role: 'user', content: `${i}` }));
    const request = size > 1e6 ? chat('word '.repeat(size / 5)) : { messages: many };
    expect(await bridge.verdict('guardrails ingest_data', envelopeOf({ request }))).toMatchObject({
      Allowed: true,
    });
    const messages = [...many, { role: 'user', content: 'turnip' }];
    const bad = envelopeOf({ callId: 'call-2', request: { messages } });
    expect(await bridge.verdict('guardrails ingest_data', bad)).toMatchObject({ Allowed: false });
    await bridge.verdict(
      'response_guardrails ingest_data',
      envelopeOf({ request, response: answer('At nine.') }),
    );
    const [record] = await bridge.recordsOf('call-1');
    expect(record?.response).toEqual(answer('At nine.'));
    await bridge.recordsOf('call-2');
    expect(bridge.records()).toHaveLength(2);
  });
});

describe('a response that comes as to Akto', () => {
  test.each(encodings)('is judged in the encoding %s', async (encoding) => {
    const bridge = await turnedBridge({ ...BANNED });
    const said = (content: string) =>
      bridge.verdict('response_guardrails', envelopeOf({ encoding, response: answer(content) }));
    expect(await said('At nine.')).toMatchObject({ status: 200, Allowed: true });
    expect(await said('At the turnip.')).toMatchObject({ status: 200, Allowed: false, Behaviour: 'block' });
  });

  test('is asked about with its request', async () => {
    const bridge = await turnedBridge();
    await bridge.verdict('response_guardrails', envelopeOf({ response: answer('At nine.') }));
    const sent = bridge.akto.server.seen.at(-1)?.body as Record<string, string>;
    expect(sent.requestPayload).toContain('When does the library open?');
    expect(sent.responsePayload).toContain('At nine.');
  });

  test('is redacted when it is whole, and blocked when it is a part of a stream', async () => {
    const bridge = await turnedBridge(redacting());
    const response = answer(`Ask ${MAIL}`);
    const whole = await bridge.verdict('response_guardrails', envelopeOf({ response }));
    expect(whole).toMatchObject({ Allowed: true, Modified: true });
    expect(whole.ModifiedPayload).toBe(ENCODINGS.text(answer('Ask [EMAIL_ADDRESS]')));
    const part = { choices: [{ message: { content: `Ask ${MAIL}`, role: 'assistant' } }] };
    const said = await bridge.verdict('response_guardrails', envelopeOf({ response: part }));
    expect(said).toMatchObject({ Allowed: false, Modified: false });
  });

  test.each([
    [
      'a chat',
      { choices: [{ message: { tool_calls: [{ function: { name: 'f', arguments: 'turnip' } }] } }] },
    ],
    ['messages', { content: [{ type: 'tool_use', name: 'f', input: { id: 'turnip' } }] }],
    ['responses', { output: [{ type: 'message', content: [{ type: 'output_text', text: 'turnip' }] }] }],
    ['reasoning', { choices: [{ message: { reasoning_content: 'turnip' } }] }],
  ])('is blocked for what is in %s', async (_, response) => {
    const bridge = await turnedBridge(BANNED);
    const said = await bridge.verdict('response_guardrails', envelopeOf({ response }));
    expect(said).toMatchObject({ Allowed: false });
  });

  test('is judged with its request where both are asked for', async () => {
    const bridge = await turnedBridge(redacting());
    const both = 'guardrails response_guardrails ingest_data';
    const said = await bridge.verdict(
      both,
      envelopeOf({ request: chat(`Write to ${MAIL}`), response: answer(`Ask ${MAIL}`) }),
    );
    expect(said).toMatchObject({
      Allowed: true,
      Modified: true,
      requestResult: { ModifiedPayload: ENCODINGS.text(chat('Write to [EMAIL_ADDRESS]')) },
      responseResult: { ModifiedPayload: ENCODINGS.text(answer('Ask [EMAIL_ADDRESS]')) },
    });
    const [record] = await bridge.recordsOf('call-1');
    expect(record?.text).not.toContain(MAIL);
  });
});

describe('a call of an MCP tool that comes as to Akto', () => {
  const rpc = (args: object) => ({
    ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
    params: { name: 'lookup', arguments: args },
  });
  const mcp = { encoding: 'bare', fields: { path: '/mcp' }, tags: { mcp_server_name: 'desk' } } as const;

  test('is judged by its arguments, and its result too', async () => {
    const bridge = await turnedBridge({ ...BANNED });
    const call = { ...mcp, request: rpc({ id: 'a turnip' }) };
    expect(await bridge.verdict('guardrails', envelopeOf(call))).toMatchObject({ Allowed: false });
    const result = (text: string) => ({
      jsonrpc: '2.0',
      id: 1,
      result: { content: [{ type: 'text', text }] },
    });
    const answered = { ...mcp, request: rpc({ name: 'Ada' }) };
    const said = (text: string) =>
      bridge.verdict('response_guardrails', envelopeOf({ ...answered, response: result(text) }));
    expect(await said('found')).toMatchObject({ Allowed: true });
    expect(await said('a turnip')).toMatchObject({ Allowed: false });
  });

  test('is redacted in its arguments', async () => {
    const bridge = await turnedBridge(redacting());
    const said = await bridge.verdict('guardrails', envelopeOf({ ...mcp, request: rpc({ to: MAIL }) }));
    expect(said.ModifiedPayload).toBe(JSON.stringify(rpc({ to: '[EMAIL_ADDRESS]' })));
  });

  test('is one record with its result', async () => {
    const bridge = await turnedBridge();
    const request = rpc({ name: 'Ada' });
    await bridge.verdict('guardrails ingest_data', envelopeOf({ ...mcp, request }));
    const response = { jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'found' }] } };
    await bridge.verdict('response_guardrails ingest_data', envelopeOf({ ...mcp, request, response }));
    const [record] = await bridge.recordsOf('call-1');
    expect(record?.tag).toMatchObject({
      tool_name: 'lookup',
      mcp_server_name: 'desk',
      call_type: 'tool_call',
    });
    expect(record?.text).toContain('found');
  });

  test('leaves no record as the definition of a tool', async () => {
    const bridge = await turnedBridge(BANNED);
    const request = { tools: [{ name: 'lookup', description: 'a turnip', inputSchema: {} }] };
    const said = await bridge.verdict('guardrails', envelopeOf({ ...mcp, request }));
    expect(said).toMatchObject({ Allowed: false });
    expect(await bridge.metric('telemetry_rows_total{result="block_new"}')).toBe(0);
  });
});

describe('files that come as to Akto', () => {
  const files = (...more: object[]) =>
    envelopeOf({
      encoding: 'bare',
      request: {},
      fields: { files: [{ filename: 'scan.png', type: 'image', content: 'aGVsbG8=' }, ...more] },
    });

  test('are judged as media', async () => {
    const bridge = await turnedBridge(
      policies({ policies: { chain: ['image-policy'] }, policy: { 'image-policy': { action: 'block' } } }),
    );
    expect(await bridge.verdict('file_guardrails', files())).toMatchObject({ Allowed: false });
    expect(await bridge.verdict('guardrails', envelopeOf())).toMatchObject({ Allowed: true });
  });

  test('are counted where nobody can look at them', async () => {
    const bridge = await turnedBridge();
    expect(
      await bridge.verdict('file_guardrails', files({ type: 'file', url: 'https://a.invalid' })),
    ).toMatchObject({
      Allowed: true,
    });
    expect(await bridge.metric('unjudged_total{backend="akto",content="media"}')).toBe(1);
  });
});

describe('a vendor that fails behind the bridge', () => {
  test.each([
    ['fail_closed', 'an error', json({}, 500), 200, false],
    ['fail_closed', 'no reply', silence, 200, false],
    ['fail_closed', 'a verdict that is none', aktoFailsOpen, 200, false],
    ['fail_open', 'an error', json({}, 500), 200, true],
    ['defer', 'an error', json({}, 500), 503, undefined],
  ] as const)('under %s with %s', async (fallback, _, reply, status, Allowed) => {
    const bridge = await turnedBridge({ UNREACHABLE_FALLBACK: fallback, GUARDRAIL_TIMEOUT: '0.3' });
    judging(bridge, reply);
    const said = await bridge.verdict('guardrails', envelopeOf());
    expect([said.status, said.Allowed]).toEqual([status, Allowed]);
  });

  test('and one that blocks', async () => {
    const bridge = await turnedBridge({ BLOCKED_MESSAGE: '{backend}: {reason} ({ref})' });
    judging(bridge, aktoBlocks('Root vegetables'));
    const said = await bridge.verdict('guardrails', envelopeOf());
    expect(said.Reason).toMatch(/^akto: Root vegetables \([0-9a-f]{16}\)$/);
  });
});

describe('records', () => {
  test('join a request and its response in one, with the verdicts on both', async () => {
    const bridge = await turnedBridge();
    await bridge.verdict('guardrails ingest_data', envelopeOf());
    await bridge.verdict('guardrails ingest_data', envelopeOf());
    await bridge.verdict('response_guardrails ingest_data', envelopeOf({ response: answer('At nine.') }));
    // As `logging_only` tells of it once more
    const again = { response: { ...answer('At nine.'), model: 'house-model' } };
    await bridge.verdict('guardrails ingest_data', envelopeOf());
    await bridge.verdict('response_guardrails ingest_data', envelopeOf(again));
    const [record] = await bridge.recordsOf('call-1');
    expect(record).toMatchObject({ statusCode: '200', request: chat(), response: answer('At nine.') });
    expect(record?.tag).toMatchObject({ team_id: 'team-1', team_alias: 'readers', key_alias: 'desk' });
    const notes = JSON.parse(record?.tag.guardrail ?? '[]') as { input_type: string }[];
    expect(notes.map(({ input_type }) => input_type)).toEqual(['request', 'response']);
    await sleep(300);
    expect(bridge.records()).toHaveLength(1);
    expect(await bridge.metric('telemetry_missing_events_total')).toBe(0);
  });

  test('of a request without a response wait for it as long as MISSING_EVENT_MINUTES', async () => {
    const bridge = await turnedBridge({ MISSING_EVENT_MINUTES: '0.01' });
    await bridge.verdict('guardrails ingest_data', envelopeOf());
    const [record] = await bridge.recordsOf('call-1');
    expect(record).toMatchObject({ statusCode: '200', request: chat(), response: undefined });
  });

  test('of a stream are its last part', async () => {
    const bridge = await turnedBridge({ GUARDRAIL_TIMEOUT: '2' });
    const part = (content: string) => ({ choices: [{ message: { content, role: 'assistant' } }] });
    for (const content of ['At', 'At nine', 'At nine.']) {
      await bridge.verdict('response_guardrails ingest_data', envelopeOf({ response: part(content) }));
    }
    const [record] = await bridge.recordsOf('call-1');
    expect(record?.response).toEqual(part('At nine.'));
    await sleep(200);
    expect(bridge.records()).toHaveLength(1);
  });

  test.each([
    ['newer releases, which send no more', false, {}],
    ['older releases, which send a marker without an id', true, { callId: '' }],
    ["Akto's hook, which sends a marker under an id", true, { callId: 'call-1' }],
    ["Akto's older hook, whose marker gives no reason", true, { callId: '', isSilent: true }],
  ])('of a block are one, for %s', async (_, sendsMarker, marker) => {
    const bridge = await turnedBridge({ ...BANNED, FAILURE_GRACE_SECONDS: '0.1' });
    const request = chat('How do I cook a turnip?');
    const isNew = !sendsMarker;
    const envelope = { request, callId: isNew ? 'call-1' : '' };
    const said = await bridge.verdict(isNew ? 'guardrails ingest_data' : 'guardrails', envelopeOf(envelope));
    if (sendsMarker) {
      const fields = { statusCode: '403', status: '403' };
      const { isSilent, ...ids } = { isSilent: false, ...marker };
      const response = { 'x-blocked-by': 'Akto Proxy', ...(!isSilent && { reason: said.Reason }) };
      const sent = await bridge.ask('ingest_data', envelopeOf({ request, response, fields, ...ids }));
      expect(sent).toMatchObject({ status: 200, reply: { success: true } });
    }
    await until(() => bridge.records().length > 0);
    await sleep(500);
    expect(bridge.records()).toMatchObject([{ statusCode: '403', request: { messages: request.messages } }]);
  });

  test('have the redacted texts', async () => {
    const bridge = await turnedBridge({ ...redacting(), MISSING_EVENT_MINUTES: '0.01' });
    await bridge.verdict('guardrails ingest_data', envelopeOf({ request: chat(`Write to ${MAIL}`) }));
    const [record] = await bridge.recordsOf('call-1');
    expect(record?.request).toMatchObject({ messages: [{}, { content: 'Write to [EMAIL_ADDRESS]' }] });
  });

  test('of a team that a rule keeps out of all records are nowhere', async () => {
    const rule = { name: 'readers', match: { team: ['readers'] }, records: 'none' };
    const bridge = await turnedBridge(policies({ policies: { chain: ['secrets'] }, rules: [rule] }));
    const request = chat('A canary sang.');
    const sent = { request, response: answer('A canary again.') };
    expect(await bridge.verdict('guardrails ingest_data', envelopeOf({ request }))).toMatchObject({
      Allowed: true,
    });
    await bridge.verdict('response_guardrails ingest_data', envelopeOf(sent));
    await bridge.ask('ingest_data', envelopeOf({ ...sent, callId: 'call-2' }));
    await bridge.post('/api/ingestData', { batchData: [envelopeOf({ ...sent, callId: 'call-3' })] });
    await bridge.ask(
      'ingest_data',
      envelopeOf({ callId: 'call-4', response: answer('b'), tags: { team_alias: 'x' } }),
    );
    await bridge.recordsOf('call-4');
    expect(bridge.records()).toHaveLength(1);
    const onDisk = readdirSync(bridge.folder).map((file) =>
      readFileSync(join(bridge.folder, file), 'latin1'),
    );
    expect(onDisk.join()).not.toContain('canary');
    expect(await bridge.metric('telemetry_rows_total{result="unrecorded"}')).toBe(4);
  });

  test('give way to what LiteLLM logs of the same call', async () => {
    const bridge = await turnedBridge();
    await bridge.verdict('guardrails ingest_data', envelopeOf());
    const now = Date.now() / 1000;
    const event = { litellm_call_id: 'call-1', status: 'success', startTime: now, endTime: now + 1 };
    await bridge.send([{ ...event, id: 'chatcmpl-1', response: answer('At nine.') }]);
    await bridge.verdict('response_guardrails ingest_data', envelopeOf({ response: answer('At nine.') }));
    await bridge.recordsOf('call-1');
    await sleep(300);
    expect(bridge.records()).toHaveLength(1);
  });

  test('come in batches, are durable before the reply, and a bad one takes no other with it', async () => {
    const bridge = await turnedBridge();
    const batchData = [
      envelopeOf({ callId: 'a', response: answer('At nine.'), encoding: 'object' }),
      { hello: 1 },
      envelopeOf({ callId: 'b', response: answer('At ten.') }),
    ];
    expect(await bridge.post('/api/ingestData', { batchData })).toEqual({
      status: 200,
      reply: { success: true },
    });
    await bridge.recordsOf('a');
    await bridge.recordsOf('b');
    expect(await bridge.metric('telemetry_dead_records{backend="intake"}')).toBe(1);
  });

  test.each(['/api/ingestData', '/api/http-proxy?ingest_data=true'])(
    'are refused at %s while the outbox is full',
    async (path) => {
      const bridge = await turnedBridge({ OUTBOX_MAX_MB: '0.01' });
      const envelope = envelopeOf({ response: answer('At nine.') });
      const sent = path.includes('ingestData') ? { batchData: [envelope] } : envelope;
      expect(await bridge.post(path, sent)).toMatchObject({
        status: 503,
        reply: { error: { type: 'full' } },
      });
      expect(await bridge.metric('log_posts_total{result="full"}')).toBe(1);
      // Verdicts go on
      expect(await bridge.verdict('guardrails ingest_data', envelopeOf())).toMatchObject({ Allowed: true });
      await until(async () => (await bridge.metric('log_posts_total{result="full"}')) === 2);
    },
  );

  test('are counted, and dropped where nobody takes any', async () => {
    const bridge = testBridge({});
    const post = (path: string) =>
      bridge.app.request(path, { method: 'POST', body: JSON.stringify(envelopeOf()) });
    for (const path of [
      '/api/http-proxy?ingest_data=true',
      '/api/http-proxy?guardrails=true&ingest_data=true',
    ]) {
      expect((await post(path)).status).toBe(200);
    }
    expect(await bridge.metric('log_posts_total{result="no_backend"}')).toBe(2);
    expect(await bridge.metric('turned_calls_total{door="akto",asks="record"}')).toBe(1);
    expect(await bridge.metric('turned_calls_total{door="akto",asks="check_and_record"}')).toBe(1);
  });
});

describe('who may call', () => {
  const keys = { BRIDGE_API_KEYS: 'retired,right' };

  test.each([
    ['a raw token', { authorization: 'right' }, 200],
    ['a Bearer token', { authorization: 'Bearer retired' }, 200],
    ['a wrong token', { authorization: 'wrong' }, 401],
    ['none', {}, 401],
  ])('with %s', async (_, headers, status) => {
    const bridge = await turnedBridge(keys);
    expect((await bridge.ask('guardrails', envelopeOf(), headers as Record<string, string>)).status).toBe(
      status,
    );
    for (const path of ['/api/ingestData', '/api/auth-check']) {
      const said = await bridge.post(path, { batchData: [] }, headers as Record<string, string>);
      expect(said.status).toBe(status);
    }
  });

  test('from an address that is not allowed is nobody', async () => {
    const bridge = await turnedBridge({ ALLOWED_IPS: '192.0.2.1' });
    expect((await bridge.ask('guardrails', envelopeOf())).status).toBe(403);
    expect(await bridge.metric('rejected_total{reason="address"}')).toBe(1);
  });

  test('may look if it is there', async () => {
    const bridge = await turnedBridge(keys);
    expect((await bridge.app.request('/healthCheck')).status).toBe(200);
    expect((await bridge.app.request('/api/http-proxy')).status).toBe(405);
  });
});

describe('a body that cannot be judged is blocked, whatever the fail mode', () => {
  const deep = `${'['.repeat(2000)}${']'.repeat(2000)}`;
  test.each([
    ['no JSON', 'hello', 'invalid'],
    ['no object', '[1]', 'invalid'],
    ['null', 'null', 'invalid'],
    ['no payload', {}, 'invalid'],
    ['a payload that is a number', { requestPayload: 7 }, 'invalid'],
    ['headers that are no JSON', envelopeOf({ fields: { requestHeaders: 'hello' } }), 'invalid'],
    ['tags that are a list', envelopeOf({ fields: { tag: '[]' } }), 'invalid'],
    ['a model that is a list', envelopeOf({ request: { model: ['a'], messages: [] } }), 'invalid'],
    ['a deep envelope', `{"a":${deep}}`, 'too_deep'],
    ['a deep payload', { requestPayload: deep }, 'too_deep'],
    ['a deep body', { requestPayload: JSON.stringify({ body: deep }) }, 'too_deep'],
    ['many nodes', { requestPayload: `[${'[],'.repeat(120_000)}1]` }, 'too_many_nodes'],
    [
      'many nodes in arguments',
      envelopeOf({
        request: chat('a', { tool_calls: [{ function: { arguments: `[${'[],'.repeat(120_000)}1]` } }] }),
      }),
      'too_many_nodes',
    ],
    ['too many bytes', envelopeOf({ request: 'x'.repeat(2_000_000) }), 'too_large'],
  ])('%s', async (_, body, reason) => {
    const bridge = await turnedBridge({ UNREACHABLE_FALLBACK: 'fail_open', MAX_BODY_MB: '1.5' });
    const said = await bridge.verdict('guardrails ingest_data', body);
    expect(said).toMatchObject({ status: 200, Allowed: false, Behaviour: 'block' });
    expect(await bridge.metric(`rejected_total{reason="${reason}"}`)).toBe(1);
    expect(bridge.lines.every(({ msg }) => msg !== 'telemetry failed' && msg !== 'route failed')).toBe(true);
  });

  test.each([
    [
      'fields of other types',
      {
        requestPayload: '{"messages":[1,null,"turn",{"content":7},[[]]]}',
        tag: '{"team_id":{}}',
        time: {},
        path: [],
      },
    ],
    ['a payload that is an object', { requestPayload: { messages: [{ role: 'user', content: 'hi' }] } }],
    [
      'odd names',
      { requestPayload: '{"__proto__":{"messages":["a"]},"constructor":"b","messages":[{"__proto__":"c"}]}' },
    ],
  ])('but %s can be', async (_, body) => {
    const bridge = await turnedBridge(redacting());
    const said = await bridge.verdict('guardrails ingest_data', body);
    expect(said).toMatchObject({ status: 200, Allowed: true });
    expect(bridge.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('one that is only to be recorded is refused', async () => {
    const bridge = await turnedBridge();
    for (const body of ['hello', '{}', `{"requestPayload":"${'['.repeat(2000)}${']'.repeat(2000)}"}`]) {
      expect(await bridge.ask('ingest_data', body)).toMatchObject({
        status: 400,
        reply: { error: { type: 'invalid', message: expect.stringContaining('requestPayload') } },
      });
      expect(await bridge.post('/api/ingestData', body)).toMatchObject({ status: 400 });
    }
  });
});

test.each(['/api/http-proxy?guardrails=true', '/api/ingestData', '/v1/litellm/hooks/events/pre'])(
  'a bridge that asks itself at %s is told so, as no verdict',
  async (path) => {
    const bridge = await turnedBridge();
    await bridge.verdict('guardrails', envelopeOf());
    const [asked] = bridge.akto.server.seen;
    const mark = { 'x-guardrail-bridge': String(asked?.headers['x-guardrail-bridge']) };
    expect(mark['x-guardrail-bridge']).toMatch(/^[0-9a-f]{16}$/);
    expect(await bridge.post(path, envelopeOf(), mark)).toMatchObject({
      status: 508,
      reply: { error: { type: 'loop' } },
    });
    const other = await bridge.post('/api/http-proxy?guardrails=true', envelopeOf(), {
      'x-guardrail-bridge': '0000000000000000',
    });
    expect(other.status).toBe(200);
  },
);

test.each([
  ['/api/http-proxy?guardrails=true', 'akto_api_key'],
  ['/api/ingestData', 'akto_api_key'],
  ['/v1/litellm/hooks/events/pre', 'CAPSULE_LITELLM_TOKEN'],
  ['/v1/litellm/hooks/events/post', 'CAPSULE_LITELLM_TOKEN'],
])('a wrong key at %s is told where it is set: %s', async (path, name) => {
  const bridge = await turnedBridge({ BRIDGE_API_KEYS: 'key-of-the-bridge' });
  const { status, reply } = await bridge.post(path, envelopeOf(), { authorization: 'Bearer other' });
  expect([status, JSON.stringify(reply)]).toEqual([401, expect.stringContaining(name)]);
});
