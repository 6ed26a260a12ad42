import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  createTestClock,
  delivering,
  except,
  HOUR_MS,
  MINUTE_MS,
  recordJson,
  says,
  startVendor,
  takes,
  until,
} from '../support/delivering.ts';

function deadLetters(dir: string): unknown[] {
  const db = new DatabaseSync(join(dir, 'outbox.db'), { readOnly: true });
  const rows = db.prepare('SELECT record, reason FROM delivery WHERE state = 2 ORDER BY record').all();
  db.close();
  return rows.map(({ record, reason }) => [record, reason]);
}

test.each([400, 422])(
  'only the bad record of a batch refused with %i becomes a dead letter',
  async (status) => {
    const akto = await startVendor('akto', except(['3'], says(status, { message: 'no plums' })));
    const { start, store, dir, events } = delivering([akto]);
    await store(5);
    start();
    await until(() => akto.taken.length === 4 && events.some(([kind]) => kind === 'dead'));
    expect(akto.deliveries).toEqual([['1', '2', '3', '4', '5'], ['1'], ['2'], ['3'], ['4'], ['5']]);
    expect(akto.taken.flat()).toEqual(['1', '2', '4', '5']);
    await expect.poll(() => deadLetters(dir)).toEqual([[3, `HTTP ${status}: {"message":"no plums"}`]]);
    expect(events.filter(([kind]) => kind === 'dead')).toEqual([['dead', 'akto', 1, 'http_status']]);
    expect(JSON.stringify(events)).not.toContain('plums');
  },
);

test('a batch that is too large is sent as smaller ones, and a record too large by itself becomes a dead letter', async () => {
  const akto = await startVendor(
    'akto',
    (ids, response) => (ids.includes('huge') || ids.length > 3 ? says(413) : takes)(ids, response),
    { concurrency: 1 },
  );
  const { start, store, dir, kinds } = delivering([akto]);
  const ids = Array.from({ length: 12 }, (_, i) => (i === 7 ? 'huge' : `small-${i}`));
  await store(ids, (id) => recordJson(id, 'x'.repeat(id === 'huge' ? 50_000 : 1000)));
  start();
  await until(() => akto.taken.flat().length === 11 && kinds().includes('dead'));
  expect(akto.taken.flat()).toEqual(ids.filter((id) => id !== 'huge'));
  await expect.poll(() => deadLetters(dir)).toEqual([[8, 'HTTP 413: {}']]);
});

test('a record that the bridge cannot translate becomes a dead letter, and the others go on', async () => {
  const akto = await startVendor('akto');
  const { ingest } = akto.sink;
  akto.sink.ingest = (records, context) => {
    if (records.some(({ event }) => event.id === 'b')) throw new TypeError('plum cake');
    return ingest(records, context);
  };
  const { start, store, dir, events } = delivering([akto]);
  await store(['a', 'b', 'c', 'd'], (id) => (id === 'd' ? '{"event":' : recordJson(id)));
  start();
  await until(() => events.filter(([kind]) => kind === 'dead').length === 2);
  expect(akto.taken.flat()).toEqual(['a', 'c']);
  await expect
    .poll(() => deadLetters(dir))
    .toEqual([
      [2, 'bug: TypeError'],
      [4, 'bug: SyntaxError'],
    ]);
});

test.each([401, 403])('%i holds the queue with one alarm until the token is taken', async (status) => {
  const clock = createTestClock(1);
  const akto = await startVendor('akto', says(status), { records: 2, concurrency: 1 });
  const { start, store, events, told } = delivering([akto], { clock });
  await store(10);
  start();
  await until(() => told('held'));
  await clock.pass(59_999);
  expect(akto.deliveries.length).toBe(1);
  // After 1, 3, 7, 15, 25 and 35 minutes
  await clock.pass(36 * MINUTE_MS);
  await until(() => akto.deliveries.length === 7);
  const alarms = () => events.filter(([kind]) => kind === 'held');
  expect(alarms()).toEqual([['held', 'akto', true, { kind: 'unauthorized', status }]]);
  akto.reply = takes;
  await clock.pass(10 * MINUTE_MS);
  await until(() => akto.taken.flat().length === 10);
  expect(alarms()).toHaveLength(2);
  expect(alarms()[1]).toEqual(['held', 'akto', false]);
  // A hold is told by itself
  expect(events.filter(([kind]) => kind === 'stopped' || kind === 'resumed')).toEqual([]);
});

test('retryNow tries a held queue at once, a wake signal does not', async () => {
  const akto = await startVendor('akto', says(401));
  const { start, store, events, told } = delivering([akto]);
  await store(3);
  const courier = start();
  await until(() => told('held'));
  courier.wake();
  await wait(20);
  expect(akto.deliveries.length).toBe(1);
  akto.reply = takes;
  courier.retryNow();
  await until(() => akto.taken.flat().length === 3);
  expect(events.filter(([kind]) => kind === 'held').at(-1)).toEqual(['held', 'akto', false]);
});

test('a record that a firewall forbids holds the others for one attempt, and is then left behind', async () => {
  const clock = createTestClock(1);
  const akto = await startVendor('akto', except(['2'], says(403)));
  const { start, store, kinds, told } = delivering([akto], { clock });
  await store(5);
  start();
  await until(() => told('held'));
  await clock.pass(2 * MINUTE_MS);
  await until(() => akto.taken.flat().length === 4);
  await store(20);
  await clock.pass(2 * HOUR_MS);
  expect(akto.taken.flat().length).toBe(24);
  expect(kinds().filter((kind) => kind === 'held').length).toBe(2);
  expect(akto.deliveries.filter(([id]) => id === '2').length).toBeGreaterThan(10);
});
