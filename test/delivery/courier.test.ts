import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { delivering, hangs, recordJson, says, startVendor, takes, until } from '../support/delivering.ts';

test('stored records arrive in batches, the oldest first, and leave the outbox', async () => {
  const akto = await startVendor('akto', takes, { records: 3, concurrency: 1 });
  const { start, store, outbox, events } = delivering([akto]);
  await store(8);
  start();
  await until(() => events.length === 3);
  expect(akto.taken).toEqual([
    ['1', '2', '3'],
    ['4', '5', '6'],
    ['7', '8'],
  ]);
  expect(events.map(([kind, backend, records]) => [kind, backend, records])).toEqual([
    ['delivered', 'akto', 3],
    ['delivered', 'akto', 3],
    ['delivered', 'akto', 2],
  ]);
  await until(async () => (await outbox.stats()).backends.akto?.records === 0);
});

test('a batch holds as many bytes as the backend takes, and at least one record', async () => {
  const akto = await startVendor('akto', takes, { bytes: 2500, concurrency: 1 });
  const { start, store } = delivering([akto]);
  await store(['a', 'b', 'c', 'd'], (id) => recordJson(id, 'x'.repeat(id === 'c' ? 9000 : 1000)));
  start();
  await until(() => akto.taken.length === 3);
  expect(akto.taken).toEqual([['a', 'b'], ['c'], ['d']]);
});

test('every backend is handed the record under the same id', async () => {
  const seen = new Map<string, unknown[]>();
  const vendors = await Promise.all(
    ['akto', 'capsule'].map(async (name) => {
      const vendor = await startVendor(name);
      const { ingest } = vendor.sink;
      const watched = { ...vendor.sink };
      watched.ingest = (records, context) => {
        seen.set(
          name,
          records.map(({ record_id, event }) => [record_id, event.id]),
        );
        return ingest(records, context);
      };
      return { ...vendor, sink: watched };
    }),
  );
  const { start, store, events } = delivering(vendors);
  await store(3);
  start();
  await until(() => events.length === 2);
  expect(seen.get('akto')).toEqual(seen.get('capsule'));
  expect(seen.get('akto')).toEqual(
    ['1', '2', '3'].map((id) => [expect.stringMatching(/^[0-9a-f]{32}$/), id]),
  );
});

test('a later record is delivered at a wake signal, and within about a second without one', async () => {
  const akto = await startVendor('akto');
  const { start, store } = delivering([akto]);
  const courier = start();
  await wait(20);
  await store(['woken']);
  courier.wake();
  await until(() => akto.taken.length === 1);
  await store(['found']);
  await until(() => akto.taken.length === 2);
  expect(akto.taken).toEqual([['woken'], ['found']]);
});

test('several deliveries are under way at once, but never more than the bound', async () => {
  let underWay = 0;
  let most = 0;
  const akto = await startVendor(
    'akto',
    async (ids, response) => {
      most = Math.max(most, ++underWay);
      await wait(10);
      underWay--;
      takes(ids, response);
    },
    { records: 1, concurrency: 3 },
  );
  const { start, store, events } = delivering([akto]);
  await store(20);
  start();
  await until(() => events.length === 20);
  expect(most).toBe(3);
  expect(new Set(akto.taken.flat()).size).toBe(20);
  expect(akto.deliveries.length).toBe(20);
});

test('a backend that hangs, fails or refuses does not keep another one waiting', async () => {
  const vendors = await Promise.all([
    startVendor('akto', hangs),
    startVendor('failing', says(503)),
    startVendor('refusing', says(401)),
    startVendor('capsule', takes, { records: 10 }),
  ]);
  const { start, store, told } = delivering(vendors);
  await store(100);
  start();
  await until(() => vendors[3]?.taken.flat().length === 100);
  await until(() => told('held', 'refusing') && told('retried', 'failing'));
  expect(vendors[0]?.deliveries.length).toBeGreaterThan(0);
  expect(vendors[0]?.taken).toEqual([]);
});

test('close delivers the records that are due', async () => {
  const akto = await startVendor('akto', takes, { records: 2 });
  const { start, store, left } = delivering([akto]);
  const courier = start();
  await store(50);
  await courier.close(60_000);
  expect(akto.taken.flat().length).toBe(50);
  expect(await left('akto')).toEqual([]);
  await store(1);
  courier.wake();
  await wait(20);
  expect(akto.taken.flat().length).toBe(50);
});

test('close does not wait for a backend that fails or refuses', async () => {
  const vendors = await Promise.all([startVendor('akto', says(503)), startVendor('capsule', says(403))]);
  const { start, store, left, told } = delivering(vendors);
  await store(3);
  const courier = start();
  await until(() => told('retried', 'akto') && told('held', 'capsule'));
  await courier.close(600_000);
  for (const { name } of vendors) expect(await left(name)).toEqual(['1', '2', '3']);
});

test('close gives up a delivery that hangs, and its records stay as they were', async () => {
  const akto = await startVendor('akto', hangs);
  const { start, store, outbox, events } = delivering([akto]);
  await store(3);
  const courier = start();
  await until(() => akto.deliveries.length === 1);
  await courier.close(30);
  expect(events).toEqual([]);
  const due = await outbox.due('akto', { records: 9, bytes: 1e9, except: new Set() });
  expect(due.map(({ attempts }) => attempts)).toEqual([0, 0, 0]);
});

test('a sink that does not listen to its signal cannot keep close waiting', async () => {
  const akto = await startVendor('akto');
  let isAsked = false;
  akto.sink.ingest = () => {
    isAsked = true;
    return new Promise(() => {});
  };
  const { start, store, left } = delivering([akto]);
  await store(1);
  const courier = start();
  await until(() => isAsked);
  await courier.close(10);
  expect(await left('akto')).toEqual(['1']);
});

test('records under way when a process dies are delivered by the next', async () => {
  const akto = await startVendor('akto', hangs);
  const { start, store, events } = delivering([akto]);
  await store(3);
  const first = start();
  await until(() => akto.deliveries.length === 1);
  await first.close(0);
  akto.reply = takes;
  start();
  await until(() => events.length === 1);
  expect(akto.taken).toEqual([['1', '2', '3']]);
});
