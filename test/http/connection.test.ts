import http from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ServingChild, startServing } from '../support/child.ts';
import { type FakeBackend, startFakeBackend } from '../support/fake-backend.ts';
import { metric } from '../support/listen.ts';
import { connect, type RawClient, rawHead, rawPost } from '../support/raw-client.ts';

const MAX = 64 * 1024;
const KEY = { 'x-api-key': 'key' };
const call = (text: string) => ({ input_type: 'request', texts: [text] });

/** Blocks texts with "block", takes its time over "slow", never replies to "hang". */
let akto: FakeBackend;
let bridge: ServingChild;
const gone: string[] = [];
const clients: RawClient[] = [];

beforeAll(async () => {
  akto = await startFakeBackend(async (request, response) => {
    const { text } = request;
    response.once('close', () => {
      if (!response.writableFinished) gone.push(text);
    });
    if (text.includes('hang')) return;
    if (text.includes('slow')) await wait(100);
    const Allowed = !text.includes('block');
    response.end(JSON.stringify({ data: { guardrailsResult: { Allowed, Behaviour: 'block' } } }));
  });
  bridge = await startServing({
    HOST: '127.0.0.1',
    BRIDGE_API_KEYS: 'key',
    MAX_BODY_MB: String(MAX / 1024 / 1024),
    AKTO_GUARDRAIL_API_BASE: akto.url,
    AKTO_API_KEY: 'token',
    AKTO_GUARDRAIL_TIMEOUT: '60',
    LOG_LEVEL: 'debug',
  });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});
afterAll(async () => {
  await bridge.stop();
  await akto.close();
});

async function client(): Promise<RawClient> {
  const raw = await connect(bridge.port);
  clients.push(raw);
  return raw;
}

async function counted(name: string, labels: Record<string, string>): Promise<number> {
  return metric(await (await fetch(`${bridge.url}/metrics`)).text(), name, labels);
}

const actionOf = ({ body }: { body: string }) => (JSON.parse(body) as { action?: string }).action;

/** A body that would get a second reply if it were taken for the next request. */
const trap = (bytes: number) => rawPost(call('block'), KEY).repeat(bytes).slice(0, bytes);

const early = [
  { name: 'a wrong key', status: 401, head: { 'x-api-key': 'wrong' }, body: trap(5000) },
  { name: 'another path', status: 404, head: { ...KEY, ':path': '/v1/other' }, body: trap(5000) },
  { name: 'another method', status: 405, head: { ...KEY, ':method': 'PUT' }, body: trap(5000) },
  { name: 'a compressed body', status: 200, head: { ...KEY, 'content-encoding': 'gzip' }, body: trap(5000) },
  { name: 'a body that is no call', status: 200, head: KEY, body: trap(5000) },
  { name: 'a body over the limit', status: 200, head: KEY, body: trap(MAX * 3) },
  { name: 'a large body with a wrong key', status: 401, head: {}, body: trap(MAX * 30) },
];

test.each(early)('$name: the pipelined call behind it gets its own reply', async ({ status, head, body }) => {
  const raw = await client();
  raw.write(rawHead(body.length, head), body, rawPost(call('hello'), KEY), rawPost(call('block'), KEY));
  const first = await raw.reply();
  expect(first.status).toBe(status);
  if (status === 200) expect(actionOf(first)).toBe('BLOCKED');
  else expect(JSON.parse(first.body)).toMatchObject({ error: { message: expect.any(String) } });
  expect(first.headers.connection).not.toBe('close');
  expect(actionOf(await raw.reply())).toBe('NONE');
  expect(actionOf(await raw.reply())).toBe('BLOCKED');
  expect(raw.rest()).toBe('');
});

test.each(early)(
  '$name: a caller who is still sending can go on with the next call',
  async ({ head, body, status }) => {
    const raw = await client();
    raw.write(rawHead(body.length, head), body.slice(0, 1000));
    await wait(30);
    raw.write(body.slice(1000));
    expect((await raw.reply()).status).toBe(status);
    raw.write(rawPost(call('hello'), KEY));
    expect(actionOf(await raw.reply())).toBe('NONE');
    expect(raw.rest()).toBe('');
  },
);

test('a caller who is slow with a body that nobody reads can use its connection again', async () => {
  const slow = async ({ head, body, status }: (typeof early)[number]) => {
    const raw = await client();
    raw.write(rawHead(body.length, head), body.slice(0, 1000));
    await wait(900);
    raw.write(body.slice(1000), rawPost(call('hello'), KEY));
    expect((await raw.reply()).status).toBe(status);
    expect(actionOf(await raw.reply())).toBe('NONE');
  };
  await Promise.all(early.map(slow));
});

test.each(early)(
  '$name: chunks of the body are not taken for the next call',
  async ({ head, body, status }) => {
    const raw = await client();
    const { 'content-length': _, ...chunked } = { ...head, 'content-length': '' };
    const start = rawHead(0, { ...chunked, 'transfer-encoding': 'chunked' }).replace(
      'content-length: 0\r\n',
      '',
    );
    raw.write(start, `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`, rawPost(call('hello'), KEY));
    expect((await raw.reply()).status).toBe(status);
    expect(actionOf(await raw.reply())).toBe('NONE');
    expect(raw.rest()).toBe('');
  },
);

test('pipelined calls get replies in order, whichever the backend judges first', async () => {
  const raw = await client();
  const texts = ['slow', 'block', 'hello', 'slow block', 'hello', 'block'];
  raw.write(texts.map((text) => rawPost(call(text), KEY)).join(''));
  const actions: unknown[] = [];
  for (const _ of texts) actions.push(actionOf(await raw.reply()));
  expect(actions).toEqual(['NONE', 'BLOCKED', 'NONE', 'BLOCKED', 'NONE', 'BLOCKED']);
});

test('a caller who waits for 100 Continue gets it', async () => {
  const raw = await client();
  const body = JSON.stringify(call('hello'));
  raw.write(rawHead(body.length, { ...KEY, expect: '100-continue' }));
  expect((await raw.reply()).status).toBe(100);
  raw.write(body);
  expect(actionOf(await raw.reply())).toBe('NONE');
});

test('a body that comes byte by byte is read to its end', async () => {
  const raw = await client();
  const request = rawPost(call('block'), KEY);
  raw.write(request.slice(0, -40));
  for (const byte of request.slice(-40)) {
    raw.write(byte);
    await wait(1);
  }
  expect(actionOf(await raw.reply())).toBe('BLOCKED');
});

test('a caller who hangs up in mid-body is counted and harms nobody', async () => {
  const before = await counted('rejected_total', { reason: 'aborted' });
  const raw = await client();
  raw.write(rawHead(5000, KEY), 'x'.repeat(100));
  await wait(20);
  raw.destroy();
  while ((await counted('rejected_total', { reason: 'aborted' })) === before) await wait(5);
  const next = await client();
  next.write(rawPost(call('hello'), KEY));
  expect(actionOf(await next.reply())).toBe('NONE');
});

test('a caller who hangs up during the check cancels it at the backend', async () => {
  const before = await counted('decisions_total', { input_type: 'request', action: 'CANCELLED' });
  const raw = await client();
  raw.write(rawPost(call('hang'), KEY));
  while (!akto.seen.some(({ text }) => text.includes('hang'))) await wait(5);
  expect(gone).toEqual([]);
  raw.destroy();
  while (gone.length === 0) await wait(5);
  while ((await counted('decisions_total', { input_type: 'request', action: 'CANCELLED' })) === before) {
    await wait(5);
  }
  const labels = { backend: 'akto', mode: 'enforce', input_type: 'request', kind: 'cancelled' };
  expect(await counted('failures_total', labels)).toBe(1);
  expect(
    await counted('bypasses_total', { backend: 'akto', input_type: 'request', fallback: 'fail_open' }),
  ).toBe(0);
});

test('an absolute target, as a forward proxy writes it, is served', async () => {
  const raw = await client();
  raw.write(
    rawPost(call('block'), { ...KEY, ':path': `http://bridge.example/beta/litellm_basic_guardrail_api` }),
  );
  expect(actionOf(await raw.reply())).toBe('BLOCKED');
});

test('many large bodies at once are served, each with its own reply', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 100 });
  const post = (text: string) =>
    new Promise<string | undefined>((resolve, reject) => {
      const request = http.request(bridge.url, { method: 'POST', agent, headers: KEY }, async (response) => {
        let body = '';
        for await (const piece of response) body += String(piece);
        resolve(actionOf({ body }));
      });
      request.on('error', reject).end(JSON.stringify(call(text)));
    });
  const padding = 'lorem ips '.repeat(MAX / 10 - 100);
  const actions = await Promise.all(
    Array.from({ length: 60 }, (_, i) => post(`${i % 3 === 0 ? 'block' : 'hello'} ${padding}`)),
  );
  // More at once than memory is meant for may be blocked, none may pass that should not
  actions.forEach((action, i) => {
    if (i % 3 === 0) expect(action).toBe('BLOCKED');
    else expect(['NONE', 'BLOCKED']).toContain(action);
  });
  agent.destroy();
});

test('none of these cases is logged as a mistake of the bridge', async () => {
  expect(await counted('rejected_total', { reason: 'bug' })).toBe(0);
  expect(bridge.lines().filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  expect(bridge.stderr()).toBe('');
});
