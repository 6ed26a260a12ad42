import http from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { testBridge } from '../../support/bridge.ts';
import { type FakeBackend, startFakeBackend } from '../../support/fake-backend.ts';
import { type Listening, listen, metric } from '../../support/listen.ts';
import { connect, rawHead } from '../../support/raw-client.ts';

const MAX = 64 * 1024;
const MB = String(MAX / 1024 / 1024);
const closes: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

async function serve(env: Record<string, string> = {}) {
  const bridge = testBridge({ MAX_BODY_MB: MB, ...env });
  const server = await listen(bridge);
  closes.push(bridge.close, server.close);
  return { bridge, server, metrics: async () => (await bridge.app.request('/metrics')).text() };
}

async function akto(): Promise<FakeBackend> {
  const backend = await startFakeBackend((_, response) => {
    response.end('{"data":{"guardrailsResult":{"Allowed":true}}}');
  });
  closes.push(backend.close);
  return backend;
}

/** A call of exactly `bytes` bytes. */
function callOf(bytes: number): string {
  const [start, end] = ['{"input_type":"request","texts":["', '"]}'];
  return `${start}${'lorem ips '.repeat(bytes).slice(0, bytes - start.length - end.length)}${end}`;
}

type Way = { name: string; send: (url: string, body: string) => http.ClientRequest };
const ways: Way[] = [
  {
    name: 'with a content-length',
    send(url, body) {
      const headers = { 'content-length': Buffer.byteLength(body) };
      return http.request(url, { method: 'POST', headers }).end(body);
    },
  },
  {
    name: 'in chunks',
    send(url, body) {
      const request = http.request(url, { method: 'POST' });
      const size = Math.ceil(body.length / 10);
      for (let at = 0; at < body.length; at += size) request.write(body.slice(at, at + size));
      return request.end();
    },
  },
];

async function replyOf(request: http.ClientRequest): Promise<{ status: number; body: { action?: string } }> {
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    request.on('response', resolve).on('error', reject);
  });
  let text = '';
  for await (const piece of response) text += String(piece);
  return { status: response.statusCode ?? 0, body: JSON.parse(text) };
}

const refused = {
  status: 200,
  body: {
    action: 'BLOCKED',
    blocked_reason: expect.stringMatching(/^Not allowed: .* Reference: [0-9a-f]{16}$/),
  },
};

test.each(ways)(
  'a body of exactly MAX_BODY_MB is judged, one byte more is BLOCKED: $name',
  async ({ send }) => {
    const { server, metrics } = await serve();
    const [last, over, far] = [callOf(MAX), callOf(MAX + 1), callOf(MAX * 30)];
    expect(await replyOf(send(server.url, last))).toEqual({ status: 200, body: { action: 'NONE' } });
    expect(metric(await metrics(), 'rejected_total', { reason: 'too_large' })).toBe(0);
    expect(await replyOf(send(server.url, over))).toEqual(refused);
    expect(await replyOf(send(server.url, far))).toEqual(refused);
    expect(metric(await metrics(), 'rejected_total', { reason: 'too_large' })).toBe(2);
  },
);

test('the limit counts bytes, not characters', async () => {
  const { server } = await serve();
  const body = JSON.stringify({ input_type: 'request', texts: ['\u20ac'.repeat(MAX / 2)] });
  for (const { send } of ways) expect(await replyOf(send(server.url, body))).toEqual(refused);
});

test.each(['fail_open', 'defer', 'fail_closed'])(
  'too large is BLOCKED under %s, and no backend sees it',
  async (mode) => {
    const backend = await akto();
    const { server, bridge, metrics } = await serve({
      AKTO_GUARDRAIL_API_BASE: backend.url,
      AKTO_API_KEY: 'token',
      UNREACHABLE_FALLBACK: mode,
    });
    for (const { send } of ways) expect(await replyOf(send(server.url, callOf(MAX + 1)))).toEqual(refused);
    const direct = await bridge.app.request('/', { method: 'POST', body: callOf(MAX + 1) });
    expect({ status: direct.status, body: await direct.json() }).toEqual(refused);
    expect(backend.seen).toEqual([]);
    expect(metric(await metrics(), 'rejected_total', { reason: 'too_large' })).toBe(3);
  },
);

test('a wrong key is refused before the size is looked at', async () => {
  const { server } = await serve({ BRIDGE_API_KEYS: 'key' });
  const headers = { 'x-api-key': 'wrong', 'content-length': MAX + 1 };
  const request = http.request(server.url, { method: 'POST', headers }).end(callOf(MAX + 1));
  expect(await replyOf(request)).toMatchObject({ status: 401 });
});

/** A call that has sent nearly all of its body. */
async function stalled({ url }: Listening): Promise<{ finish(): Promise<unknown>; leave(): void }> {
  const body = callOf(MAX);
  const request = http.request(url, { method: 'POST', headers: { 'content-length': MAX } });
  request.on('error', () => {});
  const reply = replyOf(request).catch(() => 'gone');
  await new Promise<void>((resolve) => request.write(body.slice(0, -1), () => resolve()));
  return {
    finish() {
      request.end(body.slice(-1));
      return reply;
    },
    leave: () => request.destroy(),
  };
}

test('more bodies at once than there is memory for are judged one after the other', async () => {
  const { server, metrics } = await serve();
  const calls = await Promise.all(Array.from({ length: 12 }, () => stalled(server)));
  await wait(50);
  const replies = await Promise.all(calls.map(({ finish }) => finish()));
  expect(replies).toEqual(Array(12).fill({ status: 200, body: { action: 'NONE' } }));
  expect(metric(await metrics(), 'rejected_total', { reason: 'overloaded' })).toBe(0);
});

test('the memory of callers who leave in mid-body is freed', async () => {
  const { server, metrics } = await serve();
  const calls = await Promise.all(Array.from({ length: 8 }, () => stalled(server)));
  await wait(50);
  for (const { leave } of calls) leave();
  while (metric(await metrics(), 'rejected_total', { reason: 'aborted' }) < 8) await wait(5);
  const later = await Promise.all(Array.from({ length: 8 }, async () => (await stalled(server)).finish()));
  expect(later).toEqual(Array(8).fill({ status: 200, body: { action: 'NONE' } }));
});

test.each([
  ['that stops', MAX, MAX - 1, 'slow'],
  ['that is too large and stops', MAX * 9, MAX * 2, 'too_large'],
])(
  'a body %s is BLOCKED after BODY_TIMEOUT, and its connection closed',
  async (_, promised, sent, reason) => {
    const { server, metrics } = await serve({ BODY_TIMEOUT: '0.2' });
    const client = await connect(server.port);
    closes.push(async () => client.destroy());
    client.write(rawHead(promised), callOf(sent));
    const { status, headers, body } = await client.reply();
    expect({ status, body: JSON.parse(body) }).toEqual(refused);
    expect(headers.connection).toBe('close');
    await client.closed;
    expect(metric(await metrics(), 'rejected_total', { reason })).toBe(1);
    const others = Array.from({ length: 8 }, () => replyOf((ways[0] as Way).send(server.url, callOf(MAX))));
    expect(await Promise.all(others)).toEqual(Array(8).fill({ status: 200, body: { action: 'NONE' } }));
  },
);

test('a body that goes on without end is cut off', async () => {
  const { server, metrics } = await serve({ BODY_TIMEOUT: '0.2' });
  const client = await connect(server.port);
  closes.push(async () => client.destroy());
  client.write(`${rawHead(0).replace('content-length: 0', 'transfer-encoding: chunked')}`);
  const sending = setInterval(() => client.write(`1000\r\n${' '.repeat(0x1000)}\r\n`), 5);
  closes.push(async () => clearInterval(sending));
  await client.closed;
  expect(metric(await metrics(), 'rejected_total', { reason: 'too_large' })).toBe(1);
});

test('log events that do not arrive are refused, for their sender to send again', async () => {
  const { server, metrics } = await serve({ BODY_TIMEOUT: '0.2' });
  const client = await connect(server.port);
  closes.push(async () => client.destroy());
  client.write(rawHead(100, { ':path': '/v1/litellm/logs' }), '[{');
  expect(await client.reply()).toMatchObject({ status: 408, headers: { connection: 'close' } });
  await client.closed;
  expect(metric(await metrics(), 'log_posts_total', { result: 'slow' })).toBe(1);
});

test('log events that are too large are refused as that, also if they never end', async () => {
  const { server, metrics } = await serve({ BODY_TIMEOUT: '0.2', MAX_LOG_BODY_MB: MB });
  const client = await connect(server.port);
  closes.push(async () => client.destroy());
  client.write(rawHead(MAX * 9, { ':path': '/v1/litellm/logs' }), `[${' '.repeat(MAX * 2)}`);
  expect(await client.reply()).toMatchObject({ status: 413, headers: { connection: 'close' } });
  await client.closed;
  expect(metric(await metrics(), 'log_posts_total', { result: 'too_large' })).toBe(1);
});

test('bodies that wait for a slow backend count towards the limit', async () => {
  const backend = await startFakeBackend(() => {});
  closes.push(backend.close);
  const { server, metrics } = await serve({
    BODY_TIMEOUT: '0.5',
    AKTO_GUARDRAIL_API_BASE: backend.url,
    AKTO_API_KEY: 'token',
    AKTO_GUARDRAIL_TIMEOUT: '1',
  });
  const replies = Array.from({ length: 40 }, () => replyOf((ways[0] as Way).send(server.url, callOf(MAX))));
  expect(new Set((await Promise.all(replies)).map(({ status }) => status))).toEqual(new Set([200]));
  expect(metric(await metrics(), 'rejected_total', { reason: 'overloaded' })).toBeGreaterThan(0);
});
