import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AKTO_FIXED, aktoAllows } from '../../support/akto.ts';
import { aktoAt, testBridge } from '../../support/bridge.ts';
import { type FakeBackend, startFakeBackend } from '../../support/fake-backend.ts';
import { type RecordedCall, recordedCalls } from '../../support/recorded.ts';

let vendor: FakeBackend;
beforeAll(async () => {
  vendor = await startFakeBackend(aktoAllows);
});
afterAll(() => vendor.close());
afterEach(() => {
  vendor.seen.length = 0;
});

/** The envelope of the last of some calls of one bridge, and the request that carried it. */
async function sentFor(calls: object[], env: Record<string, string> = aktoAt(vendor.url)) {
  const bridge = testBridge(env);
  for (const call of calls) expect((await bridge.ask(call)).reply).toEqual({ action: 'NONE' });
  await bridge.close();
  const request = vendor.seen.at(-1);
  if (request === undefined) throw new Error('nothing was sent');
  const envelope = request.body as Record<string, string>;
  return {
    request,
    envelope,
    headers: JSON.parse(envelope.requestHeaders as string) as Record<string, string>,
  };
}

const request = {
  input_type: 'request',
  litellm_call_id: 'call-1',
  litellm_trace_id: 'trace-1',
  model: 'house-model',
  texts: ['Mail the invoice'],
  request_data: {
    user_api_key_user_id: 'user-1',
    user_api_key_team_id: 'team-1',
    user_api_key_user_email: ' ada@example.com ',
    user_api_key_team_alias: 'billing',
    user_api_key_alias: 'key of ada',
    user_api_key_hash: 'never-sent',
    user_api_key_org_id: null,
  },
  request_headers: { Host: 'litellm.example', 'user-agent': 'curl/8' },
};

describe('the check of a request', () => {
  test('goes to one path with the flags of a check and nothing recorded', async () => {
    const { request: seen } = await sentFor([request], aktoAt(`${vendor.url}/akto/`));
    expect(seen.method).toBe('POST');
    expect(seen.path).toBe('/akto/api/http-proxy');
    expect(Object.fromEntries(seen.query)).toEqual({ akto_connector: 'litellm', guardrails: 'true' });
    expect(seen.headers).toMatchObject({ 'content-type': 'application/json', authorization: 'akto-key' });
  });

  test('sends no Authorization where the hook has no token', async () => {
    const { request: seen } = await sentFor([request], { DATA_INGESTION_SERVICE_URL: vendor.url });
    expect(seen.headers.authorization).toBeUndefined();
  });

  test('carries every field of the envelope, each a text or null', async () => {
    const { envelope, headers } = await sentFor([request]);
    const tag = {
      'gen-ai': 'Gen AI',
      user_id: 'user-1',
      team_id: 'team-1',
      user_email: 'ada@example.com',
      team_alias: 'billing',
      key_alias: 'key of ada',
    };
    expect(envelope).toEqual({
      path: '/v1/chat/completions',
      requestHeaders: expect.any(String),
      responseHeaders: '{}',
      method: 'POST',
      requestPayload: expect.any(String),
      responsePayload: '{}',
      ip: '',
      destIp: '127.0.0.1',
      time: expect.stringMatching(/^\d{13}$/),
      ...AKTO_FIXED,
      tag: JSON.stringify(tag),
      metadata: JSON.stringify(tag),
      akto_metadata: '{}',
      contextSource: 'AGENTIC',
    });
    expect(headers).toEqual({
      'content-type': 'application/json',
      host: 'litellm.example',
      'user-agent': 'curl/8',
      'x-akto-installer-akto_session_id': 'trace-1',
      'x-akto-installer-akto_message_id': 'call-1',
    });
    expect(JSON.stringify(envelope)).not.toContain('never-sent');
  });

  test('carries the settings', async () => {
    const { envelope } = await sentFor([request], {
      ...aktoAt(vendor.url),
      AKTO_ACCOUNT_ID: '4711',
      AKTO_VXLAN_ID: 'policy:AGENTIC:one',
      AKTO_CONTEXT_SOURCE: 'ENDPOINT',
      AKTO_METADATA: '{"policy_name":"one,two"}',
    });
    expect(envelope).toMatchObject({
      akto_account_id: '4711',
      akto_vxlan_id: 'policy:AGENTIC:one',
      contextSource: 'ENDPOINT',
      akto_metadata: '{"policy_name":"one,two"}',
    });
  });

  test('is complete for a call without texts', async () => {
    const { envelope, headers } = await sentFor([{ input_type: 'request' }]);
    expect(JSON.parse(JSON.parse(envelope.requestPayload as string).body)).toEqual({
      model: '',
      messages: [],
    });
    expect(headers).toEqual({ 'content-type': 'application/json' });
    expect(envelope.tag).toBe('{"gen-ai":"Gen AI"}');
  });
});

describe('the headers in the envelope', () => {
  test.each([
    'authorization',
    'Authorization',
    'proxy-authorization',
    'cookie',
    'Set-Cookie',
    'x-api-key',
    'api-key',
    'apikey',
    'x-litellm-api-key',
    'x-litellm-key',
    'x-goog-api-key',
    'ocp-apim-subscription-key',
    'x-amz-security-token',
    'x-csrf-token',
    'x-client-secret',
    'x-password',
  ])('never hold %s', async (name) => {
    const { envelope } = await sentFor([
      { ...request, request_headers: { [name]: 'hidden-value', accept: '*/*' } },
    ]);
    expect(JSON.stringify(envelope)).not.toContain('hidden-value');
    expect(envelope.requestHeaders).toContain('*/*');
  });

  test('hold no placeholders and nothing that is no text', async () => {
    const request_headers = {
      'x-user-id': '[present]',
      'x-session-id': '[present]',
      a: null,
      b: 1,
      c: '',
      d: ['x'],
    };
    const { headers } = await sentFor([{ ...request, request_headers }]);
    expect(headers).toEqual({
      'content-type': 'application/json',
      'x-akto-installer-akto_session_id': 'trace-1',
      'x-akto-installer-akto_message_id': 'call-1',
    });
  });

  test.each([
    { name: 'the session', request_headers: { 'X-LiteLLM-Session-Id': 'session-1' }, session: 'session-1' },
    { name: 'the trace', request_headers: {}, session: 'trace-1' },
    {
      name: 'the trace for a placeholder',
      request_headers: { 'x-litellm-session-id': '[present]' },
      session: 'trace-1',
    },
    { name: 'the trace rather than a user', request_headers: { 'x-user-id': 'ada' }, session: 'trace-1' },
    {
      name: 'the trace rather than what a client claims',
      request_headers: { 'x-akto-installer-akto_session_id': 'of-somebody-else' },
      session: 'trace-1',
    },
  ])('name $name as the session', async ({ request_headers, session }) => {
    const { headers } = await sentFor([{ ...request, request_headers }]);
    expect(headers['x-akto-installer-akto_session_id']).toBe(session);
  });

  test('do not put all calls of a user into one session, which one blocked turn would close', async () => {
    const { headers } = await sentFor([
      { ...request, litellm_trace_id: null, request_headers: { 'x-user-id': 'shared-account' } },
    ]);
    const session = ['x-akto-installer-akto_session_id', 'x-session-id', 'x-conversation-id', 'x-user-id']
      .map((name) => headers[name])
      .find((value) => value !== undefined);
    expect(session).not.toBe('shared-account');
  });
});

describe('the check of a response', () => {
  const response = {
    ...request,
    input_type: 'response',
    texts: ['Sent.', 'Anything else?'],
    tool_calls: [{ id: 'c', type: 'function', function: { name: 'mail', arguments: '{"to":"ada"}' } }],
  };
  const bodyOf = (payload: string | undefined) => JSON.parse(JSON.parse(payload ?? '').body) as unknown;

  test('sends the request it belongs to beside its texts and the arguments of its tool calls', async () => {
    const { request: seen, envelope } = await sentFor([request, response]);
    expect(Object.fromEntries(seen.query)).toEqual({
      akto_connector: 'litellm',
      response_guardrails: 'true',
    });
    expect(envelope.responseHeaders).toBe('{"content-type":"application/json"}');
    expect(bodyOf(envelope.requestPayload)).toEqual({
      model: 'house-model',
      messages: [{ role: 'user', content: 'Mail the invoice' }],
    });
    expect(bodyOf(envelope.responsePayload)).toEqual({
      choices: [
        { message: { role: 'assistant', content: 'Sent.' } },
        { message: { role: 'assistant', content: 'Anything else?' } },
        { message: { role: 'assistant', content: '{"to":"ada"}', tool_calls: response.tool_calls } },
      ],
    });
  });

  test('sends an empty request where none is known', async () => {
    const { envelope } = await sentFor([request, { ...response, litellm_call_id: 'another' }]);
    expect(bodyOf(envelope.requestPayload)).toEqual({ model: '', messages: [] });
    expect(bodyOf(envelope.responsePayload)).toMatchObject({ choices: { length: 3 } });
  });
});

/** The envelope of a check as an object, from the body that LiteLLM sent and the payloads. */
function envelopeOf(body: RecordedCall['body'], sent: Record<string, string>) {
  const fields = (value: unknown) => (value ?? {}) as Record<string, string | null>;
  const identity = fields(body.request_data);
  const session = fields(body.request_headers)['x-litellm-session-id'] ?? body.litellm_trace_id;
  const shown = Object.entries(fields(body.request_headers)).filter(
    ([name, value]) => value && value !== '[present]' && !/auth|cookie|token|key/i.test(name),
  );
  const headers = {
    'content-type': 'application/json',
    ...Object.fromEntries(shown.map(([name, value]) => [name.toLowerCase(), value])),
    ...(session ? { 'x-akto-installer-akto_session_id': session } : {}),
    ...(body.litellm_call_id ? { 'x-akto-installer-akto_message_id': body.litellm_call_id } : {}),
  };
  const tag = JSON.stringify({
    'gen-ai': 'Gen AI',
    user_id: identity.user_api_key_user_id ?? undefined,
    team_id: identity.user_api_key_team_id ?? undefined,
    user_email: identity.user_api_key_user_email ?? undefined,
    team_alias: identity.user_api_key_team_alias ?? undefined,
    key_alias: identity.user_api_key_alias ?? undefined,
  });
  return {
    path: '/v1/chat/completions',
    requestHeaders: JSON.stringify(headers),
    responseHeaders: body.input_type === 'response' ? '{"content-type":"application/json"}' : '{}',
    method: 'POST',
    requestPayload: sent.requestPayload,
    responsePayload: sent.responsePayload,
    ip: '',
    destIp: '127.0.0.1',
    time: sent.time,
    ...AKTO_FIXED,
    tag,
    metadata: tag,
    akto_metadata: '{"quote":"\\"","next":"line"}',
    contextSource: 'AGENTIC',
  };
}

test.each(recordedCalls)('$name is sent as JSON.stringify would write its envelope', async ({ body }) => {
  const env = {
    ...aktoAt(vendor.url),
    AKTO_METADATA: '{"quote": "\\"", "next": "line"}',
    BUILTIN_POLICY: 'off',
  };
  const { request: seen, envelope } = await sentFor([body], env);
  expect(seen.text).toBe(JSON.stringify(envelopeOf(body, envelope)));
  for (const payload of [envelope.requestPayload, envelope.responsePayload]) {
    const { body } = JSON.parse(payload as string);
    if (body !== undefined) expect(payload).toBe(JSON.stringify({ body: JSON.stringify(JSON.parse(body)) }));
  }
});
