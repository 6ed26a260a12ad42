import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { OutboxError } from '../../src/outbox/contract.ts';
import {
  createTestClock,
  delivering,
  except,
  HOUR_MS,
  hangs,
  MINUTE_MS,
  recordJson,
  says,
  startVendor,
  T0,
  takes,
  until,
} from '../support/delivering.ts';

test('after a failure single records are tried, ever more seldom, until one is taken', async () => {
  const clock = createTestClock(1);
  const akto = await startVendor('akto', says(503), { records: 10 });
  const { start, store, events, told } = delivering([akto], { clock });
  await store(100);
  const courier = start();
  await until(() => told('retried'));
  await clock.pass(20 * MINUTE_MS);
  // 1 + 2 + … + 256 s, and every 300 s from then on
  expect(akto.deliveries.filter((ids) => ids.length > 1).length).toBeLessThanOrEqual(8);
  expect(akto.deliveries.filter((ids) => ids.length === 1)).toEqual(Array(11).fill(['1']));
  akto.reply = takes;
  courier.retryNow();
  await until(() => akto.taken.flat().length === 100);
  expect(akto.taken[0]).toEqual(['1']);
  expect(akto.taken.some((ids) => ids.length === 10)).toBe(true);
  const delays = events.flatMap((event) =>
    event[0] === 'retried' && event[2] === 1 ? [event[4] / 1000] : [],
  );
  expect(delays).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
  // Told once each, however often it was tried
  const told503 = { kind: 'http_status', status: 503 };
  expect(events.filter(([kind]) => kind === 'stopped' || kind === 'resumed')).toEqual([
    ['stopped', 'akto', told503],
    ['resumed', 'akto'],
  ]);
});

test.each([429, 500, 503])(
  'a record in twenty that gets a %i waits by itself, and the others go on',
  async (status) => {
    const clock = createTestClock(1);
    const failed = new Set<string>();
    const akto = await startVendor(
      'akto',
      (ids, response) => {
        const id = ids[0] as string;
        const isBad = Number(id) % 20 === 0 && !failed.has(id);
        if (isBad) failed.add(id);
        return (isBad ? says(status) : takes)(ids, response);
      },
      { records: 1 },
    );
    const { start, store, outbox } = delivering([akto], { clock });
    await store(400);
    start();
    // The clock stands still
    await until(() => akto.taken.length === 380);
    // A 500 may be the record's fault: its attempt is counted, and it is not due before its time
    const due = () => outbox.due('akto', { records: 400, bytes: 1e9, except: new Set() });
    await until(async () => (await due()).length === (status === 500 ? 0 : 20));
    expect((await due()).filter(({ attempts }) => attempts > 0)).toEqual([]);
    await clock.pass(3000);
    await until(() => akto.taken.length === 400);
    expect(akto.deliveries.length).toBe(420);
  },
);

test('a Retry-After for one record is waited for by that record', async () => {
  const clock = createTestClock(1);
  const busy = says(429, {}, { 'retry-after': '120' });
  const akto = await startVendor(
    'akto',
    (ids, response) => (ids[0] === '3' && clock.now() < T0 + 120_000 ? busy : takes)(ids, response),
    { records: 1 },
  );
  const { start, store } = delivering([akto], { clock });
  await store(10);
  start();
  await until(() => akto.taken.length === 9);
  await clock.pass(119_999);
  expect(akto.deliveries.length).toBe(10);
  await clock.pass(1001);
  await until(() => akto.taken.length === 10);
});

test('what waits for itself is tried at once if an operator says so', async () => {
  const clock = createTestClock(1);
  const busy = says(429, {}, { 'retry-after': '3600' });
  const akto = await startVendor('akto', except(['3'], busy), { records: 1 });
  const { start, store } = delivering([akto], { clock });
  await store(10);
  const courier = start();
  await until(() => akto.taken.length === 9);
  akto.reply = takes;
  courier.retryNow();
  await until(() => akto.taken.length === 10);
});

test('where 500 records are told to wait for an hour, the others wait for the first of them', async () => {
  const clock = createTestClock(1);
  const busy = says(429, {}, { 'retry-after': '3600' });
  const akto = await startVendor(
    'akto',
    (ids, response) => (akto.deliveries.length % 3 === 0 ? busy : takes)(ids, response),
    { records: 10, concurrency: 1 },
  );
  let excepted = 0;
  const { start, store } = delivering([akto], {
    clock,
    wrap: (outbox) => ({
      due(backend, limit) {
        excepted = Math.max(excepted, limit.except.size);
        return outbox.due(backend, limit);
      },
    }),
  });
  await store(2000);
  start();
  await clock.passUntil(() => akto.deliveries.length === 150);
  expect(clock.now()).toBeLessThan(T0 + 5 * MINUTE_MS);
  await clock.pass(55 * MINUTE_MS);
  expect(akto.deliveries.length).toBe(150);
  // Beside those that rest some whose result is about to be stored
  expect(excepted).toBeLessThan(1000);
  akto.reply = takes;
  await clock.pass(6 * MINUTE_MS);
  await clock.passUntil(() => akto.taken.flat().length === 2000);
});

test('large records are not under way all at once', async () => {
  const akto = await startVendor('akto', hangs, { records: 1 });
  const { start, store } = delivering([akto]);
  await store(20, (id) => recordJson(id, 'x'.repeat(3_000_000)));
  start();
  // 6 MB, where 4 are allowed
  await until(() => akto.deliveries.length === 2);
  await wait(50);
  expect(akto.deliveries.length).toBe(2);
});

test.each([
  { header: '120', waitMs: 120_000 },
  { header: '86400', waitMs: HOUR_MS },
])('Retry-After: $header is waited for, up to an hour', async ({ header, waitMs }) => {
  const clock = createTestClock(1);
  const akto = await startVendor('akto', says(429, {}, { 'retry-after': header }));
  const { start, store, told } = delivering([akto], { clock });
  await store(1);
  start();
  await until(() => told('retried'));
  akto.reply = takes;
  await clock.pass(waitMs - 1);
  expect(akto.deliveries.length).toBe(1);
  await clock.pass(1);
  await until(() => akto.taken.length === 1);
});

test('a delivery that a failing outbox could not store is not made twice', async () => {
  let isBroken = true;
  const clock = createTestClock(1);
  const akto = await startVendor('akto');
  const { start, store, events, kinds, left } = delivering([akto], {
    clock,
    wrap: (outbox) => ({
      ack: (acks) => (isBroken ? Promise.reject(new OutboxError('unavailable')) : outbox.ack(acks)),
    }),
  });
  await store(3);
  const courier = start();
  await until(() => kinds().includes('storage'));
  await store(2);
  await clock.pass(5 * MINUTE_MS);
  // 1, 2, 4 … up to 30 s
  const told = kinds().filter((kind) => kind === 'storage').length;
  expect(told).toBeGreaterThan(9);
  expect(told).toBeLessThan(20);
  expect(akto.taken).toEqual([['1', '2', '3']]);
  isBroken = false;
  await clock.pass(MINUTE_MS);
  await until(() => akto.taken.length === 2);
  expect(akto.taken).toEqual([
    ['1', '2', '3'],
    ['4', '5'],
  ]);
  await courier.close(1000);
  expect(await left('akto')).toEqual([]);
  expect(events.filter(([kind]) => kind === 'delivered').length).toBe(2);
});

test('an outbox that cannot be read is read again', async () => {
  let failures = 3;
  const clock = createTestClock(1);
  const akto = await startVendor('akto');
  const { start, store, kinds } = delivering([akto], {
    clock,
    wrap: (outbox) => ({
      due: (...args) =>
        failures-- > 0 ? Promise.reject(new OutboxError('unavailable')) : outbox.due(...args),
    }),
  });
  await store(1);
  start();
  await clock.pass(8000);
  await until(() => akto.taken.length === 1);
  expect(kinds()).toEqual(['storage', 'storage', 'storage', 'delivered']);
});
