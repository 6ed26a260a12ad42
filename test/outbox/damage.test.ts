import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entry } from '../../src/outbox/outbox.ts';
import { SqliteOutbox } from '../../src/outbox/sqlite.ts';
import {
  entry,
  MB,
  NO_EVENTS,
  named,
  openStore,
  payloadOf,
  type TestStore,
  temporaryFolder,
} from '../support/store.ts';
import {
  DAMAGE_CASES,
  erasePage,
  type Files,
  flipBits,
  overwrite,
  PAGE,
  pagesOf,
  randomFrom,
} from './damage-cases.ts';

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Of these 10 are delivered, 5 dead letters, 5 wait, and 100 are due; every third is large. */
function entries(prefix = ''): Entry[] {
  return numbers(120).map((n) =>
    entry(`${prefix}${n}`, {
      payload: payloadOf(`${prefix}${n}`, n % 3 === 0 ? 10_000 : 400),
      ...(n >= 15 && n < 20 && { outcome: 'failure', holdMs: 30_000 }),
    }),
  );
}
const ORIGINALS = new Map(entries().map(({ payload }) => [JSON.parse(payload).n as string, payload]));

type Image = ReadonlyMap<string, Buffer>;
type Images = Readonly<Record<'closed' | 'killed' | 'other', Image>>;
let images: Promise<Images> | undefined;

/** The files of an outbox of these entries, as they are when it is closed, and before. */
async function makeImages(): Promise<Images> {
  const fill = async (all: readonly Entry[]) => {
    const first = openStore();
    await first.accept(all.slice(0, 70));
    const ids = (from: number, to: number) => numbers(to - from).map((n) => from + n + 1);
    await first.ack([
      { kind: 'delivered', backend: 'akto', ids: ids(0, 10) },
      { kind: 'dead', backend: 'akto', ids: ids(10, 15), reason: 'http_400' },
    ]);
    await first.appendNotes('a note');
    // Moves all so far from the log into the file
    await first.close();
    const store = openStore({ dir: first.dir });
    for (const one of all.slice(70)) await store.accept([one]);
    return store;
  };
  const store = await fill(entries());
  const other = imageOf((await fill(entries('other-'))).dir);
  const killed = imageOf(store.dir);
  await store.close();
  return { closed: imageOf(store.dir), killed, other };
}

function imageOf(dir: string): Image {
  const names = ['outbox.db', 'outbox.db-wal', 'outbox.db-shm'].filter((name) =>
    fs.existsSync(join(dir, name)),
  );
  return new Map(names.map((name) => [name, fs.readFileSync(join(dir, name))]));
}

async function restore(kind: keyof Images): Promise<string> {
  images ??= makeImages();
  const dir = temporaryFolder();
  for (const [name, bytes] of (await images)[kind]) fs.writeFileSync(join(dir, name), bytes);
  return dir;
}

async function filesIn(dir: string): Promise<Files> {
  const db = join(dir, 'outbox.db');
  return { db, wal: `${db}-wal`, shm: `${db}-shm`, other: await restore('other') };
}

/** The outbox works, and of what was in it everything that it hands out is as it was stored; how many that are. */
async function works(store: TestStore): Promise<number> {
  const name = `new-${store.time++}-${process.hrtime.bigint()}`;
  expect(await store.acceptOne(entry(name))).toBe('new');
  const all = await store.all();
  expect(named(all)).toContain(name);
  const old = all.filter(({ payload }) => ORIGINALS.has(JSON.parse(payload).n));
  for (const { payload } of old) expect(payload).toBe(ORIGINALS.get(JSON.parse(payload).n));
  const names = named(old);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((n) => Number(n) < 10)).toEqual([]);
  await store.ack([{ kind: 'delivered', backend: 'akto', ids: all.map(({ id }) => id) }]);
  expect(await store.all()).toEqual([]);
  await store.maintain();
  await store.stats();
  await store.notes();
  return names.filter((n) => Number(n) >= 20).length;
}

test.each(DAMAGE_CASES)('$name: it starts, and keeps $atLeast of 100 records at least', async (one) => {
  const dir = await restore(one.after);
  const files = await filesIn(dir);
  one.damage(files);
  const store = openStore({ dir });
  const kept = await works(store);
  expect(kept).toBeGreaterThanOrEqual(one.atLeast);
  if (one.reported === 'either') {
    expect(store.damages.length + store.unreadable.length).toBeGreaterThan(0);
  } else {
    const reason = one.reported instanceof RegExp && expect.stringMatching(one.reported);
    expect(store.damages).toEqual(reason ? [expect.objectContaining({ reason })] : []);
    expect(store.unreadable.length > 0).toBe(one.reported === 'record');
  }
  for (const { file } of store.damages) expect(fs.existsSync(join(dir, file))).toBe(true);
  await store.close();

  const again = openStore({ dir });
  expect(await works(again)).toBe(0);
  expect(again.damages).toEqual([]);
  expect(fs.readdirSync(dir).filter((name) => /new|repaired/.test(name))).toEqual([]);
});

test('random damage to any of the files never keeps it from working', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = randomFrom(seed);
    const dir = await restore(seed % 2 === 0 ? 'killed' : 'closed');
    const { db, wal } = await filesIn(dir);
    for (const file of [db, wal].filter((one) => fs.existsSync(one) && random() < 0.7)) {
      const { size } = fs.statSync(file);
      const hurt = [
        () => flipBits(file, 1 + random() * 200, seed),
        () => fs.truncateSync(file, Math.floor(size * random())),
        () => overwrite(file, size * random(), new Uint8Array(random() * size)),
        // Where what SQLite knows about a page stands, instead of content
        () =>
          overwrite(file, Math.floor((random() * size) / PAGE) * PAGE + random() * 40, Uint8Array.of(seed)),
      ];
      hurt[Math.floor(random() * hurt.length)]?.();
    }
    const store = openStore({ dir });
    await works(store).catch((error: unknown) => {
      throw new Error(`seed ${seed}`, { cause: error });
    });
    await store.close();
  }
});

describe('a file too large to be read as a whole at every start', () => {
  const large = (n: number | string) => entry(n, { payload: payloadOf(n, 60_000) });
  let image: string;
  beforeAll(async () => {
    image = fs.mkdtempSync(join(tmpdir(), 'outbox-'));
    const store = new SqliteOutbox({
      dir: image,
      backends: ['akto'],
      maxBytes: 200 * MB,
      maxAgeMs: 1e12,
      events: NO_EVENTS,
    });
    for (const batch of numbers(12)) await store.accept(numbers(100).map((n) => large(batch * 100 + n)));
    await store.close();
  });
  afterAll(() => fs.rmSync(image, { recursive: true }));

  function damagedCopy(table: string): TestStore {
    const dir = temporaryFolder();
    const db = join(dir, 'outbox.db');
    fs.copyFileSync(join(image, 'outbox.db'), db);
    expect(fs.statSync(db).size).toBeGreaterThan(64 * MB);
    erasePage(db, pagesOf({ db }, table, 'leaf')[3] as number);
    return openStore({ dir, maxBytes: 200 * MB });
  }

  test('is put aside when its damage is met by a delivery', async () => {
    const store = damagedCopy('payload');
    expect(await store.acceptOne(entry('new'))).toBe('new');
    expect(store.damages).toEqual([]);
    await expect(store.all()).rejects.toMatchObject({ name: 'OutboxError', kind: 'unavailable' });
    const kept = await store.all();
    expect(store.damages).toMatchObject([{ reason: 'SQLITE_CORRUPT', kept: kept.length }]);
    expect(kept.length).toBeGreaterThan(1150);
    for (const { payload } of kept.slice(0, -1)) expect(payload).toBe(large(JSON.parse(payload).n).payload);
    expect(store.unavailable).toEqual(['SQLITE_CORRUPT', undefined]);
  });

  test('is put aside when its damage is met by new entries, which are accepted', async () => {
    const store = damagedCopy('record_call');
    const again = await store.accept([...numbers(1200).map(large), entry('new')]);
    expect(new Set(again.slice(0, -1))).toEqual(new Set(['duplicate']));
    expect(again.at(-1)).toBe('new');
    expect(store.damages).toMatchObject([{ reason: 'SQLITE_CORRUPT', kept: 1200 }]);
    expect(await store.all()).toHaveLength(1201);
  });

  test('is put aside at the start when its queues are damaged', async () => {
    const store = damagedCopy('delivery');
    expect(await store.all()).toHaveLength(1200);
    expect(store.damages).toMatchObject([{ reason: 'SQLITE_CORRUPT', kept: 1200 }]);
  });
});

test.each([
  ['zeros', (size: number) => new Uint8Array(size)],
  ['other bytes', (size: number) => Buffer.alloc(size, 'plum cake')],
])('an open file that turns into %s does no harm to the process, and is put aside', async (_, bytes) => {
  const store = openStore({ dir: await restore('killed') });
  expect(await store.acceptOne(entry('before'))).toBe('new');
  const db = join(store.dir, 'outbox.db');
  overwrite(db, 0, bytes(fs.statSync(db).size));
  await store.acceptOne(entry('during')).catch(() => {});
  await store.all().catch(() => {});
  await store.close();
  const again = openStore({ dir: store.dir });
  await works(again);
  expect(again.damages.length + store.damages.length).toBe(1);
});

test('a process that ends while it fills the new file begins again, or goes on where it was', async () => {
  const dir = await restore('closed');
  const { db } = await filesIn(dir);
  const fresh = join(dir, 'outbox.new.db');
  fs.writeFileSync(fresh, 'half of it');
  overwrite(db, 0, Buffer.from('plum cake'));
  expect(await works(openStore({ dir }))).toBe(100);

  const other = await restore('closed');
  fs.renameSync(join(other, 'outbox.db'), join(other, 'outbox.new.db'));
  fs.writeFileSync(join(other, 'outbox.db-wal'), (await images)?.other.get('outbox.db-wal') ?? '');
  expect(await works(openStore({ dir: other }))).toBe(100);
});
