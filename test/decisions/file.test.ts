import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';
import { DecisionStore, type DecisionStoreOptions } from '../../src/decisions/decision-store.ts';
import { openDecisionsFile } from '../../src/decisions/file.ts';
import { packRow } from '../../src/decisions/packed-row.ts';
import { openDecisions } from '../../src/decisions/reader.ts';
import { DECISION_MIGRATIONS } from '../../src/decisions/schema.ts';
import { blocked, hangingKeeper, keptIn, MB, row, testKeeper } from '../support/decisions.ts';
import { mount } from '../support/mount.ts';
import { temporaryFolder } from '../support/store.ts';

const DAY_MS = 86_400_000;

function openStore(changes: Partial<DecisionStoreOptions> = {}) {
  const dir = changes.dir ?? temporaryFolder();
  const damage: unknown[] = [];
  const store = new DecisionStore({
    ...{ dir, days: 7, maxBytes: 100 * MB, ships: false, onDamage: (one) => damage.push(one) },
    ...changes,
  });
  onTestFinished(() => store.close());
  const sender = randomUUID();
  let n = 0;
  const put = (...rows: string[]) => store.put(sender, ++n, rows.join('\n'));
  return { store, dir, damage, put };
}

const file = (dir: string) => join(dir, 'decisions.db');
const sizeOf = (dir: string) =>
  ['', '-wal'].reduce(
    (sum, suffix) => sum + (fs.statSync(file(dir) + suffix, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
const verdictsIn = async (dir: string) => {
  const kept = await keptIn(dir);
  const count = (verdict: string) => kept.filter((one) => one.verdict === verdict).length;
  return { allowed: count('allow'), blocked: count('block') };
};

test('a batch is stored once, however often it comes', async () => {
  const { store, dir } = openStore();
  store.put('a', 1, packRow(row()));
  store.put('a', 1, packRow(row()));
  store.put('b', 1, packRow(row({ litellm_call_id: 'call-2' })));
  expect(await keptIn(dir)).toHaveLength(2);
});

test('rows that are too old go, also those of a time when there was no bridge', async () => {
  const { store, dir, put } = openStore();
  const at = Date.now();
  for (const age of [0, 6.9, 7.1, 30])
    put(packRow(row({ litellm_call_id: `${age}`, at: at - age * DAY_MS })));
  while (store.maintain());
  expect((await keptIn(dir)).map(({ litellm_call_id: id }) => id)).toEqual(['0', '6.9']);
});

test('the file and its log stay within their bound: allowed calls go first, then the oldest of the others', async () => {
  const { dir, put } = openStore({ maxBytes: 10 * MB });
  const pad = { end_user: 'x'.repeat(200) };
  const many = (count: number, make: (n: number) => string) =>
    Array.from({ length: count }, (_, n) => make(n));
  let largest = 0;
  const putAll = (rows: string[]) => {
    for (let i = 0; i < rows.length; i += 400) {
      put(...rows.slice(i, i + 400));
      largest = Math.max(largest, sizeOf(dir));
    }
  };
  putAll(many(2000, (n) => packRow(blocked(`old ${n}`, { litellm_call_id: `b ${n}`, ...pad }))));
  putAll(many(10_000, (n) => packRow(row({ litellm_call_id: `a ${n}`, ...pad }))));
  const first = await verdictsIn(dir);
  expect(first.blocked).toBe(2000);
  expect(first.allowed).toBeGreaterThan(1000);
  expect(first.allowed).toBeLessThan(9000);
  putAll(many(10_000, (n) => packRow(blocked(`new ${n}`, { litellm_call_id: `c ${n}`, ...pad }))));
  const second = await verdictsIn(dir);
  expect(second.allowed).toBe(0);
  expect(second.blocked).toBeGreaterThan(3000);
  const reader = await openDecisions({ dir, database: undefined });
  expect(await reader.find('new 9999')).toHaveLength(1);
  expect(await reader.find('old 0')).toEqual([]);
  await reader.close();
  expect(largest).toBeLessThanOrEqual(10 * MB);
});

test('a bound that was lowered shrinks the file', async () => {
  const large = openStore({ maxBytes: 100 * MB });
  const pad = { end_user: 'x'.repeat(200) };
  for (let n = 0; n < 40; n++)
    large.put(
      ...Array.from({ length: 500 }, (_, i) => packRow(row({ litellm_call_id: `${n} ${i}`, ...pad }))),
    );
  large.store.close();
  const before = sizeOf(large.dir);
  const { store, dir, put } = openStore({ dir: large.dir, maxBytes: 10 * MB });
  while (store.maintain());
  put(packRow(row({ litellm_call_id: 'newest' })));
  expect(before).toBeGreaterThan(6 * MB);
  expect(sizeOf(dir)).toBeLessThan(6 * MB);
  expect((await keptIn(dir)).map(({ litellm_call_id: id }) => id)).toContain('newest');
});

test('while somebody reads for long the file grows to its bound and not beyond, and is written again afterwards', () => {
  const { dir, put } = openStore({ maxBytes: 10 * MB });
  put(packRow(row()));
  const reader = new DatabaseSync(file(dir), { readOnly: true });
  reader.exec('BEGIN; SELECT * FROM decision');
  let n = 0;
  const batch = () => put(...Array.from({ length: 400 }, () => packRow(row({ litellm_call_id: `${++n}` }))));
  expect(() => {
    for (;;) batch();
  }).toThrow('DECISIONS_MAX_MB');
  expect(sizeOf(dir)).toBeLessThanOrEqual(10 * MB);
  reader.close();
  batch();
  expect(sizeOf(dir)).toBeLessThanOrEqual(10 * MB);
});

test.each<[string, (path: string) => void]>([
  ['with a destroyed first page', (path) => fs.writeFileSync(path, 'x'.repeat(8192))],
  [
    'that is another database',
    (path) => {
      fs.rmSync(path);
      const other = new DatabaseSync(path);
      other.exec('CREATE TABLE plum (cake)');
      other.close();
    },
  ],
  [
    'without a table',
    (path) => {
      const db = new DatabaseSync(path);
      db.exec('DROP TABLE sender');
      db.close();
    },
  ],
  [
    'with a damaged page',
    (path) => {
      const size = fs.statSync(path).size;
      const fd = fs.openSync(path, 'r+');
      for (let at = 4096; at < size; at += 4096) fs.writeSync(fd, 'damage '.repeat(200), at);
      fs.closeSync(fd);
    },
  ],
  [
    'that is a folder',
    (path) => {
      fs.rmSync(path);
      fs.mkdirSync(path);
    },
  ],
])('a file %s is moved aside, and a new one begun', async (_, damage) => {
  const before = testKeeper();
  before.keeper.append(row());
  await before.keeper.close();
  fs.writeFileSync(join(before.dir, 'decisions.sqlite_notadb.2020-01-01T00-00-00-000Z.db'), '');
  damage(file(before.dir));
  const after = testKeeper({ dir: before.dir });
  after.keeper.append(row({ litellm_call_id: 'call-2' }));
  await after.keeper.close();
  expect((await keptIn(before.dir)).map(({ litellm_call_id: id }) => id)).toEqual(['call-2']);
  const aside = fs.readdirSync(before.dir).filter((name) => /^decisions\.\w+\.2.*\.db$/.test(name));
  expect(aside).toHaveLength(1);
  expect(after.lines).toContainEqual(
    expect.objectContaining({
      level: 'error',
      file: aside[0],
      msg: 'decisions.db cannot be used; it was moved aside, and a new one begun',
    }),
  );
});

test('a file of a newer release stays as it is; decisions are counted, told once, and the command says what to do', async () => {
  const before = testKeeper();
  before.keeper.append(row());
  await before.keeper.close();
  const db = new DatabaseSync(file(before.dir));
  db.exec('PRAGMA user_version = 9');
  db.close();
  const bytes = fs.readFileSync(file(before.dir));
  const after = testKeeper({ dir: before.dir });
  after.keeper.append(row());
  await vi.waitFor(() => expect(after.lines).toHaveLength(1), 10_000);
  expect(after.lines[0]).toMatchObject({
    code: 'newer_version',
    advice: expect.stringContaining('format version 9, and this release understands versions up to 1'),
  });
  await after.keeper.close();
  expect(await after.lost()).toEqual({ unavailable: 1 });
  expect(fs.readFileSync(file(before.dir)).equals(bytes)).toBe(true);
  await expect(openDecisions({ dir: before.dir, database: undefined })).rejects.toMatchObject({
    code: 'newer_version',
  });
});

test('a file of an earlier version is brought to the newest, and keeps its rows', async () => {
  const dir = temporaryFolder();
  const { store } = openStore({ dir });
  store.put('a', 1, packRow(row()));
  store.close();
  const next = [...DECISION_MIGRATIONS, 'ALTER TABLE decision ADD COLUMN later TEXT'];
  const opened = openDecisionsFile(dir, undefined, next);
  expect(opened.db.prepare('SELECT later, count(*) AS rows FROM decision').get()).toEqual({
    later: null,
    rows: 1,
  });
  opened.close();
});

test('in a read-only folder decisions wait, one line tells it, and they are stored once it can be written', async (context) => {
  const dir = temporaryFolder();
  mount(context, dir, 'size=16m');
  const remount = (how: string) => expect(spawnSync('mount', ['-o', `remount,${how}`, dir]).status).toBe(0);
  remount('ro');
  const { keeper, lines, lost } = testKeeper({ dir });
  keeper.append(row());
  await vi.waitFor(() => expect(lines).toHaveLength(1), 10_000);
  expect(keeper.health().isUp).toBe(false);
  remount('rw');
  await vi.waitFor(() => expect(lines).toHaveLength(2), 10_000);
  expect(lines[1]).toMatchObject({ level: 'warn', lost: 0, msg: 'decisions are kept again' });
  expect(keeper.health().isUp).toBe(true);
  await keeper.close();
  expect(await keptIn(dir)).toHaveLength(1);
  expect(await lost()).toEqual({});
});

test('on a full disk decisions wait within their bound, the oldest are lost and counted, and it is back by itself', async (context) => {
  const dir = temporaryFolder();
  mount(context, dir, 'size=1m');
  const { keeper, lines, lost } = testKeeper({ dir });
  keeper.append(row());
  await vi.waitFor(async () => expect(await keptIn(dir)).toHaveLength(1), 10_000);
  expect(() => fs.writeFileSync(join(dir, 'filler'), Buffer.alloc(MB))).toThrow('ENOSPC');
  const pad = { end_user: 'x'.repeat(200) };
  for (let n = 0; n < 2000; n++) keeper.append(row({ litellm_call_id: `first ${n}`, ...pad }));
  await vi.waitFor(() => expect(lines).toHaveLength(1), 10_000);
  for (let n = 0; n < 20_000; n++) keeper.append(row({ litellm_call_id: `call ${n}`, ...pad }));
  expect((await lost()).full).toBeGreaterThan(1000);
  expect(lines).toEqual([
    expect.objectContaining({
      level: 'error',
      code: expect.stringMatching(/SQLITE_FULL|SQLITE_IOERR|ENOSPC/),
    }),
  ]);
  spawnSync('mount', ['-o', 'remount,size=64m', dir]);
  await vi.waitFor(() => expect(lines).toHaveLength(2), 10_000);
  expect(lines[1]).toMatchObject({ msg: 'decisions are kept again', lost: (await lost()).full });
  await keeper.close();
  expect((await keptIn(dir)).some(({ litellm_call_id: id }) => id === 'call 19999')).toBe(true);
}, 60_000);

test('another bridge that has the folder is told of', async () => {
  const first = testKeeper();
  first.keeper.append(row());
  await vi.waitFor(async () => expect(await first.all()).toHaveLength(1), 10_000);
  const second = testKeeper({ dir: first.dir });
  second.keeper.append(row({ litellm_call_id: 'call-2' }));
  await vi.waitFor(() => expect(second.lines).toHaveLength(1), 10_000);
  expect(second.lines[0]).toMatchObject({
    code: 'LOCKED',
    advice: expect.stringContaining('give each its own'),
  });
  await first.keeper.close();
  await vi.waitFor(async () => expect(await second.all()).toHaveLength(2), 10_000);
});

test('a disk that hangs holds nothing up: what comes beyond the bound is lost and counted, told once', async () => {
  const { keeper, lines, lost, answer } = hangingKeeper();
  for (let n = 0; n < 40_000; n++) keeper.append(row({ litellm_call_id: `call ${n}` }));
  expect((await lost()).slow).toBeGreaterThan(10_000);
  expect(lines).toEqual([expect.objectContaining({ level: 'error', reason: 'slow' })]);
  answer();
  await vi.waitFor(() => expect(lines.at(-1)).toMatchObject({ msg: 'decisions are kept again' }), 10_000);
});
