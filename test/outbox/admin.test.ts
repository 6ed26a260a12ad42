import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isServed, OutboxAdmin } from '../../src/outbox/admin.ts';
import { entryOf, HOUR_MS, type StoredOutbox, settleAll, storedOutbox } from '../support/stored-outbox.ts';

let stored: StoredOutbox;
beforeEach(() => {
  stored = storedOutbox();
});
afterEach(() => stored.remove());

const T0 = 1_795_244_873_000;
const both = { records: 1000, bytes: 1e9, except: new Set<number>() };

/** Reads of everything, on a admin that is closed again. */
function seen(now = T0) {
  const admin = new OutboxAdmin(stored.dir, 'read');
  const found = { backlogs: admin.backlogs(now), page: admin.page({}, 0, 1000) };
  admin.close();
  return found;
}

test('a folder without an outbox cannot be opened, and gets no file', () => {
  expect(() => new OutboxAdmin(stored.dir, 'write')).toThrow('missing');
  expect(() => new OutboxAdmin(join(stored.dir, 'not', 'there'), 'read')).toThrow('missing');
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
  expect(() => new OutboxAdmin(stored.dir, 'write')).toThrow(said);
});

test('a file that is no database is an error of SQLite', () => {
  writeFileSync(join(stored.dir, 'outbox.db'), 'plum cake '.repeat(1000));
  expect(() => new OutboxAdmin(stored.dir, 'read')).toThrow(expect.objectContaining({ errcode: 26 }));
});

test('an admin tells if a bridge is running, and the bridge does not notice', async () => {
  expect(isServed(stored.dir)).toBe(false);
  const outbox = stored.open();
  await outbox.accept([entryOf('a')]);
  expect([isServed(stored.dir), isServed(stored.dir)]).toEqual([true, true]);
  await outbox.accept([entryOf('b')]);
  await outbox.close();
  expect(isServed(stored.dir)).toBe(false);
  // The lock is free for the next
  await stored.open().accept([entryOf('c')]);
  expect(isServed(stored.dir)).toBe(true);
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
  expect(seen().backlogs).toEqual([
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
  expect(seen(T0 + 4999).backlogs).toMatchObject([{ due: 0, waiting: 1 }]);
  expect(seen(T0 + 5000).backlogs).toMatchObject([{ due: 1, waiting: 0 }]);
});

test('rows that could not be read belong to intake', async () => {
  await stored.open(T0).accept([], [{ reason: 'not JSON', payload: '{plum' }]);
  expect(seen().backlogs).toEqual([
    { backend: 'intake', due: 0, waiting: 0, dead: 1, oldestAt: undefined, oldestDeadAt: T0 },
  ]);
});

test('pages list all deliveries in the order of records and split no record', async () => {
  const outbox = stored.open(T0);
  await outbox.accept(Array.from({ length: 25 }, (_, i) => entryOf(`call-${i}`)));
  await settleAll(outbox, 'capsule', 'dead', { records: 20 });
  await settleAll(outbox, 'akto', 'delivered', { records: 3 });
  const admin = new OutboxAdmin(stored.dir, 'read');
  const pages = [];
  for (let after = 0; ; ) {
    const page = admin.page({}, after, 4);
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
  expect(admin.page({ dead: true }, 0, 1000).length).toBe(20);
  expect(admin.page({ backend: 'akto' }, 0, 1000).length).toBe(22);
  expect([admin.count({}), admin.count({ dead: true }), admin.count({ backend: 'akto' })]).toEqual([
    47, 20, 22,
  ]);
  admin.close();
});

test('a record is found by its id or by the beginning of its record_id', async () => {
  await stored.open(T0).accept([entryOf('a'), entryOf('b')]);
  const [a] = seen().page;
  const admin = new OutboxAdmin(stored.dir, 'read');
  expect(admin.find('1')).toEqual([1]);
  expect(admin.find(a?.recordId.slice(0, 8) ?? '')).toEqual([1]);
  expect(admin.find('')).toEqual([1, 2]);
  expect(admin.find('99')).toEqual(a?.recordId.startsWith('99') ? [1] : []);
  expect(admin.load(1)).toMatchObject({ callKey: 'a', outcome: 'success', intact: true });
  expect(admin.load(3)).toBeUndefined();
  admin.close();
});

test('a retried record is due for the running bridge, as if never tried', async () => {
  const outbox = stored.open(T0);
  await outbox.accept([entryOf('a'), entryOf('b')]);
  await settleAll(outbox, 'akto', 'retry', { dueAt: T0 - 1 });
  await settleAll(outbox, 'akto', 'dead');
  await settleAll(outbox, 'capsule', 'retry', { dueAt: T0 + HOUR_MS });
  expect(await outbox.due('akto', both)).toEqual([]);
  const admin = new OutboxAdmin(stored.dir, 'write');
  const keys = admin.page({}, 0, 100);
  expect(keys.map(({ attempts, reason }) => [attempts, reason])).toContainEqual([1, 'HTTP 400: no plums']);
  expect(admin.retry(keys, T0)).toEqual(keys);
  // Where they were, there is nothing any more
  expect(admin.retry(keys, T0)).toEqual([]);
  admin.close();
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
  const admin = new OutboxAdmin(stored.dir, 'write');
  expect(admin.drop(admin.page({ backend: 'akto' }, 0, 10)).length).toBe(1);
  expect(admin.load(1)?.body).toContain('plum');
  expect(await outbox.due('akto', both)).toEqual([]);
  expect(admin.drop(admin.page({}, 0, 10)).length).toBe(1);
  expect(admin.load(1)).toMatchObject({ body: undefined, intact: false });
  // The call is still known, so that a duplicate does not come back
  expect(await outbox.accept([entryOf('a')])).toEqual(['duplicate']);
  admin.close();
});

test('a bridge that delivers a record dropped meanwhile counts nothing twice', async () => {
  const outbox = stored.open(T0);
  await outbox.accept([entryOf('a')]);
  const admin = new OutboxAdmin(stored.dir, 'write');
  admin.drop(admin.page({ backend: 'akto' }, 0, 10));
  await outbox.ack([{ kind: 'delivered', backend: 'akto', ids: [1] }]);
  expect(admin.load(1)?.body).toContain('plum');
  expect((await outbox.due('capsule', both)).length).toBe(1);
  admin.close();
});

test('the bridge goes on storing while an admin is open for writing', async () => {
  const outbox = stored.open(T0);
  await outbox.accept([entryOf('a')]);
  const admin = new OutboxAdmin(stored.dir, 'write');
  for (let i = 0; i < 20; i++) {
    expect(await outbox.accept([entryOf(`more-${i}`)])).toEqual(['new']);
    admin.retry(admin.page({}, 0, 100), T0);
    expect(admin.count({ backend: 'akto' })).toBe(i + 2);
  }
  admin.close();
});
