import { expect, test } from 'vitest';
import { OutboxError } from '../../src/outbox/outbox.ts';
import {
  createTestClock,
  delivering,
  says,
  startVendor,
  T0,
  takes,
  until,
  type VendorReply,
} from '../support/delivering.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

test('after a failure one record at a time asks, ever more seldom, until it is taken', async () => {
  const clock = createTestClock(1);
  const akto = await startVendor('akto', says(503), { records: 10 });
  const { start, store, events } = delivering([akto], { clock });
  await store(100);
  const courier = start();
  await until(() => courier.state('akto') === 'waiting');
  await clock.pass(20 * MINUTE_MS);
  // 1 + 2 + … + 256 s, and every 300 s from then on
  expect(akto.asked.filter((ids) => ids.length > 1).length).toBeLessThanOrEqual(4);
  expect(akto.asked.filter((ids) => ids.length === 1)).toEqual(Array(11).fill(['1']));
  akto.reply = takes;
  courier.poke();
  await until(() => akto.taken.flat().length === 100);
  expect(akto.taken[0]).toEqual(['1']);
  expect(akto.taken.some((ids) => ids.length === 10)).toBe(true);
  const delays = events.flatMap((event) =>
    event[0] === 'retried' && event[2] === 1 ? [event[4] / 1000] : [],
  );
  expect(delays).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
});

test.each([
  { header: '120', waitMs: 120_000 },
  { header: '86400', waitMs: HOUR_MS },
])('Retry-After: $header is waited for, up to an hour', async ({ header, waitMs }) => {
  const clock = createTestClock(1);
  const akto = await startVendor('akto', says(429, {}, { 'retry-after': header }));
  const { start, store } = delivering([akto], { clock });
  await store(1);
  const courier = start();
  await until(() => courier.state('akto') === 'waiting');
  akto.reply = takes;
  await clock.pass(waitMs - 1);
  expect(akto.asked.length).toBe(1);
  await clock.pass(1);
  await until(() => akto.taken.length === 1);
});

test.each([
  { name: 'unreachable', reply: ((_, response) => response.destroy()) as VendorReply },
  { name: '503', reply: says(503) },
  { name: '429', reply: says(429, {}, { 'retry-after': '30' }) },
])('after four days of $name the first event is delivered first, and nothing is lost', async ({ reply }) => {
  const clock = createTestClock(1);
  const akto = await startVendor('akto', reply);
  const { start, store, outbox, events } = delivering([akto], { clock, random: Math.random });
  await store(1);
  start();
  for (let day = 0; day < 4; day++) {
    await store(250);
    await clock.pass(24 * HOUR_MS);
  }
  expect(akto.taken).toEqual([]);
  akto.reply = takes;
  await clock.pass(6 * MINUTE_MS);
  await until(async () => (await outbox.stats()).backends.akto?.records === 0);
  const order = akto.taken.flat();
  expect(order[0]).toBe('1');
  expect(order.length).toBe(1001);
  expect(new Set(order).size).toBe(1001);
  const [first] = events.filter((event) => event[0] === 'delivered');
  expect(first?.[0] === 'delivered' && first[4]).toBeGreaterThanOrEqual(96 * HOUR_MS);
  expect(clock.now()).toBeGreaterThan(T0 + 96 * HOUR_MS);
});

test('half a day of 500 loses nothing either, and records that were counted go out alone', async () => {
  const clock = createTestClock(1);
  const akto = await startVendor('akto', says(500));
  const { start, store, kinds } = delivering([akto], { clock, random: Math.random });
  await store(150);
  start();
  await clock.pass(12 * HOUR_MS);
  // Some 300 waits of 5 min at most
  expect(akto.asked.length).toBeLessThan(600);
  akto.reply = takes;
  await clock.passUntil(() => akto.taken.flat().length === 150);
  expect(new Set(akto.taken.flat()).size).toBe(150);
  expect(kinds()).not.toContain('dead');
});

test('what an outbox that fails could not be told is not delivered twice', async () => {
  let isBroken = true;
  const clock = createTestClock(1);
  const akto = await startVendor('akto');
  const { start, store, events, kinds, left } = delivering([akto], {
    clock,
    wrap: (outbox) => ({
      settle: (settlements) =>
        isBroken ? Promise.reject(new OutboxError('unavailable')) : outbox.settle(settlements),
    }),
  });
  await store(3);
  const courier = start();
  await until(() => courier.state('akto') === 'waiting');
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

test('an outbox that cannot be read is asked again', async () => {
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
