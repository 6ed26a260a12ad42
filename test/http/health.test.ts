import { afterEach, expect, test } from 'vitest';
import { testBridge } from '../support/bridge.ts';
import { type FakeBackend, startFakeBackend } from '../support/fake-backend.ts';

const CALL = JSON.stringify({ input_type: 'request', texts: ['hello'] });
const closes: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

async function bridgeWith(reply: FakeBackend['reply'], env: Record<string, string> = {}) {
  const backend = await startFakeBackend(reply);
  const bridge = testBridge({
    AKTO_GUARDRAIL_API_BASE: backend.url,
    AKTO_API_KEY: 'token',
    CAPSULE_LITELLM_ENDPOINT: backend.url,
    CAPSULE_LITELLM_TOKEN: 'token',
    CAPSULE_MODE: 'observe',
    ...env,
  });
  closes.push(backend.close, bridge.close);
  const get = async (path: string) => {
    const response = await bridge.app.request(path);
    return { status: response.status, body: (await response.json()) as unknown };
  };
  return { ...bridge, get, backend };
}

const vendors: FakeBackend['reply'] = ({ path }, response) =>
  void response.end(
    path.includes('http-proxy') ? '{"data":{"guardrailsResult":{"Allowed":true}}}' : '{"decision":"allow"}',
  );

test('the bridge is healthy and ready on a cold start, without traffic and without asking a backend', async () => {
  const { get, backend } = await bridgeWith(vendors);
  expect(await get('/healthz')).toEqual({ status: 200, body: { status: 'ok' } });
  expect(await get('/readyz')).toEqual({
    status: 200,
    body: {
      status: 'ready',
      unhappy: [],
      findings: [],
      backends: {
        akto: { healthy: true, breaker: 'closed', mode: 'enforce' },
        capsule: { healthy: true, breaker: 'closed', mode: 'observe' },
      },
    },
  });
  expect(backend.seen).toEqual([]);
});

test('the bridge is ready without any backend', async () => {
  const bridge = testBridge({});
  closes.push(bridge.close);
  const response = await bridge.app.request('/readyz');
  expect([response.status, await response.json()]).toEqual([
    200,
    { status: 'ready', unhappy: [], findings: [], backends: {} },
  ]);
});

test('a backend in trouble is named, and does not take the bridge out of service', async () => {
  const { app, get } = await bridgeWith((request, response) => {
    if (request.path.includes('http-proxy')) response.writeHead(500).end();
    else return vendors(request, response);
  });
  for (let i = 0; i < 6; i++) await app.request('/', { method: 'POST', body: CALL });
  expect(await get('/readyz')).toMatchObject({
    status: 200,
    body: {
      status: 'degraded',
      // A second later it is a finding, too
      unhappy: expect.arrayContaining(['akto']),
      backends: { akto: { healthy: false, breaker: 'open' }, capsule: { healthy: true, breaker: 'closed' } },
    },
  });
  expect(await get('/healthz')).toMatchObject({ status: 200 });
});

test('one failure of a backend is not named', async () => {
  const { app, get } = await bridgeWith((_, response) => void response.writeHead(500).end());
  await app.request('/', { method: 'POST', body: CALL });
  expect(await get('/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } });
});

test('readyz does not tell the address of a backend', async () => {
  const { app, get, backend } = await bridgeWith((_, response) => void response.writeHead(500).end('inside'));
  for (let i = 0; i < 6; i++) await app.request('/', { method: 'POST', body: CALL });
  const { body } = await get('/readyz');
  expect(JSON.stringify(body)).not.toContain(new URL(backend.url).host);
  expect(JSON.stringify(body)).not.toContain('token');
});

test.each(['/healthz', '/readyz', '/metrics'])('HEAD %s works, for probes that use it', async (path) => {
  const { app } = await bridgeWith(vendors);
  expect((await app.request(path, { method: 'HEAD' })).status).toBe(200);
});

test('a database that only judging uses is named while it is down, and has no metric of the records thread', async () => {
  const bridge = testBridge({ DATABASE_URL: 'postgres://bridge@127.0.0.1:1/bridge' });
  closes.push(bridge.close);
  await bridge.ready();
  const response = await bridge.app.request('/readyz');
  expect([response.status, await response.json()]).toEqual([
    200,
    {
      status: 'degraded',
      unhappy: ['database'],
      findings: [
        {
          ...{ code: 'bridge_degraded', subject: 'database' },
          message: 'the database that replicas share cannot be used for state',
          advice: expect.stringContaining('DATABASE_URL'),
        },
      ],
      backends: {},
      database: { failing: ['state'] },
    },
  ]);
  const samples = ['markers', 'streamed_texts'].map(
    (feature) => `state_failures_total{feature="${feature}",reason="unavailable"}`,
  );
  expect(await Promise.all(samples.map(bridge.metric))).toEqual([0, undefined]);
});
