import { mkdtempSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { aktoAllows } from '../support/akto.ts';
import { aktoAt } from '../support/bridge.ts';
import { fakeBackend } from '../support/closing.ts';
import { ask, GUARDRAIL, judged, load, startWorkers, type WorkersChild } from '../support/workers.ts';

const GUARD = { timeout: 20_000, interval: 20 };
const DONE = 'all workers were restarted';
const POLICY = { BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'tulip' };
const bans = (word: string) =>
  JSON.stringify({
    policies: { chain: ['banned-keywords'] },
    policy: { 'banned-keywords': { keywords: [word] } },
  });
const judgedByAll = (child: WorkersChild, text: string) =>
  Promise.all([1, 2, 3, 4].map(() => judged(child.url, { texts: [text] })));
const BLOCKED = Array(4).fill('BLOCKED');
const count = (child: WorkersChild, msg: string) => child.lines().filter((line) => line.msg === msg).length;

test('SIGUSR2 replaces all workers under load without a failed call, over kept and over new connections', async () => {
  const child = await startWorkers({ ...POLICY, SHUTDOWN_DELAY: '0.5' });
  const before = child.workers();
  const kept = load(child.url, 8);
  const fresh = load(child.url, 2, () => ({ texts: ['a rose'] }), false);
  await expect.poll(() => kept.actions.length, GUARD).toBeGreaterThan(100);
  for (let restarts = 1; restarts <= 2; restarts++) {
    child.send('SIGUSR2');
    await expect.poll(() => count(child, DONE), GUARD).toBe(restarts);
  }
  await Promise.all([kept.stop(), fresh.stop()]);
  expect([kept.failed, fresh.failed]).toEqual([[], []]);
  expect(new Set([...kept.actions, ...fresh.actions])).toEqual(new Set(['NONE']));
  expect(child.workers().filter((pid) => before.includes(pid))).toEqual([]);
  expect(child.workers()).toHaveLength(2);
  expect(await child.metric('worker_restarts_total')).toBe(0);
  // None was lost with the processes that counted them
  expect(await child.metric('decisions_total', { input_type: 'request', action: 'NONE' })).toBe(
    kept.actions.length + fresh.actions.length,
  );
  expect(count(child, 'worker restarted')).toBe(4);
});

test('a call in flight gets its reply from the worker that leaves, on a connection that closes, while readiness stays', async () => {
  const held = Promise.withResolvers<void>();
  const akto = await fakeBackend(async (request, response) => {
    if (request.text.includes('slow')) await held.promise;
    return aktoAllows(request, response);
  });
  const child = await startWorkers({ ...aktoAt(akto.url), GUARDRAIL_TIMEOUT: '30', SHUTDOWN_TIMEOUT: '30' });
  const agent = new http.Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const slow = [1, 2].map((n) =>
    ask(child.url, GUARDRAIL, { input_type: 'request', texts: [`slow ${n}`] }, agent),
  );
  await expect.poll(() => akto.seen.length, GUARD).toBe(2);
  child.send('SIGUSR2');
  await child.line('workers are restarted one by one');
  await wait(1500);
  expect((await child.readiness()).status).toBe(200);
  expect(await judged(child.url, { texts: ['a rose'] })).toBe('NONE');
  held.resolve();
  for (const { body, connection } of await Promise.all(slow))
    expect({ body, connection }).toEqual({ body: '{"action":"NONE"}', connection: expect.any(String) });
  await expect.poll(() => count(child, DONE), GUARD).toBe(1);
  expect(child.stdout()).not.toContain('cut off');
});

test('a second SIGUSR2 meanwhile is done after the first, and .env is read anew each time', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'workers-'));
  const env = (word: string, more = '') =>
    writeFileSync(join(folder, '.env'), `BUILTIN_POLICY=on\nBANNED_KEYWORDS=${word}\n${more}`);
  env('tulip');
  const child = await startWorkers({}, { cwd: folder });
  expect([
    await judged(child.url, { texts: ['tulip'] }),
    await judged(child.url, { texts: ['crocus'] }),
  ]).toEqual(['BLOCKED', 'NONE']);
  env('crocus', 'OUTBOX_MAX_MB=77\nMAX_JSON_DEPTH=70\n');
  child.send('SIGUSR2');
  await child.line('workers are restarted one by one');
  child.send('SIGUSR2');
  await child.line('workers are being restarted; they will be once more after that');
  await expect.poll(() => count(child, DONE), GUARD).toBe(2);
  for (let i = 0; i < 2; i++) {
    expect(await judged(child.url, { texts: ['crocus'] })).toBe('BLOCKED');
    expect(await judged(child.url, { texts: ['tulip'] })).toBe('NONE');
  }
  expect(await child.line('these settings change when the whole process is started again')).toMatchObject({
    settings: ['MAX_JSON_DEPTH', 'OUTBOX_MAX_MB'],
  });

  env('crocus', 'GUARDRAIL_TIMEOUT=soon\n');
  const before = child.workers();
  child.send('SIGUSR2');
  expect(await child.line('the configuration cannot be used; no worker is restarted')).toMatchObject({
    problems: [expect.stringMatching(/^GUARDRAIL_TIMEOUT: .*"soon"/)],
  });
  // A worker that ends now begins with the settings of the others
  process.kill(before[0] as number, 'SIGKILL');
  await expect.poll(() => child.workers().filter((pid) => !before.includes(pid)).length, GUARD).toBe(1);
  await expect.poll(async () => (await child.readiness()).body.workers, GUARD).toMatchObject({ up: 2 });
  for (let i = 0; i < 2; i++) expect(await judged(child.url, { texts: ['crocus'] })).toBe('BLOCKED');
});

test('workers that are to be replaced judge by an edited policy file at once, and go on so where no new one can be used', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'workers-')), 'policy.yaml');
  writeFileSync(file, bans('tulip'));
  const child = await startWorkers({ POLICY_FILE: file });
  const before = child.workers();
  writeFileSync(file, bans('crocus'));
  child.send('SIGUSR2');
  await child.line('workers are restarted one by one');
  expect(await judgedByAll(child, 'crocus')).toEqual(BLOCKED);
  const others = () => child.workers().filter((pid) => !before.includes(pid));
  await expect.poll(others, GUARD).toHaveLength(1);
  process.kill(others()[0] as number, 'SIGKILL');
  await child.line('a new worker cannot be used; the old ones stay');
  await expect.poll(() => child.workers(), GUARD).toEqual(before);
  expect(await judgedByAll(child, 'crocus')).toEqual(BLOCKED);
  writeFileSync(file, bans('lily'));
  child.send('SIGHUP');
  await expect.poll(() => judgedByAll(child, 'lily'), GUARD).toEqual(BLOCKED);
  expect(child.workers()).toEqual(before);
});

test('SIGUSR2 while all end restarts nobody', async () => {
  const child = await startWorkers({ ...POLICY, SHUTDOWN_DELAY: '1' });
  child.send('SIGTERM');
  await child.line('draining');
  child.send('SIGUSR2');
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(child.stdout()).not.toContain('restarted');
});

test('SIGTERM ends all workers after their calls, with readiness failing first', async () => {
  const held = Promise.withResolvers<void>();
  const akto = await fakeBackend(async (request, response) => {
    if (request.text.includes('slow')) await held.promise;
    return aktoAllows(request, response);
  });
  const child = await startWorkers({
    ...{ ...aktoAt(akto.url), GUARDRAIL_TIMEOUT: '30' },
    ...{ SHUTDOWN_DELAY: '1', SHUTDOWN_TIMEOUT: '30' },
  });
  const workers = child.workers();
  const agent = new http.Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const slow = [1, 2].map((n) =>
    ask(child.url, GUARDRAIL, { input_type: 'request', texts: [`slow ${n}`] }, agent),
  );
  await expect.poll(() => akto.seen.length, GUARD).toBe(2);
  child.send('SIGTERM');
  expect(await child.line('draining')).toMatchObject({ signal: 'SIGTERM' });
  await expect.poll(async () => (await child.readiness()).status, GUARD).toBe(503);
  // New calls are still taken, by all
  expect([await judged(child.url, { texts: ['a'] }), await judged(child.url, { texts: ['b'] })]).toEqual([
    'NONE',
    'NONE',
  ]);
  await wait(1200);
  held.resolve();
  for (const { body } of await Promise.all(slow)) expect(body).toBe('{"action":"NONE"}');
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(count(child, 'draining')).toBe(1);
  expect(child.lines().at(-1)).toMatchObject({ msg: 'stopped' });
  expect(child.stdout()).not.toContain('cut off');
  expect(child.workers()).toEqual([]);
  expect(workers).toHaveLength(2);
});

test.each([
  ['at the end of SHUTDOWN_TIMEOUT', { SHUTDOWN_TIMEOUT: '0.3' }, 1],
  ['at a second signal', { SHUTDOWN_TIMEOUT: '60' }, 2],
])('%s calls without a reply are cut off', async (_, env, signals) => {
  const akto = await fakeBackend(() => {});
  const child = await startWorkers({ ...aktoAt(akto.url), AKTO_GUARDRAIL_TIMEOUT: '60', ...env });
  const slow = ask(child.url, GUARDRAIL, { input_type: 'request', texts: ['slow'] }).catch(
    ({ code }) => code,
  );
  await expect.poll(() => akto.seen.length, GUARD).toBe(1);
  child.send('SIGTERM');
  await child.line('draining');
  if (signals === 2) child.send('SIGTERM');
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(await slow).toBe('ECONNRESET');
  expect(child.lines().filter(({ msg }) => msg.includes('cut off'))).toMatchObject([
    { level: 'warn', calls: 1 },
  ]);
});
