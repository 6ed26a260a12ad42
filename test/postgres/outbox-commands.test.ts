import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import type { RecordOutbox } from '../../src/outbox/contract.ts';
import { deferredEntry } from '../../src/outbox/deferred.ts';
import { PostgresAdmin } from '../../src/outbox/postgres-admin.ts';
import { runCli } from '../support/cli.ts';
import { NOON, temporaryFolder } from '../support/store.ts';
import { entryOf, HOUR_MS, settleAll, storedOutbox } from '../support/stored-outbox.ts';
import { databaseConfig } from './server.ts';
import { sharedPlace } from './shared-outbox.ts';

/** Two records for both backends, one of them dead for Akto; one held; and a row nobody can read. */
async function fill(outbox: RecordOutbox): Promise<void> {
  await outbox.accept([entryOf('call-a')]);
  await settleAll(outbox, 'akto', 'dead', { reason: 'HTTP 400:\u001b[2J no\nplums' });
  await settleAll(outbox, 'capsule', 'retry', { dueAt: NOON + 3 * HOUR_MS + 12_000 });
  await outbox.accept(
    [entryOf('call-b'), entryOf('call-c', { outcome: 'failure', holdMs: 4 * HOUR_MS, backends: ['akto'] })],
    [{ reason: 'not JSON', payload: '{"plum' }],
  );
}

/** The same in a database and in a folder. */
async function bothFilled() {
  const config = databaseConfig();
  const place = sharedPlace(config);
  const shared = place.open();
  await fill(shared);
  const stored = storedOutbox();
  onTestFinished(() => stored.remove());
  const alone = stored.open(NOON);
  await fill(alone);
  const dir = temporaryFolder();
  const inDatabase = { DATA_DIR: dir, DATABASE_URL: config.url, DATABASE_SCHEMA: config.schema };
  const run = (env: Record<string, string>) => (args: string) =>
    runCli(['outbox', ...args.split(' ')], { env, now: () => NOON + 3 * HOUR_MS });
  return { run: run(inDatabase), runAlone: run({ DATA_DIR: stored.dir }), place, shared, dir, config };
}

const json = (text: string) => JSON.parse(text) as Record<string, unknown>;

const READING = [
  ...[
    'list',
    'list --dead',
    'list --json',
    'list --limit 2 --json',
    'list --backend capsule',
    'show 1',
    'show 4 --json',
  ],
  ...[
    'export',
    'export --dead',
    'show 99',
    'list --backend nobody',
    'drop --dead',
    'retry',
    'drop --all --backend akto',
  ],
];

test('outbox commands say of an outbox in a database what they say of one in a folder', async () => {
  const { run, runAlone } = await bothFilled();
  for (const args of READING) expect([args, await run(args)]).toEqual([args, await runAlone(args)]);
});

test.each([
  ['retry --all', 'retry 1 --json', 'list --json'],
  ['retry 4', 'retry 3', 'list --json'],
  ['drop --dead --yes', 'drop 2 --json', 'export', 'show 1'],
  ['drop --all --yes --json', 'status', 'list', 'show 1'],
])('outbox %s, and more, changes an outbox in a database as it does one in a folder', async (...commands) => {
  const { run, runAlone } = await bothFilled();
  for (const args of commands) {
    const [there, alone] = [await run(args), await runAlone(args)];
    if (args !== 'status') expect([args, there]).toEqual([args, alone]);
    else expect(there.out.split('\n').slice(1)).toEqual(alone.out.split('\n').slice(1));
  }
});

test('outbox commands wait for statements that take longer than a bridge gives them', async () => {
  const { shared, config, dir } = await bothFilled();
  await shared.close();
  const database = new Database(config, 'command');
  const locked = Promise.withResolvers<void>();
  const locking = database.transaction(async (tx) => {
    await tx.query('LOCK TABLE delivery');
    locked.resolve();
    await wait(2500);
  });
  await locked.promise;
  const env = { DATA_DIR: dir, DATABASE_URL: config.url, DATABASE_SCHEMA: config.schema };
  const status = await runCli(['outbox', 'status'], { env: { ...env, DATABASE_STATEMENT_TIMEOUT: '1' } });
  await locking;
  await database.close();
  expect(status).toMatchObject({ code: 0, err: '' });
});

test('outbox status counts the same, and says where the outbox is and what waits on this machine for it', async () => {
  const { run, runAlone, dir, config } = await bothFilled();
  const alone = await runAlone('status');
  const { out } = await run('status');
  expect(out.split('\n').slice(1)).toEqual(alone.out.split('\n').slice(1));
  const { host, pathname } = new URL(config.url);
  expect(out.split('\n')[0]).toMatch(
    /^outbox in schema test_\S+ of 127\.0\.0\.1:\d+\/postgres: \d.* in use, a bridge is running on it$/,
  );
  const { backends } = json((await runAlone('status --json')).out);
  const told = {
    data_dir: dir,
    bridge_running: true,
    backends,
    database: `${host}${pathname} ${config.schema}`,
  };
  expect(json((await run('status --json')).out)).toMatchObject({ ...told, fallback: null });

  const stored = storedOutbox();
  onTestFinished(() => stored.remove());
  const local = stored.open(NOON);
  await local.accept([entryOf('call-x'), entryOf('call-y')].map((entry) => deferredEntry(entry, NOON)));
  await local.accept([entryOf('call-before')]);
  await settleAll(local, '(database)', 'dead', { records: 1 });
  const env = { DATA_DIR: stored.dir, DATABASE_URL: config.url, DATABASE_SCHEMA: config.schema };
  const runThere = (args: string) =>
    runCli(['outbox', ...args.split(' ')], { env, now: () => NOON + HOUR_MS });
  expect((await runThere('status')).out).toContain(
    `\nin ${stored.dir}: 1 entry to be handed over to the database\nin ${stored.dir}: 1 entry that the database cannot store; see outbox list --local\nin ${stored.dir}: 2 deliveries of the time before the database; see outbox status --local\n`,
  );
  expect(json((await runThere('status --json')).out)).toMatchObject({
    fallback: { entries: 1, dead: 1, oldest_seconds: 3600, earlier: 2, used_bytes: expect.any(Number) },
  });
  expect(json((await runThere('list --local --dead --json')).out)).toMatchObject({ total: 1 });
  const shown = json((await runThere('show 2 --local')).out);
  expect(shown.record).toMatchObject({
    deferred: { entry: { callKey: 'call-y' } },
    payload: { event: { id: 'call-y' } },
  });
});

test('what a command puts back is noticed by all replicas, and goes out', async () => {
  const { run, place, shared } = await bothFilled();
  const other = place.open();
  other.time = shared.time = 3 * HOUR_MS;
  expect([await shared.changedElsewhere(), await other.changedElsewhere()]).toEqual([false, false]);
  expect((await run('list --dead --json')).code).toBe(0);
  expect([await shared.changedElsewhere(), await other.changedElsewhere()]).toEqual([false, false]);
  expect(json((await run('retry --all --json')).out)).toMatchObject({ retried: 2, bridge_running: true });
  expect([await shared.changedElsewhere(), await other.changedElsewhere()]).toEqual([true, true]);
  expect([await shared.changedElsewhere(), await other.changedElsewhere()]).toEqual([false, false]);
  expect([...(await other.all()), ...(await shared.all())]).toHaveLength(2);
});

test('a command that drops what a replica is delivering takes nothing from others, and the replica goes on', async () => {
  const { run, shared } = await bothFilled();
  const due = await shared.all('akto');
  expect(json((await run('drop 2 --backend akto --json')).out)).toEqual({ dropped: 1 });
  await shared.ack([{ kind: 'delivered', backend: 'akto', ids: due.map(({ id }) => id) }]);
  expect(await shared.all('capsule')).toHaveLength(1);
  expect(json((await run('show 2')).out)).toMatchObject({ record: { event: { id: 'call-b' } } });
});

test('a database that is not there is named without its password, and what is on this machine can be seen', async () => {
  const dir = temporaryFolder();
  const env = { DATA_DIR: dir, DATABASE_URL: 'postgres://bridge:pa55word@127.0.0.1:9/records' };
  const { code, err } = await runCli(['outbox', 'status'], { env });
  expect(code).toBe(1);
  expect(err).toBe(
    `guardrail-bridge: the database 127.0.0.1:9/records cannot be used: nothing listens there (ECONNREFUSED); --local is about DATA_DIR (${dir})\n`,
  );
  expect((await runCli(['outbox', 'status', '--local'], { env })).err).toContain(
    'there is no outbox in DATA_DIR',
  );
});

test('an operator whose clock is ahead puts nothing back that can still give way to another event', async () => {
  const config = databaseConfig();
  const shared = sharedPlace(config).open({ now: undefined as never });
  await shared.accept([entryOf('call-a', { outcome: 'failure', holdMs: HOUR_MS })]);
  const env = { DATA_DIR: temporaryFolder(), DATABASE_URL: config.url, DATABASE_SCHEMA: config.schema };
  const { out } = await runCli(['outbox', 'retry', '--all', '--json'], {
    env,
    now: () => Date.now() + 2 * HOUR_MS,
  });
  expect(json(out)).toMatchObject({ retried: 0 });
});

test.each([
  ['outbox', 'status'],
  ['outbox', 'list'],
  ['outbox', 'show', '1'],
  ['outbox', 'export'],
  ['outbox', 'retry', '--all'],
  ['outbox', 'drop', '--all', '--yes'],
  ['audit', 'verify'],
  ['audit', 'tail'],
  ['audit', 'export'],
])('%s %s names a schema that has no tables, and makes none', async (...args) => {
  const { url, schema } = databaseConfig();
  const env = { DATA_DIR: temporaryFolder(), DATABASE_URL: url, DATABASE_SCHEMA: schema };
  const { code, err } = await runCli(args, { env });
  expect(err).toContain(`there are no tables in schema ${schema}: see DATABASE_SCHEMA (no_tables)`);
  expect(code).toBe(1);
  const database = new Database(databaseConfig({ url }), 'command');
  onTestFinished(() => database.close());
  expect(await database.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema])).toEqual([]);
});

test('the records of a call are found by its id and by the reference of its block, as in a file', async () => {
  const { shared, config } = await bothFilled();
  const ref = '549861e136ee05f5';
  await shared.accept([entryOf('\nwords', { outcome: 'blocked', ref })]);
  const admin = new PostgresAdmin(new Database(config, 'command', 'read'));
  onTestFinished(() => admin.close());
  expect(await admin.ofCall({ callId: 'call-a', ref: null })).toMatchObject([
    { outcome: 'success', trace: null },
  ]);
  expect(await admin.ofCall({ callId: null, ref })).toMatchObject([{ outcome: 'blocked' }]);
  expect(await admin.ofCall({ callId: 'call-z', ref: null })).toEqual([]);
});
