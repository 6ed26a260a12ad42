import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startChild, startServing } from '../support/child.ts';
import { childrenOf, commandOf, isRunning } from '../support/processes.ts';
import { ask, judged, load, startWorkers } from '../support/workers.ts';

const POLICY = { BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'tulip', LOG_LEVEL: 'debug' };
const GUARD = { timeout: 20_000, interval: 20 };

test('connections go to each worker in turn, log lines tell which, and any of them shows the counts and health of all', async () => {
  const child = await startWorkers(POLICY);
  expect(child.workers()).toHaveLength(2);
  for (let i = 0; i < 6; i++) expect(await judged(child.url, { texts: ['a tulip'] })).toBe('BLOCKED');
  await expect.poll(() => child.lines().filter(({ msg }) => msg === 'blocked').length, GUARD).toBe(6);
  const workers = child.lines().flatMap(({ msg, worker }) => (msg === 'blocked' ? [worker] : []));
  expect(workers.filter((worker) => worker === 1)).toHaveLength(3);
  expect(workers.filter((worker) => worker === 2)).toHaveLength(3);
  // One page each
  for (let i = 0; i < 2; i++) {
    expect(await child.metric('decisions_total', { input_type: 'request', action: 'BLOCKED' })).toBe(6);
    expect(await child.metric('decision_seconds_count', { input_type: 'request' })).toBe(6);
    expect(await child.metric('workers')).toBe(2);
    // Of the busiest process, and no sum
    const utilization = await child.metric('event_loop_utilization');
    expect(utilization).toBeGreaterThan(0);
    expect(utilization).toBeLessThanOrEqual(1);
    expect(await child.metric('worker_restarts_total')).toBe(0);
    const { status, body } = await child.readiness();
    expect({ status, ...body }).toMatchObject({ status: 'ready', workers: { up: 2, wanted: 2 } });
  }
  expect(child.lines().filter(({ msg }) => msg === 'listening')).toMatchObject([{ workers: 2 }]);
  expect(child.stderr()).toBe('');
});

test('no worker is missing while all are being started', async () => {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
  const { port } = free.address() as { port: number };
  await new Promise((resolve) => free.close(resolve));
  const child = startChild({ env: { ...POLICY, WORKERS: '3', PORT: String(port) } });
  onTestFinished(child.stop);
  const statuses = new Set<string>();
  const isListening = () => child.stdout().includes('"msg":"listening"');
  for (let after = 0; after < 5; after += isListening() ? 1 : 0) {
    await wait(5);
    const answer = await ask(`http://127.0.0.1:${port}`, '/readyz').catch(() => undefined);
    if (answer !== undefined) statuses.add(String(JSON.parse(answer.body).status));
  }
  expect([...statuses]).toEqual(['ready']);
});

test('a killed worker is replaced at once, logged and counted, and its counts stay', async () => {
  const child = await startWorkers(POLICY);
  const before = child.workers();
  const calls = load(child.url, 8);
  await expect.poll(() => calls.actions.length, GUARD).toBeGreaterThan(200);
  // Both have told their counts
  await wait(600);
  process.kill(before[0] as number, 'SIGKILL');
  await child.line('a worker ended');
  expect(child.lines().find(({ msg }) => msg === 'a worker ended')).toMatchObject({
    ...{ level: 'error', pid: before[0], signal: 'SIGKILL' },
  });
  await expect
    .poll(async () => (await child.readiness()).body, GUARD)
    .toMatchObject({ status: 'ready', workers: { up: 2, wanted: 2 } });
  const atOnce = calls.actions.length;
  await expect.poll(() => calls.actions.length, GUARD).toBeGreaterThan(atOnce + 200);
  await calls.stop();
  // Those that were on its connections
  expect(calls.failed.length).toBeLessThanOrEqual(8);
  expect(new Set(calls.actions)).toEqual(new Set(['NONE']));
  expect(await child.metric('worker_restarts_total')).toBe(1);
  const counted = await child.metric('decisions_total', { input_type: 'request', action: 'NONE' });
  // Of the last quarter of a second its own are lost
  expect(counted).toBeGreaterThan(calls.actions.length * 0.5);
  expect(counted).toBeLessThanOrEqual(calls.actions.length + calls.failed.length);
  const now = child.workers();
  expect(now).toHaveLength(2);
  expect(now).toContain(before[1]);
  expect(now).not.toContain(before[0]);
});

test('while a worker that ended twice is missing the other takes all calls, and readiness names it without failing', async () => {
  const child = await startWorkers(POLICY);
  const [other] = child.workers();
  for (let deaths = 1; deaths <= 2; deaths++) {
    await expect.poll(async () => (await child.readiness()).body.workers, GUARD).toMatchObject({ up: 2 });
    for (const pid of child.workers()) if (pid !== other) process.kill(pid, 'SIGKILL');
    await expect
      .poll(() => child.lines().filter(({ msg }) => msg === 'a worker ended').length, GUARD)
      .toBe(deaths);
  }
  // It is not replaced at once again
  await expect.poll(async () => (await child.readiness()).body.unhappy, GUARD).toEqual(['workers']);
  expect(await child.readiness()).toMatchObject({
    status: 200,
    body: { findings: [{ code: 'bridge_degraded', subject: 'workers' }] },
  });
  expect([await child.metric('workers'), await child.metric('workers_wanted')]).toEqual([1, 2]);
  expect(await judged(child.url, { texts: ['a tulip'] })).toBe('BLOCKED');
  await expect.poll(async () => (await child.readiness()).body.unhappy, GUARD).toEqual([]);
  expect(await child.metric('worker_restarts_total')).toBe(2);
});

test('workers end when their primary is killed', async () => {
  const child = await startWorkers(POLICY);
  const workers = child.workers();
  child.send('SIGKILL');
  await child.exit;
  await expect.poll(() => workers.filter(isRunning), GUARD).toEqual([]);
});

test('a port in use is told once, in the words of a single process', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  const { port } = other.address() as { port: number };
  const child = startChild({ env: { WORKERS: '3', PORT: String(port) } });
  onTestFinished(child.stop);
  expect(await child.exit).toEqual({ code: 1, signal: null });
  expect(child.stderr()).toBe(
    `guardrail-bridge: cannot listen on 127.0.0.1:${port} (EADDRINUSE): something listens there already, perhaps another bridge; set HOST or PORT\n`,
  );
  expect(child.stdout()).not.toContain('listening');
});

test('settings that cannot be used are told once, before any worker starts', async () => {
  const child = startChild({ env: { WORKERS: '2', POLICY_FILE: '/nowhere.yaml' } });
  onTestFinished(child.stop);
  expect(await child.exit).toEqual({ code: 1, signal: null });
  expect(child.stderr().match(/POLICY_FILE: cannot be read/g)).toHaveLength(1);
  expect(childrenOf(child.pid)).toEqual([]);
});

test('flags of Node.js reach workers', async () => {
  const child = await startWorkers(POLICY, {
    nodeArgs: ['--max-semi-space-size=8', '--max-old-space-size=300'],
  });
  for (const pid of child.workers()) expect(commandOf(pid)).toContain('--max-old-space-size=300');
});

test('a worker is not to be started by hand', async () => {
  const child = startChild({ args: ['worker'] });
  expect(await child.exit).toEqual({ code: 1, signal: null });
  expect(child.stderr()).toBe('guardrail-bridge: a worker is started by serve; set WORKERS=2\n');
});

test('a single process loads nothing of workers', async () => {
  // Node.js itself loads its module `cluster` to listen
  const told = `import { registerHooks } from 'node:module';
    registerHooks({ load(url, context, next) { if (url.includes('/src/workers/')) console.error(url); return next(url, context); } });`;
  const child = await startServing(
    {},
    { nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(told)}`] },
  );
  onTestFinished(child.stop);
  child.send('SIGUSR2');
  expect(await child.line('SIGUSR2 restarts workers, and there are none: set WORKERS')).toMatchObject({
    level: 'warn',
  });
  expect(childrenOf(child.pid)).toEqual([]);
  child.send('SIGTERM');
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(child.stderr().trim()).toBe('');
});
