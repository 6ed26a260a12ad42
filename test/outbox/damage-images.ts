import fs from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Entry } from '../../src/outbox/contract.ts';
import { entry, named, openStore, payloadOf, type TestStore, temporaryFolder } from '../support/store.ts';
import type { Files } from './damage-cases.ts';

export const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

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
    await first.appendNotes(Buffer.from('a note'));
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

/** Made by the first test that needs them. */
export function imagesOnce(): Promise<Images> {
  images ??= makeImages();
  return images;
}

function imageOf(dir: string): Image {
  const names = ['outbox.db', 'outbox.db-wal', 'outbox.db-shm'].filter((name) =>
    fs.existsSync(join(dir, name)),
  );
  return new Map(names.map((name) => [name, fs.readFileSync(join(dir, name))]));
}

/** A new folder with the files of one of the images. */
export async function restore(kind: keyof Images): Promise<string> {
  const dir = temporaryFolder();
  for (const [name, bytes] of (await imagesOnce())[kind]) fs.writeFileSync(join(dir, name), bytes);
  return dir;
}

/** The files of an outbox in a folder, and another one's. */
export async function filesIn(dir: string): Promise<Files> {
  const db = join(dir, 'outbox.db');
  return { db, wal: `${db}-wal`, shm: `${db}-shm`, other: await restore('other') };
}

/** The outbox works, and of what was in it everything that it hands out is as it was stored; how many that are. */
export async function works(store: TestStore): Promise<number> {
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
