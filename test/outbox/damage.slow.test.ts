import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EmbeddedOutbox } from '../../src/outbox/embedded-outbox.ts';
import { randomFrom } from '../support/random.ts';
import {
  entry,
  MB,
  NO_EVENTS,
  openStore,
  payloadOf,
  type TestStore,
  temporaryFolder,
} from '../support/store.ts';
import { erasePage, flipBits, overwrite, PAGE, pagesOf } from './damage-cases.ts';
import { filesIn, numbers, restore, works } from './damage-images.ts';

test('random damage to any of the files never keeps it from working', { timeout: 120_000 }, async () => {
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
    const store = new EmbeddedOutbox({
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
