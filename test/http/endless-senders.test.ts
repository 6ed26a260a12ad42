import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { testBridge } from '../support/bridge.ts';
import { type Listening, listen, metric } from '../support/listen.ts';
import { connect, rawHead, rawPost } from '../support/raw-client.ts';

const KEY = { 'x-api-key': 'key' };
const MB = 1024 * 1024;

async function serve(env: Record<string, string> = {}, bodyTimeoutMs?: number) {
  const bridge = testBridge({ BRIDGE_API_KEYS: 'key', MAX_BODY_MB: '1', MAX_LOG_BODY_MB: '1', ...env });
  const server = await listen(bridge, bodyTimeoutMs);
  onTestFinished(async () => {
    await server.close();
    await bridge.close();
  });
  const cut = async (reason: 'body' | 'pipelining' = 'body') =>
    metric(await (await bridge.app.request('/metrics')).text(), 'cut_connections_total', { reason });
  return { server, cut };
}

type Sent = { readonly status: number; readonly bytes: number };

/** Sends a body without end, as fast as it is taken, until the connection is gone. */
function sendForever({ port }: Listening, head: string): Promise<Sent> {
  const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    let received = '';
    let bytes = 0;
    const send = () => {
      while (!socket.destroyed) {
        bytes += piece.length;
        if (!socket.write(piece)) return;
      }
    };
    socket.on('error', () => {});
    socket.on('data', (text) => {
      received += text.toString('latin1');
    });
    socket.on('drain', send);
    socket.on('close', () => resolve({ status: Number(received.slice(9, 12)), bytes }));
    socket.write(head);
    send();
  });
}

const endless = (headers: Record<string, string>) =>
  rawHead(0, headers).replace('content-length: 0', 'transfer-encoding: chunked');

test.each([
  { name: 'a wrong key', head: {}, status: 401 },
  { name: 'a wrong key for log events', head: { ':path': '/v1/litellm/logs' }, status: 401 },
  { name: 'a wrong address', head: KEY, status: 403, env: { ALLOWED_IPS: '10.0.0.1' } },
  { name: 'another path', head: { ...KEY, ':path': '/other' }, status: 404 },
  { name: 'another method', head: { ...KEY, ':method': 'PUT' }, status: 405 },
  { name: 'a body for /healthz', head: { ':method': 'GET', ':path': '/healthz' }, status: 200 },
  { name: 'a body for /metrics', head: { ':method': 'GET', ':path': '/metrics' }, status: 200 },
  { name: 'a body for the page', head: { ...KEY, ':method': 'GET', ':path': '/ui' }, status: 200 },
  { name: 'a page without a key', head: { ':path': '/ui/playground' }, status: 401 },
  { name: 'a page that is not there', head: { ...KEY, ':path': '/ui/other' }, status: 404 },
  { name: 'another method of a page', head: { ...KEY, ':method': 'PUT', ':path': '/ui' }, status: 405 },
  {
    name: 'a form of another site',
    head: { ...KEY, ':path': '/ui/playground', 'sec-fetch-site': 'cross-site' },
    status: 403,
  },
  {
    name: 'a form in another encoding',
    head: { ...KEY, ':path': '/ui/playground', 'content-encoding': 'br' },
    status: 415,
  },
  { name: 'another encoding', head: { ...KEY, 'content-encoding': 'br' }, status: 200 },
  { name: 'no call', head: { ...KEY, ':path': '/v1/litellm/logs', 'content-encoding': 'br' }, status: 415 },
  { name: 'an upgrade', head: { connection: 'upgrade', upgrade: 'websocket' }, status: 401 },
])('$name: who goes on sending is cut off after 32 MB', async (refused) => {
  const { server, cut } = await serve(refused.env);
  const sent = await sendForever(server, endless(refused.head));
  expect(sent.status).toBe(refused.status);
  // What the network holds beside it
  expect(sent.bytes).toBeLessThan(48 * MB);
  expect(await cut()).toBe(1);
});

test('a body that is too large is thrown away up to sixteen times that size, and its sender gets the reply', async () => {
  const { server } = await serve();
  const sent = await sendForever(server, endless(KEY));
  expect(sent.bytes).toBeGreaterThan(16 * MB);
  expect(sent.bytes).toBeLessThan(40 * MB);
});

test('a refused body that stops is cut off when BODY_TIMEOUT is over', async () => {
  const { server, cut } = await serve({ BODY_TIMEOUT: '0.3' });
  const client = await connect(server.port);
  client.write(rawHead(1000), 'x');
  expect((await client.reply()).status).toBe(401);
  await client.closed;
  expect(await cut()).toBe(1);
});

test('a refused body that ends within the bounds costs nobody a connection', async () => {
  const { server, cut } = await serve();
  const client = await connect(server.port);
  onTestFinished(client.destroy);
  for (const bytes of [1000, MB - 1, MB]) {
    client.write(rawHead(bytes), 'x'.repeat(bytes));
    expect((await client.reply()).status).toBe(401);
  }
  client.write(rawPost({ input_type: 'request', texts: ['hello'] }, KEY));
  expect((await client.reply()).body).toBe('{"action":"NONE"}');
  expect(await cut()).toBe(0);
});

test.each([
  ['never sends anything', ''],
  ['stops in its head', rawHead(10).slice(0, 40)],
])('a connection that %s is closed when BODY_TIMEOUT is over', async (_, start) => {
  const { server } = await serve({}, 200);
  const client = await connect(server.port);
  client.write(start);
  await client.closed;
  expect(client.rest()).toMatch(/^HTTP\/1\.1 408 /);
});

test('a connection kept after a reply is not closed with those', async () => {
  const { server } = await serve({}, 200);
  const client = await connect(server.port);
  onTestFinished(client.destroy);
  const call = rawPost({ input_type: 'request', texts: ['hello'] }, KEY);
  for (let i = 0; i < 2; i++) {
    client.write(call);
    expect((await client.reply()).body).toBe('{"action":"NONE"}');
    await wait(1000);
  }
});

test('who sends thousands of calls without waiting for replies is cut off, and who sends some is not', async () => {
  const { server, cut } = await serve();
  const call = rawPost({ input_type: 'request', texts: ['hello'] }, KEY);
  const some = await connect(server.port);
  onTestFinished(some.destroy);
  for (let round = 0; round < 3; round++) {
    some.write(call.repeat(60));
    for (let i = 0; i < 60; i++) expect((await some.reply()).body).toBe('{"action":"NONE"}');
  }
  expect(await cut('pipelining')).toBe(0);
  const many = await connect(server.port);
  many.write(call.repeat(5000));
  await many.closed;
  expect(await cut('pipelining')).toBe(1);
});

test('two thousand idle connections keep out no call', async () => {
  const { server } = await serve();
  const idle = await Promise.all(Array.from({ length: 2100 }, () => connect(server.port)));
  onTestFinished(() => {
    for (const client of idle) client.destroy();
  });
  const client = await connect(server.port);
  onTestFinished(client.destroy);
  client.write(rawPost({ input_type: 'request', texts: ['hello'] }, KEY));
  expect((await client.reply()).body).toBe('{"action":"NONE"}');
  while ((await server.connections()) > 2048) await wait(5);
});

test('CONNECT and a request that is no HTTP are closed, and harm nobody', async () => {
  const { server } = await serve();
  for (const text of [
    'CONNECT bridge:443 HTTP/1.1\r\nhost: bridge\r\n\r\n',
    '\u0016\u0003\u0001\u0002\u0000',
    'GET / HTTP/9\r\n\r\n',
  ]) {
    const client = await connect(server.port);
    client.write(text);
    await client.closed;
  }
  const client = await connect(server.port);
  onTestFinished(client.destroy);
  client.write(rawPost({ input_type: 'request', texts: ['hello'] }, KEY));
  expect((await client.reply()).body).toBe('{"action":"NONE"}');
});
