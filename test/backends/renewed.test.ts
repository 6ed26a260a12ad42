import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { askWith, Renewed } from '../../src/backends/renewed.ts';
import { BackendError } from '../../src/guardrail/failure.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** Values `v1`, `v2` and so on, each good for some seconds; `settle` ends the fetch that is under way. */
function counted(seconds: number) {
  let fetches = 0;
  const waiting: PromiseWithResolvers<void>[] = [];
  const renewed = new Renewed(async () => {
    const value = `v${++fetches}`;
    const wait = Promise.withResolvers<void>();
    waiting.push(wait);
    await wait.promise;
    return { value, seconds };
  });
  const settle = async (error?: Error) => {
    const wait = waiting.shift();
    if (error === undefined) wait?.resolve();
    else wait?.reject(error);
    await new Promise(setImmediate);
  };
  return { renewed, settle, fetches: () => fetches };
}

const after = (seconds: number) => vi.advanceTimersByTime(seconds * 1000);
const unauthorized = (status: 401 | 403 = 401) => new BackendError({ kind: 'unauthorized', status });

test('many that need a value at once make one fetch, and its failure is the failure of all', async () => {
  const { renewed, settle, fetches } = counted(3600);
  const failed = Promise.allSettled([renewed.get(), renewed.get()]);
  await settle(new Error('down'));
  expect(await failed).toMatchObject([{ reason: { message: 'down' } }, { reason: { message: 'down' } }]);
  const got = Promise.all([renewed.get(), renewed.get()]);
  await settle();
  expect(await got).toEqual(['v2', 'v2']);
  expect(renewed.get()).toBe('v2');
  expect(fetches()).toBe(2);
});

test('a value is renewed before its end, once, while the old one is handed out', async () => {
  const { renewed, settle, fetches } = counted(3600);
  void renewed.get();
  await settle();
  after(3200);
  expect(renewed.get()).toBe('v1');
  expect(fetches()).toBe(1);
  after(200);
  expect([renewed.get(), renewed.get()]).toEqual(['v1', 'v1']);
  expect(fetches()).toBe(2);
  await settle();
  expect(renewed.get()).toBe('v2');
});

test('a renewal that fails is tried again ten seconds later, and nobody is told while the old value is good', async () => {
  const { renewed, settle, fetches } = counted(3600);
  void renewed.get();
  await settle();
  after(3400);
  expect(renewed.get()).toBe('v1');
  await settle(new Error('down'));
  expect(renewed.get()).toBe('v1');
  expect(fetches()).toBe(2);
  after(11);
  expect(renewed.get()).toBe('v1');
  expect(fetches()).toBe(3);
  await settle(new Error('down'));
  after(200);
  const late = Promise.allSettled([renewed.get()]);
  await settle(new Error('still down'));
  expect(await late).toMatchObject([{ reason: { message: 'still down' } }]);
});

test.each([30, 1])(
  'a value of %s seconds is used for most of its life, and then fetched',
  async (seconds) => {
    const { renewed, settle } = counted(seconds);
    void renewed.get();
    await settle();
    after(seconds / 2);
    expect(renewed.get()).toBe('v1');
    await settle();
    after(seconds);
    const next = renewed.get();
    await settle();
    expect(await next).not.toBe('v1');
  },
);

test('a wrong time of day changes nothing', async () => {
  const { renewed, settle } = counted(3600);
  void renewed.get();
  await settle();
  vi.setSystemTime(Date.now() + 86_400_000);
  expect(renewed.get()).toBe('v1');
});

test('a value that is refused is dropped once for all that used it, and they ask again', async () => {
  const { renewed, settle, fetches } = counted(3600);
  void renewed.get();
  await settle();
  const ask = async (value: string) => {
    if (value === 'v1') throw unauthorized();
    return value;
  };
  const asked = Promise.all([askWith(renewed, ask), askWith(renewed, ask), askWith(renewed, ask)]);
  await new Promise(setImmediate);
  await settle();
  expect(await asked).toEqual(['v2', 'v2', 'v2']);
  expect(fetches()).toBe(2);
});

test('a second refusal is a failure, and for ten seconds no more values are fetched for it', async () => {
  const { renewed, settle, fetches } = counted(3600);
  void renewed.get();
  await settle();
  let asked = 0;
  const ask = async () => {
    asked++;
    throw unauthorized();
  };
  const first = Promise.allSettled([askWith(renewed, ask)]);
  await new Promise(setImmediate);
  await settle();
  expect(await first).toMatchObject([{ reason: { failure: { kind: 'unauthorized' } } }]);
  await expect(askWith(renewed, ask)).rejects.toThrow('unauthorized');
  expect([asked, fetches()]).toEqual([3, 2]);
  after(11);
  const later = Promise.allSettled([askWith(renewed, ask)]);
  await new Promise(setImmediate);
  await settle();
  await later;
  expect([asked, fetches()]).toEqual([5, 3]);
});

test('another failure drops nothing', async () => {
  const { renewed, settle, fetches } = counted(3600);
  void renewed.get();
  await settle();
  const down = async () => {
    throw new BackendError({ kind: 'http_status', status: 500 });
  };
  await expect(askWith(renewed, down)).rejects.toThrow('http_status');
  expect([renewed.get(), fetches()]).toEqual(['v1', 1]);
});
