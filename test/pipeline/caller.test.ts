import { afterEach, expect, test } from 'vitest';
import { aktoBlocks, aktoRedacts } from '../support/akto.ts';
import { aktoAt, capsuleAt, testBridge } from '../support/bridge.ts';
import { capsuleAllows } from '../support/capsule.ts';
import { type FakeBackend, type Reply, startFakeBackend } from '../support/fake-backend.ts';
import { listen } from '../support/listen.ts';

const closes: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

async function fake(reply: Reply): Promise<FakeBackend> {
  const backend = await startFakeBackend(reply);
  closes.push(() => backend.close());
  return backend;
}

/** A vendor that says nothing, and tells when a check arrives and when its caller leaves. */
async function silent() {
  const arrived = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const vendor = await fake((_, response) => {
    response.once('close', left.resolve);
    arrived.resolve();
  });
  return { url: vendor.url, arrived: arrived.promise, left: left.promise };
}

function bridgeWith(env: Record<string, string>) {
  const bridge = testBridge(env);
  closes.push(() => bridge.close());
  return bridge;
}

const request = {
  input_type: 'request',
  litellm_version: '1.106.2',
  litellm_call_id: 'c',
  model: 'm',
  request_headers: { host: 'proxy' },
  texts: ['mail dana'],
};
const response = { ...request, input_type: 'response' };
const CANCELLED = 'decisions_total{input_type="request",action="CANCELLED"}';

test('a caller who hangs up closes the connections to all backends', async () => {
  const [akto, capsule] = [await silent(), await silent()];
  const bridge = bridgeWith({ ...aktoAt(akto.url), ...capsuleAt(capsule.url), GUARDRAIL_TIMEOUT: '20' });
  const { url, close } = await listen(bridge);
  closes.push(close);
  const leaving = new AbortController();
  const call = fetch(url, { method: 'POST', body: JSON.stringify(request), signal: leaving.signal });
  await Promise.all([akto.arrived, capsule.arrived]);
  leaving.abort();
  await expect(call).rejects.toThrow();
  await Promise.all([akto.left, capsule.left]);
  await expect.poll(() => bridge.metric(CANCELLED)).toBe(1);
  const failures = 'failures_total{backend="akto",mode="enforce",input_type="request",kind="cancelled"}';
  expect(await bridge.metric(failures)).toBe(1);
  expect(
    await bridge.metric('bypasses_total{backend="akto",input_type="request",fallback="fail_open"}'),
  ).toBe(0);
});

test('a block closes the connection to a backend that is still thinking', async () => {
  const [akto, capsule] = [await fake(aktoBlocks()), await silent()];
  const bridge = bridgeWith({ ...aktoAt(akto.url), ...capsuleAt(capsule.url), GUARDRAIL_TIMEOUT: '20' });
  akto.reply = async (seen, response) => {
    await capsule.arrived;
    return aktoBlocks()(seen, response);
  };
  expect((await bridge.ask(request)).reply).toMatchObject({ action: 'BLOCKED' });
  await capsule.left;
});

test('an observing backend that hangs holds up neither the reply nor the connection of the caller', async () => {
  const [akto, capsule] = [await silent(), await fake(capsuleAllows)];
  const bridge = bridgeWith({
    ...aktoAt(akto.url),
    ...capsuleAt(capsule.url),
    AKTO_MODE: 'observe',
    AKTO_GUARDRAIL_TIMEOUT: '1',
  });
  expect((await bridge.ask(request)).reply).toEqual({ action: 'NONE' });
  const timeouts = 'failures_total{backend="akto",mode="observe",input_type="request",kind="timeout"}';
  expect(await bridge.metric(timeouts)).toBe(0);
  await akto.left;
  await expect.poll(() => bridge.metric(timeouts)).toBe(1);
  expect(
    await bridge.metric('bypasses_total{backend="akto",input_type="request",fallback="fail_open"}'),
  ).toBe(0);
});

test.each([
  { name: 'a request is made', call: request, env: {}, action: 'GUARDRAIL_INTERVENED' },
  {
    name: 'a request judged beside the model blocks, as a rewrite comes too late',
    call: { ...request, additional_provider_specific_params: { mode: 'during_call' } },
    env: {},
    action: 'BLOCKED',
  },
  {
    name: 'a response blocks where nobody says how it is delivered',
    call: response,
    env: {},
    action: 'BLOCKED',
  },
  {
    name: 'a response that is not streamed is made',
    call: { ...response, additional_provider_specific_params: { stream: false } },
    env: {},
    action: 'GUARDRAIL_INTERVENED',
  },
  {
    name: 'a response that is streamed blocks',
    call: { ...response, additional_provider_specific_params: { stream: true } },
    env: { RESPONSE_REDACTION: 'rewrite' },
    action: 'BLOCKED',
  },
  {
    name: 'a response is made under RESPONSE_REDACTION=rewrite',
    call: response,
    env: { RESPONSE_REDACTION: 'rewrite' },
    action: 'GUARDRAIL_INTERVENED',
  },
  {
    name: 'a response with tool calls blocks',
    call: {
      ...request,
      input_type: 'response',
      texts: [],
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'mail', arguments: '{"to":"dana"}' } }],
    },
    env: { RESPONSE_REDACTION: 'rewrite' },
    action: 'BLOCKED',
  },
  {
    name: 'a request is not made where the backend observes',
    call: request,
    env: { AKTO_MODE: 'observe' },
    action: 'NONE',
  },
])('a redaction of $name', async ({ call, env, action }) => {
  const akto = await fake(aktoRedacts('dana', '****'));
  const { reply } = await bridgeWith({ ...aktoAt(akto.url), ...(env as Record<string, string>) }).ask(call);
  expect(reply.action).toBe(action);
  if (action === 'GUARDRAIL_INTERVENED') expect(reply).toMatchObject({ texts: ['mail ****'] });
});

test('a dead backend gets no more checks and still blocks, and the other backend goes on', async () => {
  const [akto, capsule] = [
    await fake((_, response) => void response.writeHead(503).end()),
    await fake(capsuleAllows),
  ];
  const bridge = bridgeWith({
    ...aktoAt(akto.url),
    ...capsuleAt(capsule.url),
    AKTO_UNREACHABLE_FALLBACK: 'fail_open',
  });
  for (let i = 0; i < 20; i++) expect((await bridge.ask(request)).reply).toEqual({ action: 'NONE' });
  expect([akto.seen.length, capsule.seen.length]).toEqual([5, 20]);
  expect(
    await bridge.metric('bypasses_total{backend="akto",input_type="request",fallback="fail_open"}'),
  ).toBe(20);
  const open = 'failures_total{backend="akto",mode="enforce",input_type="request",kind="breaker_open"}';
  expect(await bridge.metric(open)).toBe(15);
  expect(await bridge.metric('breaker_state{backend="akto"}')).toBe(2);
});
