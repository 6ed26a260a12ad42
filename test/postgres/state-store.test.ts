import { afterAll, expect, onTestFinished, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import { PostgresStore } from '../../src/state/postgres-store.ts';
import { SharedValues } from '../../src/state/shared-values.ts';
import { Sweeps } from '../../src/state/sweeps.ts';
import { storeCases } from '../state/store-cases.ts';
import { databaseConfig } from './server.ts';

const MB = 1024 * 1024;
const opened: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(opened.map((one) => one.close())));

function open(config = databaseConfig()): { store: PostgresStore; database: Database } {
  const database = new Database(config, 'state');
  const store = new PostgresStore(database, MB, 1000);
  opened.push(store);
  return { store, database };
}

storeCases('a store in Postgres', () => open().store);

test('replicas that start together draw one secret', async () => {
  const config = databaseConfig();
  const secrets = await Promise.all(Array.from({ length: 6 }, () => open(config).store.secret()));
  expect(new Set(secrets.map((secret) => Buffer.from(secret).toString('hex'))).size).toBe(1);
});

test('a sweep removes what has expired, and the oldest of what is too much', async () => {
  const { store, database } = open();
  const value = Buffer.alloc(10_000);
  const write = (name: string, ttlMs: number) => store.write([{ name, part: '', version: 1, value, ttlMs }]);
  await Promise.all(Array.from({ length: 50 }, (_, i) => write(`gone ${i}`, 1)));
  await Promise.all(Array.from({ length: 300 }, (_, i) => write(`kept ${i}`, 60_000 + 1000 * i)));
  await new Sweeps(database, MB, 0).sweep();
  const rows = await database.query<{ name: string }>('SELECT name FROM state ORDER BY expires_at');
  expect(rows.length).toBeGreaterThan(90);
  expect(rows.length).toBeLessThanOrEqual(MB / value.length);
  expect(rows.at(-1)?.name).toBe('kept 299');
});

test('a sweep of what is too much leaves the values that limits go by', async () => {
  const { store, database } = open();
  const write = (name: string, part: string, bytes: number, ttlMs: number) =>
    store.write([{ name, part, version: 1, value: Buffer.alloc(bytes), ttlMs }]);
  await Promise.all(Array.from({ length: 150 }, (_, i) => write(`request ${i}`, 'a', 10_000, 900_000 + i)));
  await Promise.all(Array.from({ length: 40 }, (_, i) => write(`rate ${i}`, '', 50, 60_000)));
  await new Sweeps(database, MB, 0).sweep();
  const count = (name: string) =>
    database.query(
      `SELECT count(*) AS rows, coalesce(sum(octet_length(value) + 200), 0) AS bytes FROM state WHERE name LIKE '${name}%'`,
    ) as Promise<{ rows: number; bytes: number }[]>;
  expect((await count('rate'))[0]?.rows).toBe(40);
  expect((await count(''))[0]?.bytes).toBeLessThanOrEqual(MB);
  expect((await count('request'))[0]?.rows).toBe(101);
  // With nothing else, they go too
  await new Sweeps(database, 5000, 0).sweep();
  expect((await count('request'))[0]?.rows).toBe(0);
  expect((await count('rate'))[0]?.rows).toBe(20);
});

test('a small value is written beside long ones, not after them', async () => {
  const { store } = open();
  await store.secret();
  const done: string[] = [];
  const write = async (name: string, bytes: number, isBulky: boolean) => {
    await store.write([{ name, part: '', version: 1, value: Buffer.alloc(bytes), ttlMs: 60_000, isBulky }]);
    done.push(name);
  };
  await Promise.all([
    ...Array.from({ length: 10 }, (_, i) => write(`long ${i}`, MB, true)),
    write('small', 10, false),
  ]);
  expect(done.indexOf('small')).toBeLessThan(5);
});

test('one of several replicas sweeps at a time', async () => {
  const config = databaseConfig();
  const { database } = open(config);
  await database.query(`UPDATE state_common SET swept_at = now() - interval '1 hour'`);
  await database.query(
    `INSERT INTO state SELECT n::text, '', 1, now() - interval '1 s', '' FROM generate_series(1, 100) AS n`,
  );
  const databases = Array.from({ length: 5 }, () => open(config).database);
  await Promise.all(databases.map((one) => new Sweeps(one, MB).sweep()));
  expect(await database.query('SELECT count(*) AS left FROM state')).toEqual([{ left: 0 }]);
  await database.query(`INSERT INTO state VALUES ('later', '', 1, now() - interval '1 s', '')`);
  await Promise.all(databases.map((one) => new Sweeps(one, MB).sweep()));
  expect(await database.query('SELECT count(*) AS left FROM state')).toEqual([{ left: 1 }]);
});

test('values are found by their names, however many came since Postgres last counted them', async () => {
  const { store, database } = open(databaseConfig({ poolSize: 5 }));
  await store.secret();
  const entry = (name: string) => ({ name, part: '', version: 1, value: Buffer.alloc(10), ttlMs: 60_000 });
  for (let i = 0; i < 2000; i++) {
    const names = [`a ${i}`, `b ${i}`];
    const { hold } = await store.hold(names);
    expect(await store.swap([], names.map(entry), hold)).toBe(true);
  }
  const before = await scansOf(database);
  for (let i = 0; i < 100; i++) {
    await store.read([{ name: `a ${i}`, known: [] }]);
    const { hold } = await store.hold([`a ${i}`]);
    await store.swap([], [entry(`a ${i}`)], hold);
  }
  expect(await scansOf(database)).toBe(before);
});

test('a replica that holds values and stands still keeps others from them for a moment', async () => {
  const config = databaseConfig();
  const [slow, other] = [open(config).store, open(config).store];
  const entry = { name: 'a', part: '', version: 1, value: Buffer.from('x'), ttlMs: 60_000 };
  const { hold } = await slow.hold(['a', 'b']);
  const { hold: next } = await other.hold(['b', 'a']);
  expect(await slow.swap([], [{ ...entry, version: 2 }], hold)).toBe(false);
  expect(await other.swap([], [entry], next)).toBe(true);
  expect((await slow.read([{ name: 'a', known: [] }])).values[0]?.version).toBe(1);
});

test('changes that many replicas make at once are made once each, one after the other', async () => {
  const config = databaseConfig();
  const observer = { failed: (...failure: unknown[]) => expect(failure).toEqual([]), outage() {} };
  const replicas = Array.from({ length: 8 }, () => {
    const { store } = open(config);
    return new SharedValues({ store, keys: [], timeoutMs: 20_000, observer });
  });
  onTestFinished(async () => {
    for (const replica of replicas) await replica.close();
  });
  let tries = 0;
  const add = (replica: SharedValues) =>
    replica.update(['agent_sessions:a', 'agent_sessions:b'], (before) => {
      tries++;
      const count = Number(before.get('agent_sessions:a') ?? 0) + 1;
      const writes = [{ key: 'agent_sessions:a', value: Buffer.from(`${count}`), ttlMs: 60_000 }] as const;
      return { writes: count > 50 ? [] : writes, result: count };
    });
  const counts = await Promise.all(
    replicas.map(async (replica) => {
      const own: number[] = [];
      for (let i = 0; i < 10; i++) own.push(await add(replica));
      return own;
    }),
  );
  const all = counts.flat().sort((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: 80 }, (_, i) => Math.min(i + 1, 51)));
  expect(tries).toBe(80);
});

/** Times that the whole table was read. */
async function scansOf(database: Database): Promise<number> {
  await database.query('SELECT pg_stat_force_next_flush()');
  const [row] = await database.query<{ scans: number }>(
    `SELECT seq_scan AS scans FROM pg_stat_user_tables WHERE relid = 'state'::regclass`,
  );
  return row?.scans ?? 0;
}
