import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  createTestClock,
  delivering,
  except,
  hangs,
  MINUTE_MS,
  says,
  startVendor,
  takes,
  until,
  type VendorReply,
} from '../support/delivering.ts';

/** Deliveries that are under way at once: now, at most since that was asked last, and when each of them arrived. */
function watched(reply: VendorReply) {
  let [now, most] = [0, 0];
  const counts: number[] = [];
  const handle: VendorReply = async (ids, response) => {
    most = Math.max(most, ++now);
    counts.push(now);
    response.once('close', () => now--);
    await reply(ids, response);
  };
  const peak = () => {
    const seen = most;
    most = now;
    return seen;
  };
  return { handle, now: () => now, peak, counts };
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i + 1));
const sorted = (ids: readonly string[][]) => ids.flat().toSorted((a, b) => Number(a) - Number(b));

test.each([1, 100])('with one delivery of %i in five failing, each record is taken once', async (records) => {
  const statuses = [500, 429, 503, 404];
  const akto = await startVendor(
    'akto',
    (ids, response) => {
      const count = akto.deliveries.length;
      return (count % 5 === 0 ? says(statuses[(count / 5) % 4] as number) : takes)(ids, response);
    },
    { records },
  );
  const { start, store, outbox, told } = delivering([akto], { random: () => 0 });
  await store(1000);
  start();
  await until(async () => (await outbox.stats()).backends.akto?.records === 0);
  expect(sorted(akto.taken)).toEqual(numbers(1000));
  expect(akto.deliveries.length).toBeGreaterThan(akto.taken.length);
  expect(told('dead')).toBe(false);
});

test('records that always fail, one in a hundred, hold up no other', async () => {
  const clock = createTestClock(1);
  const bad = numbers(10).map((number) => String(Number(number) * 100));
  const akto = await startVendor('akto', except(bad, says(500)), { records: 1 });
  const { start, store } = delivering([akto], { clock });
  await store(1000);
  start();
  // The clock stands still
  await until(() => akto.taken.length === 990);
  expect(sorted(akto.taken)).toEqual(numbers(1000).filter((id) => !bad.includes(id)));
});

test('a record that hangs takes one place, and the others go on', async () => {
  const akto = await startVendor('akto', except(['1', '5', '9'], hangs), { records: 1 });
  const { start, store } = delivering([akto]);
  await store(500);
  start();
  await until(() => akto.taken.length === 497);
});

test('a vendor that goes down in the middle is asked by one delivery at a time, and by few when it is back', async () => {
  const clock = createTestClock(1);
  const slowly = watched(async (ids, response) => {
    await wait(2);
    return (isDown ? says(503) : takes)(ids, response);
  });
  let isDown = false;
  const akto = await startVendor('akto', slowly.handle, { records: 1 });
  const { start, store, outbox } = delivering([akto], { clock });
  await store(1000);
  start();
  await until(() => akto.taken.length > 300);
  expect(slowly.peak()).toBeGreaterThan(4);
  isDown = true;
  let asked = -1;
  await until(async () => {
    const before = asked;
    asked = akto.deliveries.length;
    await wait(100);
    return asked === before && slowly.now() === 0 && asked > akto.taken.length + 8;
  });
  slowly.peak();
  await clock.pass(20 * MINUTE_MS);
  expect(slowly.peak()).toBe(1);
  expect(akto.deliveries.length - asked).toBeLessThan(15);
  isDown = false;
  const first = slowly.counts.length;
  await clock.passUntil(() => akto.taken.length === 1000);
  await until(async () => (await outbox.stats()).backends.akto?.records === 0);
  expect(Math.max(...slowly.counts.slice(first, first + 16))).toBeLessThanOrEqual(4);
  expect(sorted(akto.taken)).toEqual(numbers(1000));
});

test.each([
  { name: '429', refuses: says(429) },
  { name: '429 with Retry-After', refuses: says(429, {}, { 'retry-after': '0.2' }) },
  { name: '503', refuses: says(503) },
])('a vendor that says $name to more than three at once is soon sent hardly more', async ({ refuses }) => {
  const strict = watched(async (ids, response) => {
    const isOver = strict.now() > 3;
    await wait(5);
    return (isOver ? refuses : takes)(ids, response);
  });
  const akto = await startVendor('akto', strict.handle, { records: 1 });
  const { start, store } = delivering([akto], { random: () => 0 });
  await store(800);
  start();
  await until(() => akto.taken.length > 500);
  strict.peak();
  const refused = akto.deliveries.length - akto.taken.length;
  await until(() => akto.taken.length === 800);
  expect(strict.peak()).toBeLessThanOrEqual(6);
  // Of the last 300
  expect(akto.deliveries.length - akto.taken.length - refused).toBeLessThan(75);
  expect(sorted(akto.taken)).toEqual(numbers(800));
});

test('a bridge that is closed in the middle leaves what was not taken, and the next one delivers that alone', async () => {
  const akto = await startVendor(
    'akto',
    async (ids, response) => {
      await wait(2);
      return takes(ids, response);
    },
    { records: 1 },
  );
  const { start, store, left } = delivering([akto]);
  await store(1000);
  const first = start();
  await until(() => akto.taken.length > 300);
  await first.close(10);
  const remaining = await left('akto');
  expect(remaining.length).toBeGreaterThan(0);
  // Deliveries under way may have been taken unheard
  expect(remaining.length).toBeGreaterThanOrEqual(1000 - akto.taken.length);
  expect(remaining.length).toBeLessThanOrEqual(1000 - akto.taken.length + 32);
  const before = akto.deliveries.length;
  start();
  await until(async () => (await left('akto')).length === 0);
  // One that was given up can reach the vendor after that
  expect([...new Set(sorted(akto.deliveries.slice(before)))]).toEqual(remaining);
});
