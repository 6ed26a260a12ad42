import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import type { DatabaseConfig } from '../../src/database/database-config.ts';
import { DatabaseStops } from '../../src/outbox/database-stops.ts';
import { delivering, says, startVendor, takes, until, type Vendor } from '../support/delivering.ts';
import { databaseConfig } from './server.ts';

const opened: Database[] = [];
afterAll(() => Promise.all(opened.map((database) => database.close())));

function open(config: DatabaseConfig): Database {
  const database = new Database(config, 'records');
  opened.push(database);
  return database;
}

/** Replicas with an outbox each, that share their stops. */
function replicasOf(count: number, vendor: Vendor, config = databaseConfig()) {
  return Array.from({ length: count }, (_, i) => {
    const stops = new DatabaseStops(open(config), i + 1);
    return delivering([vendor], { wrap: () => ({ stops }) });
  });
}

/** A vendor whose address leads elsewhere, and when somebody tried. */
async function lostVendor() {
  const triedAt: number[] = [];
  const vendor = await startVendor('akto', (ids, response) => {
    triedAt.push(performance.now());
    says(302)(ids, response);
  });
  const gaps = () => triedAt.slice(1).map((at, i) => at - (triedAt[i] as number));
  return { vendor, triedAt, gaps };
}

test.each([1, 3])('%i replicas try a backend that is down as seldom as one does', async (count) => {
  const { vendor, triedAt, gaps } = await lostVendor();
  const replicas = replicasOf(count, vendor);
  for (const { store } of replicas) await store(10);
  replicas[0]?.start();
  await until(() => triedAt.length >= 1);
  // It is told a moment later
  await wait(100);
  for (const { start } of replicas.slice(1)) start();
  await until(() => triedAt.length >= 3);
  // 1 s, 2 s; the clocks of timers and of the database tick apart
  for (const [i, gap] of gaps().entries()) expect(gap).toBeGreaterThan(1000 * 2 ** i - 100);
});

test('all replicas deliver once one of them finds that a backend is well again', async () => {
  const { vendor, triedAt } = await lostVendor();
  const replicas = replicasOf(3, vendor);
  for (const { store } of replicas) await store(20);
  for (const { start } of replicas) start();
  await until(() => triedAt.length >= 2);
  vendor.reply = takes;
  await until(() => vendor.taken.flat().length === 60);
  for (const { left } of replicas) await until(async () => (await left('akto')).length === 0);
});

test('a token that a backend refuses holds all replicas after one record, and all go on when it is mended', async () => {
  const vendor = await startVendor('akto', says(401));
  const config = databaseConfig();
  const [a, b, c] = replicasOf(3, vendor, config) as [Replica, Replica, Replica];
  for (const { store } of [a, b, c]) await store(10);
  const courier = a.start();
  await until(() => a.told('held'));
  const stops = new DatabaseStops(open(config), 99);
  await until(async () => (await stops.state('akto'))?.isHeld === true);
  const tried = vendor.deliveries.length;
  b.start();
  c.start();
  await until(() => b.told('held') && c.told('held'));
  expect(vendor.deliveries).toHaveLength(tried);
  vendor.reply = takes;
  courier.retryNow();
  await until(() => vendor.taken.flat().length === 30);
  expect(vendor.taken[0]).toHaveLength(1);
  const last = ({ events }: Replica) => events.findLast(([kind]) => kind === 'held');
  await until(() => [a, b, c].every((one) => last(one)?.[2] === false));
});

type Replica = ReturnType<typeof replicasOf>[number];

test('a replica that dies while it tries a backend holds up the others only until its time is over', async () => {
  const config = databaseConfig();
  const vendor = await startVendor('akto', takes);
  const dead = new DatabaseStops(open(config), 99);
  await dead.stopped('akto', { waitMs: 0, failures: 1, isHeld: false });
  expect(await dead.mayProbe('akto')).toBe(true);
  const [replica] = replicasOf(1, vendor, config) as [Replica];
  await replica.store(5);
  replica.start();
  await wait(1500);
  expect(vendor.deliveries).toEqual([]);
  await open(config).query(`UPDATE backend_stop SET probe_until = now() - interval '1 second'`);
  await until(() => vendor.taken.flat().length === 5);
  await until(async () => (await dead.state('akto')) === undefined);
});

test('a replica that cannot reach the database goes by its own backoff', async () => {
  const { vendor, triedAt, gaps } = await lostVendor();
  const config = databaseConfig({ url: 'postgres://nobody@127.0.0.1:1/none' });
  const [replica] = replicasOf(1, vendor, config) as [Replica];
  await replica.store(5);
  replica.start();
  await until(() => triedAt.length >= 2);
  for (const [i, gap] of gaps().entries()) expect(gap).toBeGreaterThan(1000 * 2 ** i - 100);
  vendor.reply = takes;
  await until(() => vendor.taken.flat().length === 5);
});
