import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { EmbeddedAdmin } from '../../src/outbox/embedded-admin.ts';
import { type OpenOptions, openOutboxFile } from '../../src/outbox/file.ts';
import { MIGRATIONS, VERSION } from '../../src/outbox/schema.ts';
import { aktoAt } from '../support/bridge.ts';
import { runChild, startServing } from '../support/child.ts';
import { randomFrom } from '../support/random.ts';
import { entry, named, openStore, temporaryFolder } from '../support/store.ts';

/** The statements of the first release. Files of it exist: what is here never changes. */
const FIRST_RELEASE = `
CREATE TABLE record (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  record_id TEXT NOT NULL,
  call_key TEXT NOT NULL,
  outcome TEXT NOT NULL,
  event_key TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  ref TEXT,
  accepted_at INTEGER NOT NULL,
  held_until INTEGER NOT NULL,
  absorbed INTEGER NOT NULL,
  pending INTEGER NOT NULL
) STRICT;
CREATE INDEX record_call ON record (call_key, ended_at);
CREATE INDEX record_done ON record (accepted_at) WHERE pending = 0;
CREATE TABLE payload (
  id INTEGER PRIMARY KEY,
  checksum INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE TABLE delivery (
  backend TEXT NOT NULL,
  state INTEGER NOT NULL,
  record INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  reason TEXT,
  PRIMARY KEY (backend, state, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_waiting ON delivery (due_at) WHERE state = 1;
CREATE TABLE note (
  id INTEGER PRIMARY KEY,
  size_before INTEGER NOT NULL,
  chunk TEXT NOT NULL
) STRICT;
PRAGMA application_id = 1279738417;
PRAGMA user_version = 1;
INSERT INTO record VALUES
  (1, 'aa11', 'call-a', 'success', 'event', 1000, 2000, NULL, 3000, 0, 0, 1),
  (2, 'bb22', 'call-b', 'failure', 'event', 1000, 2000, NULL, 3000, 0, 0, 1);
INSERT INTO payload VALUES (1, 2683867692, '{"n":"a"}'), (2, 2646486133, '{"n":"b"}');
INSERT INTO delivery VALUES ('akto', 0, 1, 0, 0, NULL), ('akto', 2, 2, 0, 3, 'HTTP 400');
INSERT INTO note VALUES (1, 0, 'a note');
`;

/** A later release's: another column of the queue, and a table. */
const NEXT = [
  ...MIGRATIONS,
  "ALTER TABLE delivery ADD COLUMN region TEXT NOT NULL DEFAULT 'eu'; CREATE TABLE cake (plums INTEGER) STRICT;",
  "UPDATE delivery SET region = 'us' WHERE state = 2;",
];

function fileOf(statements = ''): string {
  const dir = temporaryFolder();
  const db = new DatabaseSync(join(dir, 'outbox.db'));
  db.exec(FIRST_RELEASE + statements);
  db.close();
  return dir;
}

function openAs(dir: string, migrations: OpenOptions['migrations'] = MIGRATIONS) {
  const file = openOutboxFile(dir, ['akto'], { migrations });
  onTestFinished(() => {
    if (file.db.isOpen) file.close();
  });
  const rows = (sql: string) =>
    file.db
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
  return { ...file, rows, version: () => rows('PRAGMA user_version')[0]?.user_version };
}

/** The files of an outbox but for SQLite's shared memory, which says nothing of the records. */
function contents(dir: string): Record<string, string> {
  const names = fs.readdirSync(dir).filter((name) => name.startsWith('outbox') && !/lock|-shm$/.test(name));
  const files = names.map((name) => [name, fs.readFileSync(join(dir, name), 'base64')] as const);
  return Object.fromEntries(files.filter(([, bytes]) => bytes !== ''));
}

test('a file of the first release is opened with all its records', async () => {
  const store = openStore({ dir: fileOf() });
  expect(await store.all()).toEqual([
    { id: 1, recordId: 'aa11', acceptedAt: 3000, attempts: 0, payload: '{"n":"a"}' },
  ]);
  expect((await store.stats()).backends.akto).toEqual({ records: 1, dead: 1, oldestAt: 3000 });
  expect([...(await store.known(['call-a', 'call-b', 'call-c'])).keys()]).toEqual(['call-a', 'call-b']);
  expect(await store.notes()).toEqual([]);
  expect(await store.acceptOne(entry('new'))).toBe('new');
  expect(store.damages).toEqual([]);
});

test('a file of an older version is migrated when it is opened, once', () => {
  const dir = fileOf();
  const { rows, version, damage, close } = openAs(dir, NEXT);
  expect(version()).toBe(VERSION + 2);
  expect(damage).toBeUndefined();
  expect(rows('SELECT record, state, region FROM delivery')).toEqual([
    { record: 1, state: 0, region: 'eu' },
    { record: 2, state: 2, region: 'us' },
  ]);
  close();
  expect(openAs(dir, NEXT).rows('SELECT count(*) AS cakes FROM cake')).toEqual([{ cakes: 0 }]);
});

test('a new file has the newest version', () => {
  const { rows, version } = openAs(temporaryFolder(), NEXT);
  expect(version()).toBe(VERSION + 2);
  expect(rows('SELECT region FROM delivery')).toEqual([]);
});

test('a migration that fails leaves the file as it was, usable by the earlier release', async () => {
  const dir = fileOf();
  expect(() => openAs(dir, [...NEXT, 'UPDATE no_such_table SET plums = 1;'])).toThrow('no_such_table');
  const store = openStore({ dir });
  expect(named(await store.all())).toEqual(['a']);
  expect(store.damages).toEqual([]);
  await store.close();
  expect(openAs(dir, NEXT).version()).toBe(VERSION + 2);
});

test('a process that ends during a migration leaves the file as it was', () => {
  const dir = fileOf();
  const killed = temporaryFolder();
  const { db } = openAs(dir);
  db.exec(`BEGIN IMMEDIATE; PRAGMA cache_spill = 1; ${NEXT[VERSION]}`);
  db.exec('INSERT INTO note (size_before, chunk) VALUES (6, zeroblob(40000000))');
  expect(fs.statSync(join(dir, 'outbox.db-wal')).size).toBeGreaterThan(1_000_000);
  for (const name of ['outbox.db', 'outbox.db-wal']) fs.copyFileSync(join(dir, name), join(killed, name));
  const { rows, version, damage } = openAs(killed);
  expect([version(), damage]).toEqual([VERSION, undefined]);
  expect(rows('SELECT record FROM delivery')).toEqual([{ record: 1 }, { record: 2 }]);
  expect(rows('SELECT chunk FROM note')).toEqual([]);
});

test('a damaged file of an older version is put aside, and the rest of it gets the newest version', () => {
  const dir = fileOf('DROP INDEX record_call;');
  const { damage, rows } = openAs(dir, NEXT);
  expect(damage).toMatchObject({ reason: 'schema', kept: 2 });
  expect(rows('SELECT record, region FROM delivery')).toEqual([
    { record: 1, region: 'eu' },
    { record: 2, region: 'eu' },
  ]);
});

test.each([
  { name: 'closed', isKilled: false },
  { name: 'killed, with its newest pages in the log', isKilled: true },
])('a file of a newer release, $name, is refused and stays as it is', async ({ isKilled }) => {
  const newer = fileOf();
  const { close } = openAs(newer, NEXT);
  const dir = isKilled ? temporaryFolder() : newer;
  if (isKilled) {
    for (const name of ['outbox.db', 'outbox.db-wal']) fs.copyFileSync(join(newer, name), join(dir, name));
  }
  close();
  const before = contents(dir);
  const store = openStore({ dir });
  await expect(store.accept([entry(1)])).rejects.toMatchObject({ name: 'OutboxError', kind: 'unavailable' });
  await expect(store.all()).rejects.toMatchObject({ kind: 'unavailable' });
  expect(store.unavailable).toEqual(['newer_version']);
  expect(store.advice.join()).toContain(
    `outbox.db has format version ${VERSION + 2}, and this release understands versions up to ${VERSION}: start the release that wrote it`,
  );
  await store.close();
  expect(() => new EmbeddedAdmin(dir, 'read')).toThrow(`format version ${VERSION + 2}`);
  expect(contents(dir)).toEqual(before);
  expect(openAs(dir, NEXT).rows('SELECT record FROM delivery')).toEqual([{ record: 1 }, { record: 2 }]);
});

test('once the file of a newer release is moved away, records are stored again', async () => {
  const dir = fileOf('PRAGMA user_version = 9;');
  const store = openStore({ dir });
  await expect(store.accept([entry(1)])).rejects.toMatchObject({ kind: 'unavailable' });
  fs.renameSync(join(dir, 'outbox.db'), join(dir, 'kept.db'));
  for (const suffix of ['-wal', '-shm']) fs.rmSync(join(dir, `outbox.db${suffix}`), { force: true });
  expect(await store.acceptOne(entry(1))).toBe('new');
  expect(store.unavailable).toEqual(['newer_version', undefined]);
  expect(store.damages).toEqual([]);
});

test('a command leaves a file that is not migrated yet to the bridge', () => {
  const dir = fileOf('PRAGMA user_version = 0;');
  expect(() => new EmbeddedAdmin(dir, 'write')).toThrow('start the bridge, which migrates it');
});

/** Migrates an outbox in a process of its own: `node -e MIGRATE FOLDER STATEMENTS`. */
const MIGRATE = `
  const { openOutboxFile } = await import(${JSON.stringify(new URL('../../src/outbox/file.ts', import.meta.url).href)});
  const [folder, migrations] = process.argv.slice(1);
  process.stdout.write('begins');
  openOutboxFile(folder, ['akto'], { migrations: JSON.parse(migrations) }).close();
  process.stdout.write(' ends');
`;

test('a process that is killed while it migrates leaves the file whole: as it was, or migrated', async () => {
  const dir = fileOf();
  const store = openStore({ dir });
  const long = 'x'.repeat(20_000);
  await store.accept(
    Array.from({ length: 500 }, (_, i) => entry(`long-${i}`, { payload: JSON.stringify({ i, long }) })),
  );
  await store.close();
  const before = fs.mkdtempSync(join(temporaryFolder(), 'before-'));
  fs.cpSync(dir, before, { recursive: true });
  // Writes every page more than once, and more than fits into memory
  const rewrite = "UPDATE payload SET body = body || ' '; UPDATE payload SET body = rtrim(body);";
  const larger = [...NEXT, rewrite.repeat(5)];
  const random = randomFrom(1);
  const versions: unknown[] = [];
  for (let kills = 0; kills < 8; kills++) {
    fs.rmSync(dir, { recursive: true });
    fs.cpSync(before, dir, { recursive: true });
    const child = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      MIGRATE,
      dir,
      JSON.stringify(larger),
    ]);
    // It may end by itself before it is killed
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    await wait(random() * 400);
    child.kill('SIGKILL');
    await ended;
    const { damage, version, rows, close } = openAs(
      dir,
      versionOf(dir) === larger.length ? larger : MIGRATIONS,
    );
    versions.push(version());
    expect(damage).toBeUndefined();
    expect(
      rows('SELECT count(*) AS records, sum(length(body)) AS letters FROM payload JOIN record USING (id)'),
    ).toEqual([{ records: 502, letters: expect.any(Number) }]);
    expect(rows("SELECT count(*) AS queued FROM delivery WHERE backend = 'akto'")).toEqual([{ queued: 502 }]);
    close();
  }
  expect(versions).toContain(VERSION);
  expect(openAs(before, larger).version()).toBe(larger.length);
}, 60_000);

/** The version that a file tells, with what its log adds. */
function versionOf(dir: string): unknown {
  const db = new DatabaseSync(join(dir, 'outbox.db'));
  const { user_version } = db.prepare('PRAGMA user_version').get() ?? {};
  db.close();
  return user_version;
}

test('a bridge judges on beside the file of a newer release, which stays as it is, and its commands say so', async () => {
  const dir = fileOf();
  openAs(dir, NEXT).close();
  const before = contents(dir);
  const sentence = `outbox.db has format version ${VERSION + 2}, and this release understands versions up to ${VERSION}: start the release that wrote it`;
  const env = { ...aktoAt('http://127.0.0.1:1'), DATA_DIR: dir };
  const bridge = await startServing(env);
  const post = (path: string, body: object) =>
    fetch(bridge.url + path, { method: 'POST', body: JSON.stringify(body) });
  const call = { input_type: 'request', litellm_call_id: 'a', litellm_trace_id: 'a', texts: ['a'] };
  expect(await (await post('/', call)).json()).toMatchObject({ action: 'BLOCKED' });
  expect((await post('/v1/litellm/logs', [{ litellm_call_id: 'a', status: 'success' }])).status).toBe(503);
  const told = bridge.lines().find(({ msg }) => msg.startsWith(`records cannot be stored: ${sentence}`));
  expect(told).toMatchObject({ level: 'error', code: 'newer_version' });
  bridge.send('SIGTERM');
  expect(await bridge.exit).toEqual({ code: 0, signal: null });
  for (const command of ['status', 'list', 'export']) {
    const { code, stderr } = await runChild({ args: ['outbox', command], env });
    expect({ command, code }).toEqual({ command, code: 1 });
    expect(stderr).toContain(sentence);
  }
  expect(contents(dir)).toEqual(before);
  expect(openAs(dir, NEXT).version()).toBe(VERSION + 2);
}, 60_000);
