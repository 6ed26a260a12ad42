import { afterAll, expect, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import type { DatabaseConfig } from '../../src/database/database-config.ts';
import { DatabaseStops } from '../../src/outbox/database-stops.ts';
import { databaseConfig } from './server.ts';

const opened: Database[] = [];
afterAll(() => Promise.all(opened.map((database) => database.close())));

function replica(config: DatabaseConfig, number: number) {
  const database = new Database(config, 'records');
  opened.push(database);
  return { database, stops: new DatabaseStops(database, number) };
}

function three() {
  const config = databaseConfig();
  const [a, b, c] = [1, 2, 3].map((number) => replica(config, number));
  if (a === undefined || b === undefined || c === undefined) throw new Error('three were made');
  return { database: a.database, a: a.stops, b: b.stops, c: c.stops };
}

const past = (database: Database) =>
  database.query(`UPDATE backend_stop SET until = until - interval '1 hour'`);

test('a backend that one replica stopped is stopped for all, until one of them tells that it is well', async () => {
  const { a, b, c } = three();
  expect(await b.state('akto')).toBeUndefined();
  await a.stopped('akto', { waitMs: 60_000, failures: 3, isHeld: false });
  const stop = await b.state('akto');
  expect(stop).toMatchObject({ failures: 3, isHeld: false });
  expect(stop?.waitMs).toBeGreaterThan(50_000);
  expect(await c.state('capsule')).toBeUndefined();
  expect(await b.mayProbe('akto')).toBe(false);
  await c.recovered('akto');
  expect(await a.state('akto')).toBeUndefined();
  expect(await b.mayProbe('akto')).toBe(false);
});

test('replicas that find out together tell of one failure, with the longest wait', async () => {
  const { a, b } = three();
  await Promise.all([
    a.stopped('akto', { waitMs: 1000, failures: 1, isHeld: false }),
    b.stopped('akto', { waitMs: 90_000, failures: 1, isHeld: true }),
  ]);
  const stop = await a.state('akto');
  expect(stop).toMatchObject({ failures: 1, isHeld: true });
  expect(stop?.waitMs).toBeGreaterThan(80_000);
});

test('one replica tries a backend whose wait is over, and another if it dies or has nothing to try it with', async () => {
  const { database, a, b, c } = three();
  await a.stopped('akto', { waitMs: 1, failures: 1, isHeld: false });
  await past(database);
  expect((await a.state('akto'))?.waitMs).toBe(0);
  const who = await Promise.all([a, b, c].map((one) => one.mayProbe('akto')));
  expect(who.filter(Boolean)).toHaveLength(1);
  const chosen = [a, b, c][who.indexOf(true)];
  const [other] = [a, b, c].filter((one) => one !== chosen);
  expect(await chosen?.mayProbe('akto')).toBe(true);
  await other?.letGo('akto');
  expect(await other?.mayProbe('akto')).toBe(false);
  await chosen?.letGo('akto');
  expect(await other?.mayProbe('akto')).toBe(true);
  expect(await chosen?.mayProbe('akto')).toBe(false);
  await database.query(`UPDATE backend_stop SET probe_until = now() - interval '1 second'`);
  expect(await chosen?.mayProbe('akto')).toBe(true);
  await chosen?.stopped('akto', { waitMs: 1, failures: 2, isHeld: false });
  await past(database);
  expect(await other?.mayProbe('akto')).toBe(true);
});

test('an operator has it tried now', async () => {
  const { a, b } = three();
  await a.stopped('akto', { waitMs: 300_000, failures: 9, isHeld: true });
  await b.tryNow('akto');
  expect(await a.state('akto')).toEqual({ waitMs: 0, failures: 0, isHeld: true });
  expect(await a.mayProbe('akto')).toBe(true);
});
