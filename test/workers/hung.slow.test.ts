import { mkdtempSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { aktoAllows } from '../support/akto.ts';
import { aktoAt } from '../support/bridge.ts';
import { fakeBackend } from '../support/closing.ts';
import { metric } from '../support/listen.ts';
import { ask, judged, startWorkers } from '../support/workers.ts';

const GUARD = { timeout: 60_000, interval: 20 };
const bans = (word: string) =>
  JSON.stringify({
    policies: { chain: ['banned-keywords'] },
    policy: { 'banned-keywords': { keywords: [word] } },
  });

/** Stops a process as an endless loop would. */
function hang(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  onTestFinished(() => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {}
  });
}

test('a worker that hangs while policies are read is killed, and nobody judges by the old ones', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'workers-')), 'policy.yaml');
  writeFileSync(file, bans('tulip'));
  const child = await startWorkers({ POLICY_FILE: file });
  const [hung] = child.workers() as [number];
  hang(hung);
  writeFileSync(file, bans('crocus'));
  child.send('SIGHUP');
  expect(await child.line('policies read again')).toBeDefined();
  expect(await child.line('a worker ended')).toMatchObject({ pid: hung, signal: 'SIGKILL' });
  await expect.poll(async () => (await child.readiness()).body.workers, GUARD).toMatchObject({ up: 2 });
  for (let i = 0; i < 4; i++) expect(await judged(child.url, { texts: ['crocus'] })).toBe('BLOCKED');
}, 60_000);

test('SIGUSR2 while policies are read waits for that, and all judge by the file as it is then', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'workers-')), 'policy.yaml');
  writeFileSync(file, bans('tulip'));
  const child = await startWorkers({ POLICY_FILE: file });
  const [hung] = child.workers() as [number];
  hang(hung);
  writeFileSync(file, bans('crocus'));
  child.send('SIGHUP');
  await wait(1000);
  writeFileSync(file, bans('lily'));
  child.send('SIGUSR2');
  await wait(1000);
  process.kill(hung, 'SIGCONT');
  await child.line('workers are restarted one by one');
  for (let i = 0; i < 4; i++) expect(await judged(child.url, { texts: ['lily'] })).toBe('BLOCKED');
  await child.line('all workers were restarted');
  for (let i = 0; i < 4; i++) expect(await judged(child.url, { texts: ['lily'] })).toBe('BLOCKED');
}, 60_000);

test('while another worker hangs, blocked calls wait for their records alone', async () => {
  const akto = await fakeBackend(aktoAllows);
  const child = await startWorkers({
    ...{ ...aktoAt(akto.url), BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'tulip' },
    DATA_DIR: mkdtempSync(join(tmpdir(), 'workers-')),
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const call = { texts: ['a tulip'] };
  await judged(child.url, call, agent);
  const line = child.lines().findLast(({ msg }) => msg === 'blocked');
  hang(child.workers()[2 - Number(line?.worker)] as number);
  for (let i = 0; i < 10; i++) {
    expect(await judged(child.url, call, agent)).toBe('BLOCKED');
  }
  const slow = { reason: 'slow' };
  const { body } = await ask(child.url, '/metrics', undefined, agent);
  expect(metric(body, 'telemetry_unstored_blocks_total', slow)).toBeLessThan(5);
}, 60_000);

test('metrics are refused while the primary hangs, and what was counted meanwhile is kept', async () => {
  const child = await startWorkers({ BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'tulip' });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  await judged(child.url, { texts: ['a tulip'] }, agent);
  hang(child.pid);
  await judged(child.url, { texts: ['a tulip'] }, agent);
  expect(await ask(child.url, '/metrics', undefined, agent)).toMatchObject({ status: 503 });
  process.kill(child.pid, 'SIGCONT');
  const blocked = { input_type: 'request', action: 'BLOCKED' };
  await expect.poll(() => child.metric('decisions_total', blocked), GUARD).toBe(2);
}, 60_000);

test('a worker that says nothing for half a minute is killed and replaced, and the other takes all calls meanwhile', async () => {
  const child = await startWorkers({ BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'tulip' }, { limitMs: 120_000 });
  const [hung] = child.workers() as [number];
  hang(hung);
  const told = child.line('a worker does not respond and is killed');
  // One connection may wait for it
  const first = judged(child.url, { texts: ['a tulip'] }).catch(() => 'lost');
  for (let i = 0; i < 4; i++) {
    const action = await Promise.race([judged(child.url, { texts: ['a tulip'] }), first]);
    expect(action).toBe('BLOCKED');
  }
  expect(await told).toMatchObject({ level: 'error', pid: hung });
  await expect.poll(async () => (await child.readiness()).body.workers, GUARD).toMatchObject({ up: 2 });
  expect(await child.metric('worker_restarts_total')).toBe(1);
}, 120_000);
