import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { type Deadline, STOPPED, startDeadline } from '../../src/guardrail/deadline.ts';

const stopOf = (deadline: Deadline) =>
  new Promise<number>((resolve) => deadline.onStop(() => resolve(performance.now())));

test('a deadline stops its check when its time is up, not before', async () => {
  const startedAt = performance.now();
  const deadline = startDeadline(40);
  expect([deadline.isStopped, deadline.isOver()]).toEqual([false, false]);
  expect((await stopOf(deadline)) - startedAt).toBeGreaterThanOrEqual(40);
  expect([deadline.isStopped, deadline.isOver()]).toEqual([true, true]);
});

test('deadlines of one length and of several end at their own times, though others are ended early', async () => {
  const ended: string[] = [];
  const watched = (name: string, timeoutMs: number) => {
    const deadline = startDeadline(timeoutMs);
    deadline.onStop(() => ended.push(name));
    return deadline;
  };
  const first = watched('first', 60);
  watched('short', 20);
  const middle = watched('middle', 60);
  await wait(20);
  watched('later', 60);
  const last = watched('last', 60);
  first.clear();
  middle.clear();
  last.clear();
  const end = watched('end', 60);
  await stopOf(end);
  expect(ended).toEqual(['short', 'later', 'end']);
});

test('a deadline that is started when another ends gets its whole time', async () => {
  const startedAt = performance.now();
  const again = Promise.withResolvers<number>();
  startDeadline(30).onStop(() => {
    startDeadline(30).onStop(() => again.resolve(performance.now()));
  });
  expect((await again.promise) - startedAt).toBeGreaterThanOrEqual(60);
});

test('a parent that aborts stops the check, which counts as no timeout', async () => {
  const parent = new AbortController();
  const deadline = startDeadline(15_000, parent.signal);
  const stopped = stopOf(deadline);
  parent.abort();
  await stopped;
  expect([deadline.isStopped, deadline.isOver(), deadline.signal.reason]).toEqual([true, false, STOPPED]);
});

test('a parent that has aborted already stops the check at once', () => {
  const deadline = startDeadline(15_000, AbortSignal.abort());
  let stops = 0;
  deadline.onStop(() => stops++);
  expect([stops, deadline.isStopped, deadline.isOver(), deadline.signal.aborted]).toEqual([
    1,
    true,
    false,
    true,
  ]);
});

test('the signal aborts when the check stops, whenever it was made', async () => {
  const deadline = startDeadline(20);
  const { signal } = deadline;
  expect(signal.aborted).toBe(false);
  await stopOf(deadline);
  expect([signal.aborted, signal.reason, deadline.signal]).toEqual([true, STOPPED, signal]);
});

test('a deadline stops nothing after its check has ended', async () => {
  const parent = new AbortController();
  const deadline = startDeadline(20, parent.signal);
  let stops = 0;
  deadline.onStop(() => stops++);
  const { signal } = deadline;
  deadline.clear();
  deadline.clear();
  parent.abort();
  await wait(40);
  expect([stops, signal.aborted, deadline.isStopped, deadline.isOver()]).toEqual([0, false, false, false]);
});

test('work is limited by the deadline, even if it does not listen', async () => {
  const deadline = startDeadline(20);
  expect(await deadline.limit(Promise.resolve('done'))).toBe('done');
  await expect(deadline.limit(Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  await expect(deadline.limit(new Promise(() => {}))).rejects.toBe(STOPPED);
  await expect(deadline.limit(Promise.resolve('too late'))).rejects.toBe(STOPPED);
});

test('a deadline that has ended keeps neither its neighbours nor its listeners alive', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const kept = startDeadline(15_000);
  const ended = startDeadline(15_000);
  const forgotten = Array.from({ length: 3 }, (_, i) => {
    const neighbour = startDeadline(15_000);
    if (i === 1) ended.clear();
    neighbour.onStop(() => ended);
    neighbour.clear();
    return new WeakRef(neighbour);
  });
  const listener = new WeakRef(() => {});
  ended.onStop(listener.deref() as () => void);
  ended.clear();
  await wait(0);
  collect();
  expect([...forgotten, listener].map((held) => held.deref())).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect([kept.isStopped, ended.isStopped]).toEqual([false, false]);
  kept.clear();
});

test('a running deadline keeps the process alive, one that has ended does not', () => {
  const file = join(import.meta.dirname, '..', '..', 'src', 'guardrail', 'deadline.ts');
  const outputOf = (then: string) => {
    const script = `import { startDeadline } from ${JSON.stringify(file)};
      const deadline = startDeadline(200);
      deadline.onStop(() => console.log('first'));
      deadline.clear();
      ${then}`;
    return spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 15_000,
    }).stdout;
  };
  expect(outputOf('')).toBe('');
  expect(outputOf('startDeadline(200).onStop(() => console.log("second"));')).toBe('second\n');
});

test('a listener that throws keeps no other deadline from its end', async () => {
  const errors: unknown[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.once('uncaughtException', (error) => errors.push(error));
  startDeadline(37).onStop(() => {
    throw STOPPED;
  });
  const ends = [stopOf(startDeadline(37)), wait(20).then(() => stopOf(startDeadline(37)))];
  await Promise.all(ends);
  for (const listener of others) process.on('uncaughtException', listener);
  expect(errors).toEqual([STOPPED]);
});
