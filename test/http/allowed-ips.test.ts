import http, { type Server } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { afterEach, describe, expect, test } from 'vitest';
import { testBridge } from '../support/bridge.ts';

const closes: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

/** A bridge that listens on an address, and lets in whom the list names. */
async function bridgeOn(host: string, env: Record<string, string>) {
  const bridge = testBridge(env);
  closes.push(() => bridge.close());
  const server = createAdaptorServer({ fetch: bridge.app.fetch }) as Server;
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  closes.push(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  const send = (address: string, method: string, path: string, headers: Record<string, string> = {}) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const request = http.request(
        { host: address, port, method, path, headers, agent: false },
        (response) => {
          let body = '';
          response.on('data', (chunk) => {
            body += chunk;
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        },
      );
      request.on('error', reject);
      request.end(
        method === 'POST' ? JSON.stringify({ input_type: 'request', texts: ['hello'] }) : undefined,
      );
    });
  return { ...bridge, send };
}

const PATH = '/beta/litellm_basic_guardrail_api';
const LOGS = '/v1/litellm/logs';

const hasIpv6 = await new Promise<boolean>((resolve) => {
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen(0, '::1', () => server.close(() => resolve(true)));
});

describe('ALLOWED_IPS', () => {
  test.each<{ list: string; status: number }>([
    { list: '127.0.0.1', status: 200 },
    { list: '127.0.0.0/8', status: 200 },
    { list: '10.0.0.0/8, 127.0.0.1', status: 200 },
    { list: '0.0.0.0/0', status: 200 },
    { list: '10.0.0.0/8', status: 403 },
    { list: '127.0.0.2', status: 403 },
    { list: '::1', status: 403 },
    { list: 'fd00::/8', status: 403 },
  ])('$list gives a call from 127.0.0.1 the status $status', async ({ list, status }) => {
    const bridge = await bridgeOn('127.0.0.1', { ALLOWED_IPS: list });
    for (const path of [PATH, '/'])
      expect((await bridge.send('127.0.0.1', 'POST', path)).status).toBe(status);
    expect(await bridge.metric('rejected_total{reason="address"}')).toBe(status === 403 ? 2 : 0);
  });

  test.skipIf(!hasIpv6).each<{ list: string; from: string; status: number }>([
    { list: '::1', from: '::1', status: 200 },
    { list: '::/64', from: '::1', status: 200 },
    { list: '127.0.0.1', from: '::1', status: 403 },
    { list: 'fd00::/8', from: '::1', status: 403 },
    { list: '127.0.0.1', from: '127.0.0.1', status: 200 },
    { list: '::ffff:127.0.0.1', from: '127.0.0.1', status: 200 },
    { list: '::1', from: '127.0.0.1', status: 403 },
  ])(
    '$list gives a call from $from to a server on all addresses the status $status',
    async ({ list, from, status }) => {
      const bridge = await bridgeOn('::', { ALLOWED_IPS: list });
      expect((await bridge.send(from, 'POST', PATH)).status).toBe(status);
    },
  );

  test('lets everybody reach health, readiness and metrics, and only its addresses send log events', async () => {
    const bridge = await bridgeOn('127.0.0.1', { ALLOWED_IPS: '10.0.0.0/8' });
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect((await bridge.send('127.0.0.1', 'GET', path)).status).toBe(200);
    }
    expect((await bridge.send('127.0.0.1', 'POST', LOGS)).status).toBe(403);
  });

  test('ignores the address that a proxy claims in a header', async () => {
    const bridge = await bridgeOn('127.0.0.1', { ALLOWED_IPS: '10.0.0.0/8' });
    const headers = { 'x-forwarded-for': '10.0.0.1', 'x-real-ip': '10.0.0.1', forwarded: 'for=10.0.0.1' };
    const { status, body } = await bridge.send('127.0.0.1', 'POST', PATH, headers);
    expect(status).toBe(403);
    expect(JSON.parse(body)).toEqual({
      error: { type: 'address', message: 'Access forbidden: IP address not allowed.' },
    });
    expect(bridge.lines.at(-1)).toMatchObject({ level: 'warn', reason: 'address' });
  });

  test('counts before the key', async () => {
    const bridge = await bridgeOn('127.0.0.1', { ALLOWED_IPS: '10.0.0.0/8', BRIDGE_API_KEYS: 'right-key' });
    expect((await bridge.send('127.0.0.1', 'POST', PATH, { 'x-api-key': 'right-key' })).status).toBe(403);
    const other = await bridgeOn('127.0.0.1', { ALLOWED_IPS: '127.0.0.1', BRIDGE_API_KEYS: 'right-key' });
    expect((await other.send('127.0.0.1', 'POST', PATH)).status).toBe(401);
  });

  test('lets everybody in where it is not set', async () => {
    const bridge = await bridgeOn('127.0.0.1', {});
    expect((await bridge.send('127.0.0.1', 'POST', PATH)).status).toBe(200);
  });

  test('refuses a call that came over no connection', async () => {
    const bridge = testBridge({ ALLOWED_IPS: '0.0.0.0/0,::/0' });
    closes.push(() => bridge.close());
    expect((await bridge.ask({ input_type: 'request' })).status).toBe(403);
  });
});
