import { expect, test } from 'vitest';
import {
  createTestClock,
  delivering,
  HOUR_MS,
  MINUTE_MS,
  says,
  startVendor,
  T0,
  takes,
  until,
  type VendorReply,
} from '../support/delivering.ts';

test.each([
  { name: 'unreachable', reply: ((_, response) => response.destroy()) as VendorReply },
  { name: '503', reply: says(503) },
  { name: '429', reply: says(429, {}, { 'retry-after': '30' }) },
])('after four days of $name the first event is delivered first, and nothing is lost', async ({ reply }) => {
  const clock = createTestClock(1);
  const akto = await startVendor('akto', reply);
  const { start, store, outbox } = delivering([akto], { clock, random: Math.random });
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
  expect(clock.now()).toBeGreaterThan(T0 + 96 * HOUR_MS);
});

test('after half a day of 500 nothing is lost, and records that failed often go out alone', async () => {
  const clock = createTestClock(1);
  const akto = await startVendor('akto', says(500));
  const { start, store, kinds } = delivering([akto], { clock, random: Math.random });
  await store(150);
  start();
  await clock.pass(12 * HOUR_MS);
  // Some 300 waits of 5 min at most
  expect(akto.deliveries.length).toBeLessThan(600);
  akto.reply = takes;
  await clock.passUntil(() => akto.taken.flat().length === 150);
  expect(new Set(akto.taken.flat()).size).toBe(150);
  expect(kinds()).not.toContain('dead');
});
