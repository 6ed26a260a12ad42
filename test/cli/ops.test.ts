import http from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { runChild, startChild, startServing } from '../support/child.ts';
import { form, send } from '../support/ops.ts';
import { ask, judged } from '../support/workers.ts';

const POLICY = { BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'tulip' };
const GUARD = { timeout: 20_000, interval: 20 };

/** A bridge with two ports, alone or with workers. */
async function startApart(env: Readonly<Record<string, string>> = {}) {
  const child = await startServing({ ...POLICY, OPS_PORT: '0', ...env });
  onTestFinished(child.stop);
  const opsPort = Number((await child.line('listening')).ops_port);
  return { ...child, opsPort, ops: `http://127.0.0.1:${opsPort}` };
}

const ALONE_AND_NOT = [
  { name: 'one process', env: {} },
  { name: 'two workers', env: { WORKERS: '2' } },
];

test.each(ALONE_AND_NOT)(
  'with OPS_PORT metrics and readiness of $name stand there alone, and guardrail calls at PORT',
  async ({ env }) => {
    const { url, ops, line } = await startApart(env);
    expect(await judged(url, { texts: ['a tulip'] })).toBe('BLOCKED');
    for (const path of ['/ui', '/ui/events', '/metrics', '/readyz']) {
      const { status, body } = await ask(url, path);
      expect([path, status]).toEqual([path, 404]);
      expect(body).toContain('stand at OPS_PORT');
    }
    for (const path of ['/ui', '/ui/records', '/healthz', '/metrics', '/readyz'])
      expect([path, (await ask(ops, path)).status]).toEqual([path, 200]);
    expect(JSON.parse((await ask(ops, '/readyz')).body)).toMatchObject({
      status: 'ready',
      unhappy: [],
      backends: {},
    });
    expect((await ask(url, '/healthz')).status).toBe(200);
    expect((await line('listening')).page).toBe(`${ops}/ui`);
    await expect
      .poll(async () => (await ask(ops, '/metrics')).body, GUARD)
      .toContain('guardrail_bridge_decisions_total{input_type="request",action="BLOCKED"} 1\n');
    for (const path of ['/beta/litellm_basic_guardrail_api', '/v1/litellm/logs', '/v1/canaries/x', '/nope'])
      expect([path, (await ask(ops, path, {})).status]).toEqual([path, 404]);
  },
);

test.each(ALONE_AND_NOT)(
  'keys of OPS_API_KEYS open the page, metrics and readiness of $name, and none of guardrail calls does',
  async ({ env }) => {
    const keys = { OPS_API_KEYS: 'ops-key,old-key', BRIDGE_API_KEYS: 'call-key', OPS_HOST: '127.0.0.1' };
    const { opsPort, lines } = await startApart({ ...env, ...keys, HOST: '127.0.0.1' });
    const statusOf = async (path: string, headers: Record<string, string> = {}) =>
      (await send(opsPort, path, { headers })).status;
    for (const path of ['/ui', '/metrics', '/readyz']) {
      expect(await statusOf(path)).toBe(401);
      expect(await statusOf(path, { 'x-api-key': 'ops-key' })).toBe(200);
      expect(await statusOf(path, { authorization: 'Bearer old-key' })).toBe(200);
    }
    expect(await statusOf('/readyz', { 'x-api-key': 'call-key' })).toBe(401);
    expect(await statusOf('/healthz')).toBe(200);
    const { body } = await send(opsPort, '/metrics', { headers: { 'x-api-key': 'ops-key' } });
    expect(body).toContain('guardrail_bridge_ops_refused_total{reason="wrong_key"} 1\n');
    expect(body).toContain('guardrail_bridge_ops_refused_total{reason="no_key"} 3\n');
    const told = lines().filter(({ msg }) => msg === 'a wrong key was refused');
    expect(told).toMatchObject([{ at: 'readyz', setting: 'OPS_API_KEYS' }]);
    expect(JSON.stringify(lines())).not.toMatch(/(?:call|ops|old)-key/);
  },
);

test.each(ALONE_AND_NOT)(
  'a port in use ends the start of $name with a line that names OPS_PORT',
  async ({ env }) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    const { code, stderr, stdout } = await runChild({ env: { PORT: '0', OPS_PORT: String(port), ...env } });
    expect(code).toBe(1);
    expect(stderr).toBe(
      `guardrail-bridge: cannot listen on 127.0.0.1:${port} (EADDRINUSE): something listens there already, perhaps another bridge; set OPS_HOST or OPS_PORT\n`,
    );
    expect(stdout).not.toContain('listening');
  },
);

test('a port of guardrail calls in use ends the start, and frees that of OPS_PORT', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  const { port } = other.address() as { port: number };
  const { code, stderr } = await runChild({ env: { PORT: String(port), OPS_PORT: '0', WORKERS: '2' } });
  expect(code).toBe(1);
  expect(stderr).toContain(`cannot listen on 127.0.0.1:${port} (EADDRINUSE)`);
  expect(stderr).toContain('set HOST or PORT\n');
});

test.each(ALONE_AND_NOT)('the readiness of $name says that it drains until its end', async ({ env }) => {
  const child = await startApart({ ...env, SHUTDOWN_DELAY: '1' });
  const seen = new Set<string>();
  child.send('SIGTERM');
  let isOver = false;
  const over = child.exit.then(() => {
    isOver = true;
  });
  await child.line('draining');
  while (!isOver) {
    const reply = await ask(child.ops, '/readyz').catch(() => undefined);
    if (reply !== undefined) seen.add(`${reply.status} ${JSON.parse(reply.body).status}`);
    await wait(5);
  }
  await over;
  expect([...seen]).toEqual(['503 draining']);
  expect(await child.exit).toEqual({ code: 0, signal: null });
});

test('a process that starts its workers is not ready yet', async () => {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
  const { port } = free.address() as { port: number };
  await new Promise((resolve) => free.close(resolve));
  const child = startChild({ env: { ...POLICY, WORKERS: '2', PORT: '0', OPS_PORT: String(port) } });
  onTestFinished(child.stop);
  const statuses = new Set<string>();
  while (!statuses.has('200 ready')) {
    const reply = await ask(`http://127.0.0.1:${port}`, '/readyz').catch(() => undefined);
    if (reply !== undefined) statuses.add(`${reply.status} ${JSON.parse(reply.body).status}`);
    await wait(5);
  }
  expect([...statuses]).toEqual(['503 starting', '200 ready']);
});

const STREAMS = [
  { name: 'one process at OPS_PORT', env: { OPS_PORT: '0' } },
  { name: 'two workers at OPS_PORT', env: { OPS_PORT: '0', WORKERS: '2' } },
  { name: 'two workers beside guardrail calls', env: { WORKERS: '2' } },
];

test.each(STREAMS)(
  'a page that is open sees decisions of $name, and does not hold up its end',
  async ({ env }) => {
    const child = await startServing({ ...POLICY, ...env });
    onTestFinished(child.stop);
    const { page } = await child.line('listening');
    let told = '';
    const ended = new Promise<void>((resolve, reject) => {
      const request = http.get(`${page}/events?after=0`, { agent: false }, (response) => {
        response.setEncoding('utf8').on('data', (piece: string) => {
          told += piece;
        });
        response.once('close', resolve);
      });
      request.once('error', reject);
    });
    await expect.poll(() => told, GUARD).toContain('event: picture');
    expect(await judged(child.url, { texts: ['a tulip'], litellm_call_id: 'call-of-the-page' })).toBe(
      'BLOCKED',
    );
    await expect.poll(() => told, GUARD).toContain('call-of-the-page');
    expect(told).not.toContain('a tulip');
    child.send('SIGTERM');
    await ended;
    expect(await child.exit).toEqual({ code: 0, signal: null });
  },
);

test.each(ALONE_AND_NOT)(
  'five hundred who hang at OPS_PORT of $name take nothing from guardrail calls, nor from who has a key',
  async ({ env }) => {
    const { url, opsPort } = await startApart({ ...env, OPS_API_KEYS: 'ops-key', OPS_HOST: '127.0.0.1' });
    const open: Socket[] = [];
    onTestFinished(() => {
      for (const socket of open) socket.destroy();
    });
    const hang = (i: number) => {
      const socket = connect(opsPort, '127.0.0.1').on('error', () => {});
      if (i % 3 === 1) socket.write('GET /ui HTTP/1.1\r\nhost: local');
      if (i % 3 === 2)
        socket.write('POST /ui/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nkey=');
      open.push(socket);
    };
    for (let i = 0; i < 500; i++) hang(i);
    // All with a form under way
    for (let i = 0; i < 300; i++) hang(2);
    for (let i = 0; i < 100; i++) {
      expect(await judged(url, { texts: [i % 2 === 0 ? 'a tulip' : 'a rose'] })).toBe(
        i % 2 === 0 ? 'BLOCKED' : 'NONE',
      );
    }
    const headers = { 'x-api-key': 'ops-key' };
    for (const path of ['/readyz', '/metrics', '/ui'])
      expect([path, (await send(opsPort, path, { headers })).status]).toEqual([path, 200]);
    expect((await send(opsPort, '/ui/login', form({ key: 'ops-key' }))).status).toBe(303);
  },
);

test('nothing of the page is loaded before somebody looks', async () => {
  const told = `import { registerHooks } from 'node:module';
    registerHooks({ load(url, context, next) { if (url.includes('/src/ui/views/')) console.error(url); return next(url, context); } });`;
  const child = await startServing(
    { ...POLICY },
    { nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(told)}`] },
  );
  onTestFinished(child.stop);
  expect((await ask(child.url, '/readyz')).status).toBe(200);
  expect(child.stderr()).toBe('');
  expect((await ask(child.url, '/ui')).status).toBe(200);
  expect(child.stderr()).toContain('/src/ui/views/');
});
