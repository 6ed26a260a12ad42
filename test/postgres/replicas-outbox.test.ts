import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Database } from '../../src/database/database.ts';
import type { DatabaseConfig } from '../../src/database/database-config.ts';
import type { Due, Entry } from '../../src/outbox/contract.ts';
import { deferredBadRow, readDeferred } from '../../src/outbox/deferred.ts';
import type { PostgresOutbox } from '../../src/outbox/postgres-outbox.ts';
import { POSTGRES_SQL } from '../../src/outbox/postgres-queries.ts';
import { Presence } from '../../src/outbox/presence.ts';
import { DAY_MS, entry, MB, NO_EVENTS, NOON, named, payloadOf } from '../support/store.ts';
import { databaseConfig, startPostgres, until } from './server.ts';
import { sharedPlace } from './shared-outbox.ts';

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);
const failure = (n: number, fields: Partial<Entry> = {}) =>
  entry(n, { outcome: 'failure', eventKey: 'failed', holdMs: 30_000, ...fields });
const some = (records: number, except: Iterable<number> = []) => ({
  ...{ records, bytes: MB, except: new Set(except) },
});

/** A place with a connection of our own beside it. */
function newPlace(set: Partial<DatabaseConfig> = {}) {
  const config = databaseConfig(set);
  const outside = new Database(config, 'records');
  onTestFinished(() => outside.close());
  return { config, outside, open: sharedPlace(config).open };
}

/** Begins a transaction of somebody else's, which ends when it is told to. */
async function begin(
  outside: Database,
  statement: string,
): Promise<{ run(next: string): Promise<void>; end(): Promise<void> }> {
  const { promise, resolve: end } = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<(next: string) => Promise<void>>();
  onTestFinished(() => end());
  const ended = outside.transaction(async (tx) => {
    // Of two that wait for each other the other one is to find out
    await tx.query("SET LOCAL deadlock_timeout = '1min'");
    await tx.query(statement);
    begun.resolve(async (next) => {
      await tx.query(next);
    });
    await promise;
  });
  const run = await begun.promise;
  return {
    run,
    async end() {
      end();
      await ended;
    },
  };
}

const waitsForLock = async (outside: Database, table: string) => {
  const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'`;
  return (await outside.query(waiting, [table])).length > 0;
};

describe('replicas that share an outbox', () => {
  test('deliver different records at the same time, and all of them', async () => {
    const { outside, open } = newPlace();
    const replicas = [open(), open(), open()];
    await replicas[0]?.accept(numbers(600).map((n) => entry(n, { backends: ['akto', 'capsule'] })));
    const delivered: Due[] = [];
    const deliver = async (replica: PostgresOutbox, backend: string) => {
      for (;;) {
        const due = await replica.due(backend, some(20));
        if (due.length === 0) return;
        if (backend === 'akto') delivered.push(...due);
        await wait(Math.random() * 5);
        await replica.ack([{ kind: 'delivered', backend, ids: due.map(({ id }) => id) }]);
      }
    };
    await Promise.all(replicas.flatMap((one) => [deliver(one, 'akto'), deliver(one, 'capsule')]));
    expect(
      named(delivered)
        .map(Number)
        .toSorted((a, b) => a - b),
    ).toEqual(numbers(600));
    expect(await outside.query('SELECT id FROM payload UNION ALL SELECT record FROM delivery')).toEqual([]);
  });

  test('take over what a replica held that was killed', async () => {
    const { config, open } = newPlace();
    const takenOver: [string, number][] = [];
    const events = { ...NO_EVENTS, takenOver: (...told: [string, number]) => void takenOver.push(told) };
    const replica = open({ leaseMs: 1000, events });
    await replica.accept(numbers(4).map((n) => entry(n)));
    const script = join(import.meta.dirname, 'leasing-replica.ts');
    const child = spawn(process.execPath, [script, JSON.stringify({ config, leaseMs: 1000 })]);
    onTestFinished(() => void child.kill('SIGKILL'));
    const [told] = await once(child.stdout, 'data');
    expect(String(told)).toBe('2 leased\n');
    expect(named(await replica.due('akto', some(9)))).toEqual(['2', '3']);
    // It lives on longer than a lease without one sign
    await wait(1500);
    expect(named(await replica.due('akto', some(9)))).toEqual(['2', '3']);
    child.kill('SIGKILL');
    await until(
      async () => (await replica.due('akto', some(9))).length === 4,
      'all four records are its own',
    );
    expect(named(await replica.due('akto', some(9)))).toEqual(['0', '1', '2', '3']);
    expect(takenOver).toEqual([['akto', 2]]);
  });

  test('let what waits wait on while one of them is silent, as it may bring what belongs to the same calls', async () => {
    const { config, open } = newPlace();
    const replica = open({ leaseMs: 3000 });
    await replica.accept(numbers(2).map((n) => entry(n)));
    const script = join(import.meta.dirname, 'leasing-replica.ts');
    const child = spawn(process.execPath, [script, JSON.stringify({ config, leaseMs: 3000 })]);
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    let n = 10;
    const deliver = async () => {
      const due = await replica.due('akto', some(9));
      await replica.ack([{ kind: 'delivered', backend: 'akto', ids: due.map(({ id }) => id) }]);
      return named(due);
    };
    const waits = async () => {
      await replica.acceptOne(failure(++n, { holdMs: 1 }));
      replica.time += 2;
      return (await deliver()).length === 0;
    };
    await until(waits, 'a failure waits longer than it says');
    expect(await replica.accept([failure(1000, { holdMs: 1 }), entry(n)])).toEqual(['new', 'new']);
    replica.time += 2;
    expect(await deliver()).toEqual([String(n)]);
    await until(async () => (await deliver()).includes('1000'), 'the silent one is taken to be gone');
  });

  test('take none to be gone as the clock of the database jumps', async () => {
    const { outside, open } = newPlace();
    const takenOver: string[] = [];
    const events = { ...NO_EVENTS, takenOver: (backend: string) => void takenOver.push(backend) };
    const [a, b] = [open({ leaseMs: 600 }), open({ leaseMs: 600, events })];
    await a.acceptOne(entry(1));
    expect(await a.due('akto', some(9))).toHaveLength(1);
    await b.due('akto', some(9));
    await wait(800);
    for (let i = 0; i < 40; i++) {
      await outside.query('UPDATE replica SET seen_at = seen_at - 3600000');
      await wait(10);
    }
    expect(await b.due('akto', some(9))).toEqual([]);
    expect(takenOver).toEqual([]);
  });

  test('are not ahead of the clock of the database, however long they wait for it', async () => {
    const { config, outside } = newPlace();
    const database = new Database(config, 'records');
    onTestFinished(() => database.close());
    await database.migrated();
    const presence = new Presence({ database, replica: 5, name: 'a test', onReleased: () => {} });
    const other = await begin(outside, 'LOCK TABLE replica');
    const here = presence.here();
    await wait(300);
    await other.end();
    await here;
    const now = presence.now();
    const clock = 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now';
    const [row] = await outside.query<{ now: number }>(clock);
    expect(now).toBeLessThanOrEqual((row?.now ?? 0) + 1);
    await presence.leave();
  });

  test('count and log what is too old once, whoever looks', async () => {
    const { open } = newPlace();
    const replicas = [open({ maxAgeMs: 1000 }), open({ maxAgeMs: 1000 })];
    await replicas[0]?.accept(numbers(2500).map((n) => entry(n)));
    for (const one of replicas) one.time = 1001;
    for (let i = 0; i < 3; i++) await Promise.all(replicas.map((one) => one.maintain()));
    const expired = replicas.flatMap((one) => one.expired);
    expect(expired.reduce((sum, [, records]) => sum + records, 0)).toBe(2500);
  });

  test('decide about more calls at once than there is room for locks', async () => {
    const { open } = newPlace();
    const [a, b] = [open(), open()];
    const entries = numbers(1200).map((n) => entry(n));
    const accepted = await Promise.all([a.accept(entries), b.accept(entries), a.acceptOne(entry(7))]);
    const counted = Object.groupBy(accepted.flat(), (one) => one);
    expect([counted.new?.length, counted.duplicate?.length]).toEqual([1200, 1201]);
  });

  test("take LiteLLM's 512 events while another stands still with a call of its own, also if all of them failed", async () => {
    const { outside, open } = newPlace();
    const store = open();
    await store.acceptOne(entry('warm'));
    const { promise: stands, resolve: goOn } = Promise.withResolvers<void>();
    const { promise: locked, resolve: hasLocked } = Promise.withResolvers<void>();
    const still = outside.transaction(async (tx) => {
      await tx.query(POSTGRES_SQL.lockCalls, [['another call']]);
      hasLocked();
      await stands;
    });
    onTestFinished(() => goOn());
    await locked;
    const failures = numbers(512).map((n) => failure(n, { words: `words ${n}` }));
    expect(new Set(await store.accept(failures))).toEqual(new Set(['new']));
    goOn();
    await still;
  });

  test('notice what an operator changes, each of them once', async () => {
    const { outside, open } = newPlace();
    const replicas = [open(), open()];
    const noticed = () => Promise.all(replicas.map((one) => one.changedElsewhere()));
    expect(await noticed()).toEqual([false, false]);
    await replicas[0]?.acceptOne(entry(1));
    expect(await noticed()).toEqual([false, false]);
    await outside.query("UPDATE signal SET version = version + 1 WHERE name = 'deliveries'");
    expect(await noticed()).toEqual([true, true]);
    expect(await noticed()).toEqual([false, false]);
  });

  test('release the records of a backend that one of them has no more', async () => {
    const { open } = newPlace();
    const backends = ['akto', 'capsule'];
    const [a, b] = [open({ backends }), open()];
    await a.accept([entry(1), entry(2, { backends: ['capsule'] })]);
    await Promise.all([a.due('akto', some(9)), a.due('capsule', some(9))]);
    backends.pop();
    await a.maintain();
    expect(await b.due('capsule', some(9))).toEqual([]);
    const later = performance.now() + 200_000;
    vi.spyOn(performance, 'now').mockReturnValue(later);
    onTestFinished(() => void vi.restoreAllMocks());
    await a.maintain();
    expect(named(await b.due('capsule', some(9)))).toEqual(['2']);
    expect(await b.due('akto', some(9))).toEqual([]);
  });
});

describe('the outbox in Postgres', () => {
  test('leaves a record alone that a replica is handed while another event is to take its place', async () => {
    const { outside, open } = newPlace();
    const store = open();
    await store.acceptOne(failure(1));
    const other = await begin(outside, 'UPDATE delivery SET owner = 5, state = 0');
    const accepting = store.acceptOne(entry(1));
    await until(() => waitsForLock(outside, 'delivery'), 'the success waits for the other replica');
    await other.end();
    expect(await accepting).toBe('late');
  });

  test('tells which statement of a transaction failed, and not one behind it', async () => {
    const { outside, open } = newPlace({ statementTimeoutMs: 300 });
    const store = open();
    await store.acceptOne(failure(1));
    const other = await begin(outside, 'UPDATE delivery SET owner = owner');
    await expect(store.acceptOne(entry(1))).rejects.toMatchObject({
      ...{ name: 'OutboxError', kind: 'unavailable', cause: { code: 'timeout' } },
    });
    await other.end();
    expect(await store.acceptOne(entry(1))).toBe('new');
  });

  test('stores a row that nobody can read once, though its handover was cut off and is made again', async () => {
    const { open } = newPlace();
    const store = open();
    const { payload } = deferredBadRow({ reason: 'not_json', payload: '"x' }, NOON);
    for (let i = 0; i < 2; i++) {
      const deferred = readDeferred(payload);
      store.time += 1000;
      if (deferred !== undefined && 'bad' in deferred) await store.accept([entry(i)], [deferred.bad]);
    }
    expect((await store.stats()).backends).toMatchObject({ intake: { dead: 1 }, akto: { records: 2 } });
  });

  test('tries a deadlock again', async () => {
    const { outside, open } = newPlace();
    const store = open();
    await store.accept(numbers(2).map((n) => entry(n)));
    const [a = 0, b = 0] = (await store.all()).map(({ id }) => id);
    const other = await begin(outside, `SELECT FROM payload WHERE id = ${b} FOR UPDATE`);
    const acking = store.ack([{ kind: 'delivered', backend: 'akto', ids: [a, b] }]);
    await until(() => waitsForLock(outside, 'payload'), 'the ack waits for the second record');
    await other.run(`SELECT FROM payload WHERE id = ${a} FOR UPDATE`);
    await other.end();
    await acking;
    expect((await store.stats()).backends.akto?.records).toBe(0);
  });

  test('buries a record whose content is gone', async () => {
    const { outside, open } = newPlace();
    const store = open();
    await store.accept(numbers(2).map((n) => entry(n)));
    await outside.query('DELETE FROM payload WHERE id = (SELECT min(id) FROM payload)');
    expect(named(await store.all())).toEqual(['1']);
    expect(store.unreadable).toEqual(['akto']);
  });

  test('stores texts that Postgres cannot hold as they are', async () => {
    const { open } = newPlace();
    const store = open();
    const odd = { callKey: 'a\0 \ud800 id', eventKey: '\0', trace: '\0', ref: '\0ref', words: '\ud800' };
    expect(await store.acceptOne(entry(1, odd))).toBe('new');
    expect(await store.acceptOne(entry(1, odd))).toBe('duplicate');
    expect([...(await store.known([odd.callKey, 'another'])).keys()]).toEqual([odd.callKey]);
    const [due] = await store.all();
    await store.ack([{ kind: 'dead', backend: 'akto', ids: [due?.id ?? 0], reason: 'a \0 reason' }]);
    expect((await store.stats()).backends.akto).toMatchObject({ records: 0, dead: 1 });
  });

  test('packs contents, and takes one of many megabytes', async () => {
    const { outside, open } = newPlace();
    const store = open();
    const payload = payloadOf('large', 20 * MB);
    await store.accept([entry(1, { payload: payloadOf(1, 10_000) }), entry(2, { payload })]);
    const sizes = await outside.query<{ size: number }>(
      'SELECT octet_length(body) AS size FROM payload ORDER BY id',
    );
    expect(sizes[0]?.size).toBeLessThan(1000);
    const due = await store.due('akto', some(9));
    expect(due.map((one) => one.payload.length)).toEqual([10_000]);
    await store.ack([{ kind: 'delivered', backend: 'akto', ids: due.map(({ id }) => id) }]);
    expect((await store.due('akto', some(9)))[0]?.payload).toBe(payload);
  });

  test('goes by the clock of the database, whatever that of the replica shows', async () => {
    const { open } = newPlace();
    const store = open({ now: undefined as never });
    const now = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
    onTestFinished(() => void vi.restoreAllMocks());
    await store.accept([entry(1), failure(2, { holdMs: 400, acceptedAt: Date.now() })]);
    const [first] = await store.due('akto', some(9));
    expect(Math.abs((first?.acceptedAt ?? 0) - now())).toBeLessThan(5000);
    await store.ack([{ kind: 'retry', backend: 'akto', ids: [first?.id ?? 0], dueAt: Date.now() + 300 }]);
    await until(async () => (await store.due('akto', some(9))).length === 2, 'both records are due');
  });

  test('forgets what was delivered a day ago, and the oldest sooner where records need the room', async () => {
    const { outside, open } = newPlace();
    const [store, tight, full] = [open(), open({ maxBytes: 500_000 }), open({ maxBytes: 1 })];
    await store.accept([...numbers(2100).map((n) => entry(n, { backends: [] })), entry('kept')]);
    full.time = 14 * 60_000;
    await full.maintain();
    expect(await store.acceptOne(entry(7))).toBe('duplicate');
    store.time = tight.time = full.time = 23 * 3_600_000;
    const left = async () => (await outside.query('SELECT id FROM record')).length;
    await store.maintain();
    expect(await left()).toBe(2101);
    await tight.maintain();
    expect(await left()).toBe(Math.floor((500_000 * 0.7) / 300));
    expect((await store.known(['call-2099', 'call-0'])).size).toBe(1);
    await full.maintain();
    expect(await left()).toBe(1);
    store.time = 25 * 3_600_000;
    await store.ack([{ kind: 'delivered', backend: 'akto', ids: (await store.all()).map(({ id }) => id) }]);
    await store.acceptOne(entry('new', { startedAt: NOON, endedAt: NOON }));
    await store.maintain();
    expect(await left()).toBe(1);
  });

  test('leaves an event alone that is to be delivered, whatever became of its content', async () => {
    const { outside, open } = newPlace();
    const store = open();
    await store.acceptOne(entry(1));
    await outside.query('DELETE FROM payload');
    store.time = 25 * 3_600_000;
    await store.maintain();
    expect(await store.all()).toEqual([]);
    expect(store.unreadable).toEqual(['akto']);
    store.time = 8 * DAY_MS;
    await store.maintain();
    expect(store.expired).toEqual([['akto', 1]]);
  });

  test('counts very many about, from the ends of their queues and the newest contents', async () => {
    const { outside, open } = newPlace();
    const store = open();
    await store.accept(
      numbers(500).map((n) =>
        entry(n, { payload: payloadOf(n, 4000), ...(n < 10 && { backends: ['capsule'] }) }),
      ),
    );
    const exact = await store.stats();
    // As if they were that many: an estimate of Postgres
    await outside.query(
      "UPDATE pg_class SET reltuples = 2000000 WHERE oid = ANY (ARRAY['delivery', 'payload']::regclass[])",
    );
    const rough = await open().stats();
    expect(rough.backends).toEqual(exact.backends);
    const average = exact.usedBytes / 500;
    expect(Math.abs(rough.usedBytes / (2_000_000 * average) - 1)).toBeLessThan(0.2);
  });

  test('goes on after a restart of the server, and holds what it held', async () => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.remove());
    const { open } = newPlace({ url: postgres.url, connectTimeoutMs: 500 });
    const options = { leaseMs: 500 };
    const [a, b] = [open(options), open(options)];
    await a.accept(numbers(2).map((n) => entry(n)));
    const held = await a.due('akto', some(1));
    await postgres.stop('immediate');
    await expect(a.acceptOne(entry(3))).rejects.toMatchObject({ name: 'OutboxError', kind: 'unavailable' });
    await expect(a.due('akto', some(1))).rejects.toMatchObject({ kind: 'unavailable' });
    await wait(700);
    await postgres.start();
    await until(
      () =>
        b.due('akto', some(9)).then(
          () => true,
          () => false,
        ),
      'the server is back',
    );
    expect(named(await b.due('akto', some(9)))).toEqual(['1']);
    await a.ack([{ kind: 'delivered', backend: 'akto', ids: held.map(({ id }) => id) }]);
    expect((await b.stats()).backends.akto?.records).toBe(1);
    expect(await a.acceptOne(entry(3))).toBe('new');
  });
});
