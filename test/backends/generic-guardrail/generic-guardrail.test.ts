import { describe, expect, onTestFinished, test } from 'vitest';
import { genericGuardrail } from '../../../src/backends/generic-guardrail/generic-guardrail.ts';
import { adapter, redacted, setUp } from '../../support/adapter.ts';
import { testBridge } from '../../support/bridge.ts';
import { callOf, toolCall } from '../../support/call.ts';
import { fakeBackend } from '../../support/closing.ts';
import { json } from '../../support/fake-backend.ts';
import { listen } from '../../support/listen.ts';
import { policyFile } from '../../support/policy-file.ts';

const PATH = '/beta/litellm_basic_guardrail_api';
const NONE = json({ action: 'NONE' });

const SYSTEM = 'You help the billing team.';
const MAIL = 'Please mail the invoice to dana@example.org';
const weather = {
  type: 'function',
  function: { name: 'get_weather', description: 'Weather by city', parameters: { type: 'object' } },
};
const request = {
  input_type: 'request',
  litellm_call_id: 'call-7',
  litellm_trace_id: 'trace-9',
  litellm_version: '1.110.2',
  model: 'gpt-4o-mini',
  texts: [SYSTEM, MAIL],
  structured_messages: [
    { role: 'system', content: SYSTEM },
    { role: 'user', content: MAIL },
  ],
  images: null,
  tools: [weather],
  tool_calls: null,
  request_data: { user_api_key_alias: 'billing', user_api_key_team_id: 'team-42' },
  request_headers: { 'User-Agent': 'acme-app/4.2', 'X-Request-Id': '[present]' },
  additional_provider_specific_params: { threshold: 0.8 },
};
const response = {
  ...request,
  input_type: 'response',
  texts: ['The invoice was sent to dana@example.org'],
  structured_messages: null,
  tools: null,
  tool_calls: [toolCall('{"city":"Pune"}', 'get_weather')],
};

describe('a call', () => {
  test.each([
    { name: 'a request', fields: request },
    { name: 'a response', fields: response },
    { name: 'one with images', fields: { ...request, images: ['data:image/png;base64,AAAA'] } },
    { name: 'one with ids that are missing', fields: { ...request, litellm_call_id: null, model: null } },
  ])('is passed on as LiteLLM sent it: $name', async ({ fields }) => {
    const { vendor, ask } = await adapter(genericGuardrail, NONE);
    expect(await ask(callOf(fields))).toEqual({ kind: 'allow' });
    const [{ path, body, headers }] = vendor.seen as [(typeof vendor.seen)[0]];
    expect(path).toBe(PATH);
    expect(body).toEqual({ ...fields, guardrail_bridge_hops: [expect.stringMatching(/^[0-9a-f]{16}$/)] });
    expect(headers['x-api-key']).toBeUndefined();
  });

  test('takes parameters of the entry along, which win over those of the call', async () => {
    const options = { additional_provider_specific_params: { threshold: 0.5, tenant: 'house' } };
    const { ask, sent } = await adapter(genericGuardrail, NONE, { options });
    await ask(
      callOf({ ...request, additional_provider_specific_params: { threshold: 0.8, mode: 'pre_call' } }),
    );
    expect(sent().additional_provider_specific_params).toEqual({
      ...{ threshold: 0.5, tenant: 'house', mode: 'pre_call' },
    });
  });

  test.each([
    { path: '/guard', asks: `/guard${PATH}` },
    { path: PATH, asks: PATH },
    { path: `/tenant-7${PATH}`, asks: `/tenant-7${PATH}` },
  ])('goes to $asks for an address that ends with $path', async ({ path, asks }) => {
    const { vendor, ask } = await adapter(genericGuardrail, NONE, { path });
    await ask(callOf(request));
    expect(vendor.seen[0]?.path).toBe(asks);
  });

  test.each([
    { options: {}, header: 'x-api-key', value: 'guard-key' },
    { options: { secret_header: 'Authorization' }, header: 'authorization', value: 'Bearer guard-key' },
    { options: { secret_header: 'x-acme-key' }, header: 'x-acme-key', value: 'guard-key' },
    { options: { headers: { 'X-Tenant': 'house' } }, header: 'x-tenant', value: 'house' },
  ])('has the header $header under $options', async ({ options, header, value }) => {
    const { vendor, ask } = await adapter(genericGuardrail, NONE, { options, secret: 'guard-key' });
    await ask(callOf(request));
    expect(vendor.seen[0]?.headers[header]).toBe(value);
  });

  test.each([
    { headers: { authorization: 'Bearer 7' }, named: 'authorization' },
    { headers: { 'x-custom': 'Bearer 7' }, named: 'x-custom' },
    { headers: { 'x-pass': 'hunter2' }, named: 'x-pass' },
    { additional_provider_specific_params: { vendor: { api_key: 'hunter2' } }, named: 'api_key' },
  ])('has no secret among the options of its entry: $named', ({ named, ...options }) => {
    expect(() => setUp(genericGuardrail, options)).toThrow(`must not hold ${named}`);
  });
});

describe('a reply', () => {
  const intervened = (fields: object) => json({ action: 'GUARDRAIL_INTERVENED', ...fields });
  const MASKED = 'Please mail the invoice to <EMAIL_ADDRESS>';

  test('that blocks keeps its reason', async () => {
    const { ask } = await adapter(
      genericGuardrail,
      json({ action: 'BLOCKED', blocked_reason: 'Contains a customer email address' }),
    );
    expect(await ask(callOf(request))).toEqual({
      kind: 'block',
      reason: 'Contains a customer email address',
    });
  });

  test.each([
    { name: 'texts', fields: { texts: [SYSTEM, MASKED] } },
    {
      name: 'messages',
      fields: {
        structured_messages: [
          { role: 'system', content: SYSTEM },
          { role: 'user', content: MASKED },
        ],
      },
    },
    {
      name: 'both, and what it leaves as it was',
      fields: {
        texts: [SYSTEM, MAIL],
        structured_messages: [
          { role: 'system', content: SYSTEM },
          { role: 'user', content: MASKED },
        ],
        tools: [weather],
        images: null,
      },
    },
  ])('that rewrites by $name is a redaction', async ({ fields }) => {
    const { ask } = await adapter(genericGuardrail, intervened(fields));
    expect(redacted(await ask(callOf(request)))).toEqual({ [MAIL]: MASKED });
  });

  test('that rewrites arguments in messages is a redaction of the arguments', async () => {
    const row = (args: string) => ({ role: 'assistant', content: null, tool_calls: [toolCall(args)] });
    const { ask } = await adapter(
      genericGuardrail,
      intervened({ structured_messages: [row('{"to":"[X]"}')] }),
    );
    const call = callOf({ texts: [], structured_messages: [row('{"to":"Dana"}')] });
    expect(redacted(await ask(call))).toEqual({ '{"to":"Dana"}': '{"to":"[X]"}' });
  });

  test('that rewrites nothing allows', async () => {
    const { ask } = await adapter(genericGuardrail, intervened({ texts: [SYSTEM, MAIL] }));
    expect(await ask(callOf(request))).toEqual({ kind: 'allow' });
  });

  test.each([
    { name: 'tools', fields: { tools: [] } },
    { name: 'images', fields: { texts: [SYSTEM, MASKED], images: ['blurred'] } },
    {
      name: 'one text in two ways',
      fields: {
        texts: [SYSTEM, MASKED],
        structured_messages: [
          { role: 'system', content: SYSTEM },
          { role: 'user', content: '[REDACTED]' },
        ],
      },
    },
    {
      name: 'roles',
      fields: {
        structured_messages: [
          { role: 'system', content: SYSTEM },
          { role: 'assistant', content: MAIL },
        ],
      },
    },
  ])('that rewrites $name cannot be carried on', async ({ fields }) => {
    const { ask } = await adapter(genericGuardrail, intervened(fields));
    expect(await ask(callOf(request))).toEqual({ kind: 'modify', texts: null });
  });

  test.each([
    { name: 'without an action', reply: { blocked_reason: 'x' } },
    { name: 'with an unknown action', reply: { action: 'ALLOW' } },
    { name: 'with fewer texts', reply: { action: 'GUARDRAIL_INTERVENED', texts: [MASKED] } },
    { name: 'with a text that is none', reply: { action: 'GUARDRAIL_INTERVENED', texts: [SYSTEM, null] } },
    {
      name: 'with a text that holds back a word',
      fields: response,
      reply: { action: 'NONE', stream_holdback_chars: ['all'] },
    },
    { name: 'with fewer messages', reply: { action: 'GUARDRAIL_INTERVENED', structured_messages: [] } },
    { name: 'that intervenes without anything', reply: { action: 'GUARDRAIL_INTERVENED' } },
  ])('$name is a failure', async ({ reply, fields = request }) => {
    const { failure } = await adapter(genericGuardrail, json(reply));
    expect(await failure(callOf(fields))).toMatchObject({ kind: 'wrong_shape' });
  });
});

/** A bridge of this policy file that listens. */
async function bridgeOf(document: object, env: Record<string, string> = {}) {
  const bridge = testBridge({ POLICY_FILE: policyFile({ policies: { chain: [] }, ...document }), ...env });
  const server = await listen(bridge);
  onTestFinished(async () => {
    await server.close();
    await bridge.close();
  });
  return { ...bridge, url: server.url };
}

describe('bridges in a chain', () => {
  const next = (url: string, more: object = {}) => ({
    backends: [{ name: 'next-guard', kind: 'generic-guardrail', url, timeout: 20, ...more }],
  });

  test('ask the last one, and its redaction comes back to the first', async () => {
    const policies = { chain: ['pii-detector'] };
    const last = await bridgeOf({ policies }, { BRIDGE_API_KEYS: 'guard-key' });
    const secret = { env: 'GUARD_KEY' };
    const first = await bridgeOf(next(last.url, { secret }), { GUARD_KEY: 'guard-key' });
    const { reply } = await first.ask(request);
    expect(reply.action).toBe('GUARDRAIL_INTERVENED');
    expect(JSON.stringify(reply)).not.toContain('dana@example.org');
  });

  test.each([
    { fallback: 'fail_open', action: 'NONE' },
    { fallback: 'fail_closed', action: 'BLOCKED' },
  ])('end a circle with a failure of its own kind, under $fallback', async ({ fallback, action }) => {
    const more = { unreachable_fallback: fallback };
    const way = await fakeBackend();
    const first = await bridgeOf(next(way.url, more));
    const second = await bridgeOf(next(first.url, more));
    way.reply = async ({ path, text }, response) => {
      const reply = await fetch(second.url + path, { method: 'POST', body: text });
      response.end(await reply.text());
    };
    const { reply } = await first.ask(request);
    expect(reply.action).toBe(action);
    const failures = [...first.lines, ...second.lines].filter(({ msg }) => msg === 'no verdict');
    expect(failures.map(({ failure }) => failure)).toEqual([{ kind: 'loop' }]);
    expect(way.seen).toHaveLength(1);
  });

  test('are at most four', async () => {
    const { failure, vendor } = await adapter(genericGuardrail, NONE);
    const hops = ['a', 'b', 'c', 'd'];
    expect(await failure(callOf({ ...request, guardrail_bridge_hops: hops }))).toEqual({ kind: 'loop' });
    expect(vendor.seen).toEqual([]);
  });
});
