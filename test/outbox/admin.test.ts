import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { countIn } from '../../src/outbox/admin.ts';
import { EmbeddedAdmin } from '../../src/outbox/embedded-admin.ts';
import { entryOf, HOUR_MS, type StoredOutbox, settleAll, storedOutbox } from '../support/stored-outbox.ts';

let stored: StoredOutbox;
beforeEach(() => {
  stored = storedOutbox();
});
afterEach(() => stored.remove());

const T0 = 1_795_244_873_000;
const both = { records: 1000, bytes: 1e9, except: new Set<number>() };

/** Reads of everything, on a admin that is closed again. */
async function seen(now = T0) {
  const admin = new EmbeddedAdmin(stored.dir, 'read');
  const found = { backlogs: await admin.backlogs(now), page: await admin.page({}, 0, 1000) };
  await admin.close();
  return found;
}

test('a folder without an outbox cannot be opened, and gets no file', () => {
  expect(() => new EmbeddedAdmin(stored.dir, 'write')).toThrow('missing');
  expect(() => new EmbeddedAdmin(join(stored.dir, 'not', 'there'), 'read')).toThrow('missing');
  expect(readdirSync(stored.dir)).toEqual([]);
});

test.each([
  { name: 'another database', sql: 'PRAGMA application_id = 7', said: 'not_an_outbox' },
  { name: 'a later version', sql: 'PRAGMA user_version = 9', said: 'format version 9' },
])('$name is refused', async ({ sql, said }) => {
  const outbox = stored.open();
  await outbox.accept([entryOf('a')]);
  await outbox.close();
  const db = new DatabaseSync(join(stored.dir, 'outbox.db'));
  db.exec(sql);
  db.close();
  expect(() => new EmbeddedAdmin(stored.dir, 'write')).toThrow(said);
});

test('a file that is no database is an error of SQLite', () => {
  writeFileSync(join(stored.dir, 'outbox.db'), 'plum cake '.repeat(1000));
  expect(() => new EmbeddedAdmin(stored.dir, 'read')).toThrow(expect.objectContaining({ errcode: 26 }));
});

test('an admin tells if a bridge is running, and the bridge does not notice', async () => {
  const outbox = stored.open();
  await outbox.accept([entryOf('a')]);
  const admin = new EmbeddedAdmin(stored.dir, 'read');
  expect([await admin.isServed(), await admin.isServed()]).toEqual([true, true]);
  await outbox.accept([entryOf('b')]);
  await outbox.close();
  expect(await admin.isServed()).toBe(false);
  // The lock is free for the next
  await stored.open().accept([entryOf('c')]);
  expect(await admin.isServed()).toBe(true);
  await admin.close();
});

test('backlogs count due, waiting and dead records, with the oldest of each', async () => {
  const early = stored.open(T0 - 3 * HOUR_MS);
  await early.accept([entryOf('a', { backends: ['akto'] }), entryOf('b', { backends: ['capsule'] })]);
  await settleAll(early, 'capsule', 'dead');
  await early.close();
  const outbox = stored.open(T0 - HOUR_MS);
  await outbox.accept([
    entryOf('c'),
    entryOf('d', { backends: ['akto'], outcome: 'failure', holdMs: 2 * HOUR_MS }),
  ]);
  expect((await seen()).backlogs).toEqual([
    { backend: 'akto', due: 2, waiting: 1, dead: 0, oldestAt: T0 - 3 * HOUR_MS, oldestDeadAt: undefined },
    {
      backend: 'capsule',
      due: 1,
      waiting: 0,
      dead: 1,
      oldestAt: T0 - HOUR_MS,
      oldestDeadAt: T0 - 3 * HOUR_MS,
    },
  ]);
});

test('a record that waited long enough is due, also before the bridge has looked', async () => {
  const outbox = stored.open(T0);
  await outbox.accept([entryOf('a', { outcome: 'failure', holdMs: 5000, backends: ['akto'] })]);
  expect((await seen(T0 + 4999)).backlogs).toMatchObject([{ due: 0, waiting: 1 }]);
  expect((await seen(T0 + 5000)).backlogs).toMatchObject([{ due: 1, waiting: 0 }]);
});

test('rows that could not be read belong to intake', async () => {
  await stored.open(T0).accept([], [{ reason: 'not JSON', payload: '{plum' }]);
  expect((await seen()).backlogs).toEqual([
    { backend: 'intake', due: 0, waiting: 0, dead: 1, oldestAt: undefined, oldestDeadAt: T0 },
  ]);
});

test('pages list all deliveries in the order of records and split no record', async () => {
  const outbox = stored.open(T0);
  await outbox.accept(Array.from({ length: 25 }, (_, i) => entryOf(`call-${i}`)));
  await settleAll(outbox, 'capsule', 'dead', { records: 20 });
  await settleAll(outbox, 'akto', 'delivered', { records: 3 });
  const admin = new EmbeddedAdmin(stored.dir, 'read');
  const pages = [];
  for (let after = 0; ; ) {
    const page = await admin.page({}, after, 4);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.record;
    pages.push(page);
  }
  const keys = pages.flat().map(({ backend, record }) => `${record} ${backend}`);
  expect(keys.length).toBe(47);
  expect(new Set(keys).size).toBe(47);
  const firsts = pages.map((page) => page[0]?.record);
  expect(new Set(firsts).size).toBe(pages.length);
  expect((await admin.page({ dead: true }, 0, 1000)).length).toBe(20);
  expect((await admin.page({ backend: 'akto' }, 0, 1000)).length).toBe(22);
  expect([
    await countIn(admin, {}),
    await countIn(admin, { dead: true }),
    await countIn(admin, { backend: 'akto' }),
  ]).toEqual([47, 20, 22]);
  await admin.close();
});

test('a record is found by its id or by the beginning of its record_id', async () => {
  await stored.open(T0).accept([entryOf('a'), entryOf('b')]);
  const [a] = (await seen()).page;
  const admin = new EmbeddedAdmin(stored.dir, 'read');
  expect(await admin.find('1')).toEqual([1]);
  expect(await admin.find(a?.recordId.slice(0, 8) ?? '')).toEqual([1]);
  expect(await admin.find('')).toEqual([1, 2]);
  expect(await admin.find('99')).toEqual(a?.recordId.startsWith('99') ? [1] : []);
  expect(await admin.load(1)).toMatchObject({ callKey: 'a', outcome: 'success', intact: true });
  expect(await admin.load(3)).toBeUndefined();
  await admin.close();
});

test('a retried record is due for the running bridge, as if never tried', async () => {
  const outbox = stored.open(T0);
  await outbox.accept([entryOf('a'), entryOf('b')]);
  await settleAll(outbox, 'akto', 'retry', { dueAt: T0 - 1 });
  await settleAll(outbox, 'akto', 'dead');
  await settleAll(outbox, 'capsule', 'retry', { dueAt: T0 + HOUR_MS });
  expect(await outbox.due('akto', both)).toEqual([]);
  const admin = new EmbeddedAdmin(stored.dir, 'write');
  const keys = await admin.page({}, 0, 100);
  expect(keys.map(({ attempts, reason }) => [attempts, reason])).toContainEqual([1, 'HTTP 400: no plums']);
  expect(await admin.retry(keys, T0)).toEqual(keys);
  // Where they were, there is nothing any more
  expect(await admin.retry(keys, T0)).toEqual([]);
  await admin.close();
  for (const backend of ['akto', 'capsule']) {
    const due = await outbox.due(backend, both);
    expect(due.map(({ id, attempts }) => [id, attempts])).toEqual([
      [1, 0],
      [2, 0],
    ]);
  }
});

test('a dropped record is not due, and its content goes when no backend needs it', async () => {
  const outbox = stored.open(T0);
  await outbox.accept([entryOf('a')]);
  const admin = new EmbeddedAdmin(stored.dir, 'write');
  expect((await admin.drop(await admin.page({ backend: 'akto' }, 0, 10))).length).toBe(1);
  expect((await admin.load(1))?.body).toContain('plum');
  expect(await outbox.due('akto', both)).toEqual([]);
  expect((await admin.drop(await admin.page({}, 0, 10))).length).toBe(1);
  expect(await admin.load(1)).toMatchObject({ body: undefined, intact: false });
  // The call is still known, so that a duplicate does not come back
  expect(await outbox.accept([entryOf('a')])).toEqual(['duplicate']);
  await admin.close();
});

test('a bridge that delivers a record dropped meanwhile counts nothing twice', async () => {
  const outbox = stored.open(T0);
  await outbox.accept([entryOf('a')]);
  const admin = new EmbeddedAdmin(stored.dir, 'write');
  await admin.drop(await admin.page({ backend: 'akto' }, 0, 10));
  await outbox.ack([{ kind: 'delivered', backend: 'akto', ids: [1] }]);
  expect((await admin.load(1))?.body).toContain('plum');
  expect((await outbox.due('capsule', both)).length).toBe(1);
  await admin.close();
});

test('the bridge goes on storing while an admin is open for writing', async () => {
  const outbox = stored.open(T0);
  await outbox.accept([entryOf('a')]);
  const admin = new EmbeddedAdmin(stored.dir, 'write');
  for (let i = 0; i < 20; i++) {
    expect(await outbox.accept([entryOf(`more-${i}`)])).toEqual(['new']);
    await admin.retry(await admin.page({}, 0, 100), T0);
    expect(await countIn(admin, { backend: 'akto' })).toBe(i + 2);
  }
  await admin.close();
});
