import { expect, test } from 'vitest';
import {
  createTestClock,
  delivering,
  except,
  HOUR_MS,
  hangs,
  MINUTE_MS,
  says,
  startVendor,
  takes,
  until,
  type VendorReply,
} from '../support/delivering.ts';

test.each([
  { name: '500', reply: says(500) },
  { name: '404', reply: says(404) },
  { name: 'no JSON', reply: ((_, response) => response.end('<html>')) as VendorReply },
  { name: 'a wrong shape', reply: says(200, { ok: 'plums' }) },
  { name: 'no reply', reply: hangs, timeoutMs: 100 },
])(
  'poison records that get $name wait longer and longer, and the others flow',
  async ({ reply, timeoutMs }) => {
    const clock = createTestClock(1);
    const bad = ['2', '3', '9'];
    const akto = await startVendor('akto', except(bad, reply));
    const { start, store, outbox, kinds } = delivering([akto], { clock, ...(timeoutMs && { timeoutMs }) });
    await store(10);
    start();
    const good = () => new Set(akto.taken.flat()).size;
    await clock.passUntil(() => good() === 7);
    await store(200);
    await clock.passUntil(() => good() === 207);
    await clock.pass(HOUR_MS);
    expect(kinds()).not.toContain('dead');
    expect((await outbox.stats()).backends.akto?.records).toBe(3);
    for (const id of bad) {
      const alone = akto.deliveries.filter((ids) => ids.length === 1 && ids[0] === id);
      expect(alone.length).toBeGreaterThan(5);
      expect(alone.length).toBeLessThan(20);
    }
    akto.reply = takes;
    await clock.passUntil(() => good() === 210);
    expect(akto.taken.flat().length).toBe(210);
  },
);

test('poison records that hang take turns with records that only failed beside them', async () => {
  const clock = createTestClock(1);
  const bad = ['1', '2', '3', '4'];
  const akto = await startVendor('akto', except(bad, hangs));
  const { start, store } = delivering([akto], { clock, timeoutMs: 20, random: () => 0 });
  await store(8);
  start();
  await until(() => new Set(akto.taken.flat()).size === 4);
  for (const id of bad) {
    expect(akto.deliveries.filter((ids) => ids.length === 1 && ids[0] === id).length).toBeLessThan(3);
  }
});

test('many failing records at the head of the queue do not hold up newer ones', async () => {
  const clock = createTestClock(1);
  const akto = await startVendor('akto', (ids, response) =>
    (ids.some((id) => id.startsWith('bad')) ? says(500) : takes)(ids, response),
  );
  const { start, store } = delivering([akto], { clock });
  await store(Array.from({ length: 60 }, (_, i) => `bad-${i}`));
  start();
  await clock.pass(MINUTE_MS);
  await store(Array.from({ length: 300 }, (_, i) => `good-${i}`));
  await clock.pass(5 * MINUTE_MS);
  await until(() => akto.taken.flat().length === 300);
});

test('a poison record that is told to come back in an hour does not hold up the other poison records', async () => {
  const clock = createTestClock(1);
  const later = says(429, {}, { 'retry-after': '3600' });
  const akto = await startVendor('akto', (ids, response) =>
    (ids.length > 1 ? says(422) : ids[0] === '1' ? later : takes)(ids, response),
  );
  const { start, store } = delivering([akto], { clock });
  await store(20);
  start();
  await clock.pass(10 * MINUTE_MS);
  expect(new Set(akto.taken.flat()).size).toBe(19);
  await clock.pass(HOUR_MS);
  expect(akto.deliveries.filter((ids) => ids.length === 1 && ids[0] === '1')).toHaveLength(2);
});
