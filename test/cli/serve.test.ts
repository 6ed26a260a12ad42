import http from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { type ServingChild, startChild, startServing } from '../support/child.ts';
import { type FakeBackend, startFakeBackend } from '../support/fake-backend.ts';

const PATH = '/beta/litellm_basic_guardrail_api';
const CALL = JSON.stringify({ input_type: 'request', texts: ['hello'] });
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

async function serving(env: Record<string, string> = {}): Promise<ServingChild> {
  const child = await startServing(env);
  stops.push(child.stop);
  return child;
}

async function backend(reply: () => void | Promise<void>): Promise<FakeBackend> {
  const fake = await startFakeBackend(async (_, response) => {
    await reply();
    if (!response.destroyed) {
      response.setHeader('content-type', 'application/json');
      response.end('{"data":{"guardrailsResult":{"Allowed":true}}}');
    }
  });
  stops.push(() => fake.close());
  return fake;
}

const aktoAt = (url: string) => ({ AKTO_GUARDRAIL_API_BASE: url, AKTO_API_KEY: 'akto-token' });

/** Posts a call over an agent's connections. */
function post(url: string, agent: http.Agent): Promise<{ status: number; connection: string; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${url}${PATH}`, { method: 'POST', agent }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, connection: response.headers.connection ?? '', body }),
      );
    });
    request.on('error', reject);
    request.end(CALL);
  });
}

async function readiness(url: string): Promise<number> {
  const response = await fetch(`${url}/readyz`, { headers: { connection: 'close' } });
  await response.arrayBuffer();
  return response.status;
}

test('startup says one line per backend and where it listens, and no secret', async () => {
  const child = await serving({
    BRIDGE_API_KEYS: 'hidden-bridge-key',
    HOST: '127.0.0.1',
    AKTO_GUARDRAIL_API_BASE: 'https://akto.example.com/hidden-tenant',
    AKTO_API_KEY: 'hidden-akto-token',
    CAPSULE_LITELLM_ENDPOINT: 'https://capsule.example.com',
    CAPSULE_LITELLM_TOKEN: 'hidden-capsule-token',
    CAPSULE_LITELLM_TIMEOUT_MS: '1500',
    CAPSULE_MODE: 'observe',
    BUILTIN_POLICY: 'on',
    BANNED_KEYWORDS: 'hidden-word,hidden-other',
    AUDIT_KEY: 'hidden-audit-key-of-the-operator',
    LOG_LEVEL: 'trace',
  });
  expect(child.lines().filter(({ level }) => level === 'warn')).toContainEqual(
    expect.objectContaining({ msg: expect.stringMatching(/^AUDIT_KEY seals nothing/) }),
  );
  expect(child.lines().filter(({ msg }) => msg === 'backend')).toMatchObject([
    {
      level: 'info',
      backend: 'akto',
      host: 'akto.example.com',
      timeout_seconds: 5,
      unreachable_fallback: 'fail_closed',
      mode: 'enforce',
    },
    {
      level: 'info',
      backend: 'capsule',
      host: 'capsule.example.com',
      timeout_seconds: 1.5,
      unreachable_fallback: 'fail_open',
      mode: 'observe',
    },
  ]);
  expect(await child.line('policies')).toMatchObject({
    policy_file: 'built-in',
    chain: ['prompt-injection', 'secrets', 'banned-keywords'],
  });
  expect(child.lines().filter((line) => 'response_redaction' in line)).toMatchObject([
    {
      level: 'info',
      response_redaction: 'auto',
      msg: expect.stringMatching(/^responses are redacted where/),
    },
  ]);
  expect(await child.line('listening')).toMatchObject({ host: '127.0.0.1', authenticated: true });
  expect(child.stdout()).not.toContain('hidden');
  expect(child.stderr()).toBe('');
});

test('a port in use ends serve with one line that names it', async () => {
  const other = http.createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  stops.push(() => new Promise((resolve) => other.close(() => resolve())));
  const { port } = other.address() as { port: number };
  const child = startChild({ env: { PORT: String(port) } });
  stops.push(child.stop);
  expect(await child.exit).toEqual({ code: 1, signal: null });
  expect(child.stderr()).toMatch(/^guardrail-bridge: cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\).*\n$/);
  expect(child.stderr()).toContain(String(port));
});

test('a call in flight at SIGTERM gets its reply, while readiness already fails', async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const akto = await backend(() => released);
  const child = await serving({ ...aktoAt(akto.url), SHUTDOWN_DELAY: '1', SHUTDOWN_TIMEOUT: '10' });
  const agent = new http.Agent({ keepAlive: true });
  const reply = post(child.url, agent);
  while (akto.seen.length === 0) await wait(5);
  child.send('SIGTERM');
  expect(await child.line('draining')).toMatchObject({ signal: 'SIGTERM' });
  expect(await readiness(child.url)).toBe(503);
  release();
  expect(await reply).toMatchObject({ status: 200, connection: 'close', body: '{"action":"NONE"}' });
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(child.lines().at(-1)).toMatchObject({ msg: 'stopped' });
  expect(child.stdout()).not.toContain('cut off');
  agent.destroy();
});

test('the process ends after the last reply, without waiting for kept connections', async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const akto = await backend(() => released);
  const child = await serving({ ...aktoAt(akto.url), SHUTDOWN_TIMEOUT: '5' });
  const agent = new http.Agent({ keepAlive: true });
  const reply = post(child.url, agent);
  while (akto.seen.length === 0) await wait(5);
  child.send('SIGTERM');
  await child.line('draining');
  // Longer than SHUTDOWN_DELAY: the port no longer listens when the reply goes out
  await wait(100);
  release();
  expect(await reply).toMatchObject({ status: 200, body: '{"action":"NONE"}' });
  const repliedAt = performance.now();
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(performance.now() - repliedAt).toBeLessThan(4000);
  expect(child.stdout()).not.toContain('cut off');
  agent.destroy();
});

test('under load, a SIGTERM fails no call of clients that heed the readiness', async () => {
  const akto = await backend(async () => void (await wait(20)));
  const child = await serving({ ...aktoAt(akto.url), SHUTDOWN_DELAY: '0.5', SHUTDOWN_TIMEOUT: '10' });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  let ready = true;
  let draining = false;
  const closing: string[] = [];
  let replies = 0;
  const client = async () => {
    while (ready) {
      const sentWhileDraining = draining;
      const reply = await post(child.url, agent);
      expect(reply).toMatchObject({ status: 200, body: '{"action":"NONE"}' });
      replies++;
      if (sentWhileDraining) closing.push(reply.connection);
    }
  };
  const clients = Array.from({ length: 16 }, client);
  while (replies < 200) await wait(5);
  child.send('SIGTERM');
  await child.line('draining');
  draining = true;
  expect(await readiness(child.url)).toBe(503);
  await wait(150);
  ready = false;
  await Promise.all(clients);
  expect(new Set(closing)).toEqual(new Set(['close']));
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(child.stdout()).not.toContain('cut off');
  agent.destroy();
});

test.each([
  {
    name: 'SHUTDOWN_TIMEOUT cuts off a call that hangs',
    env: { SHUTDOWN_TIMEOUT: '0.3' },
    signals: ['SIGTERM'],
  },
  {
    name: 'a second signal does not wait for SHUTDOWN_TIMEOUT',
    env: { SHUTDOWN_TIMEOUT: '60', SHUTDOWN_DELAY: '60' },
    signals: ['SIGTERM', 'SIGTERM'],
  },
  {
    name: 'SIGINT after SIGTERM does not wait either',
    env: { SHUTDOWN_TIMEOUT: '60' },
    signals: ['SIGTERM', 'SIGINT'],
  },
] as const)('$name', async ({ env, signals }) => {
  const akto = await backend(() => new Promise(() => {}));
  const child = await serving({ ...aktoAt(akto.url), AKTO_GUARDRAIL_TIMEOUT: '60', ...env });
  const agent = new http.Agent({ keepAlive: true });
  const reply = post(child.url, agent).catch((error: NodeJS.ErrnoException) => error.code);
  while (akto.seen.length === 0) await wait(5);
  for (const signal of signals) {
    child.send(signal);
    await child.line('draining');
  }
  expect(await reply).toBe('ECONNRESET');
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(child.stdout()).toContain('cut off');
  agent.destroy();
});

test('SIGINT, from a person at the keyboard, skips SHUTDOWN_DELAY', async () => {
  const child = await serving({ SHUTDOWN_DELAY: '60' });
  child.send('SIGINT');
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(child.lines().map(({ msg }) => msg)).toContain('stopped');
});

test('an idle kept connection does not delay the end', async () => {
  const child = await serving({ SHUTDOWN_TIMEOUT: '60' });
  const agent = new http.Agent({ keepAlive: true });
  expect(await post(child.url, agent)).toMatchObject({ status: 200 });
  child.send('SIGTERM');
  expect(await child.exit).toEqual({ code: 0, signal: null });
  agent.destroy();
});
