import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { StateStore, StoredEntry } from '../../src/state/state-store.ts';

let versions = 0;

const entry = (name: string, text: string, more: Partial<StoredEntry> = {}): StoredEntry => ({
  ...{ name, part: '', version: ++versions, ttlMs: 60_000 },
  value: Buffer.from(text),
  ...more,
});

/** Texts of all values under some names, those that were written first at the front. */
async function textsOf(store: StateStore, ...names: string[]): Promise<string[]> {
  const { values } = await store.read(names.map((name) => ({ name, known: [] })));
  return values.map(({ part, value }) => `${part}${Buffer.from(value ?? []).toString()}`);
}

/** All that a store of shared state does, whichever it is. */
export function storeCases(title: string, open: () => StateStore): void {
  describe(title, () => {
    test('gives what was written, and nothing for a name that it does not have', async () => {
      const store = open();
      await store.write([entry('a', 'one'), entry('b', 'two')]);
      expect(await textsOf(store, 'a')).toEqual(['one']);
      expect((await textsOf(store, 'b', 'a', 'c')).sort()).toEqual(['one', 'two']);
      expect(await textsOf(store, 'c')).toEqual([]);
    });

    test('writes a value in place of the one before, the last of several that come at once', async () => {
      const store = open();
      await store.write([entry('a', 'one')]);
      await Promise.all(['two', 'three', 'four'].map((text) => store.write([entry('a', text)])));
      expect(await textsOf(store, 'a')).toEqual(['four']);
      await store.write([entry('a', 'five'), entry('a', 'six')]);
      expect(await textsOf(store, 'a')).toEqual(['six']);
    });

    test('keeps the share of each writer, the oldest first', async () => {
      const store = open();
      await store.write([entry('a', '=1', { part: 'A' })]);
      await store.write([entry('a', '=1', { part: 'B' })]);
      await wait(5);
      await store.write([entry('a', '=2', { part: 'A' })]);
      expect(await textsOf(store, 'a')).toEqual(['B=1', 'A=2']);
    });

    test('leaves out the bytes of versions that the reader knows', async () => {
      const store = open();
      const [known, other] = [entry('a', '=1', { part: 'A' }), entry('a', '=1', { part: 'B' })];
      await store.write([known, other]);
      const { values } = await store.read([{ name: 'a', known: [known.version] }]);
      expect(values.map(({ version, value }) => [version, value?.length]).sort()).toEqual(
        [
          [known.version, undefined],
          [other.version, 2],
        ].sort(),
      );
      const both = await Promise.all([
        store.read([{ name: 'a', known: [known.version] }]),
        store.read([{ name: 'a', known: [] }]),
        store.read([{ name: 'a', known: [] }]),
      ]);
      expect(both.slice(1).flatMap(({ values: all }) => all.map(({ value }) => value?.length))).toEqual([
        2, 2, 2, 2,
      ]);
    });

    test('forgets a value after its time', async () => {
      const store = open();
      await store.write([entry('a', 'short', { ttlMs: 100 }), entry('b', 'long')]);
      expect((await textsOf(store, 'a', 'b')).length).toBe(2);
      await wait(150);
      expect(await textsOf(store, 'a', 'b')).toEqual(['long']);
    });

    test('deletes all shares of a value', async () => {
      const store = open();
      await store.write([entry('a', '1', { part: 'A' }), entry('a', '1', { part: 'B' }), entry('b', 'two')]);
      await store.delete(['a']);
      expect(await textsOf(store, 'a', 'b')).toEqual(['two']);
    });

    test('swaps values that were held, all of them and once', async () => {
      const store = open();
      await store.write([entry('a', 'one')]);
      const { values, hold } = await store.hold(['a', 'b']);
      expect(values.map(({ value }) => Buffer.from(value ?? []).toString())).toEqual(['one']);
      const read = ['a', 'b'].map((name) => ({ name, version: name === 'a' ? values[0]!.version : 0 }));
      expect(await store.swap(read, [entry('a', 'two'), entry('b', 'two')], hold)).toBe(true);
      expect(await store.swap(read, [entry('a', 'three'), entry('b', 'three')], hold)).toBe(false);
      expect(await textsOf(store, 'a', 'b')).toEqual(['two', 'two']);
    });

    test('loses no change of many that hold the same, some of whom write nothing', async () => {
      const store = open();
      const change = async (i: number): Promise<void> => {
        const names = i % 2 ? ['count', 'new'] : ['new', 'count'];
        const { values, hold } = await store.hold(names);
        const versionOf = (name: string) => values.find((one) => one.name === name)?.version ?? 0;
        const read = names.map((name) => ({ name, version: versionOf(name) }));
        const count = values.find(({ name }) => name === 'count')?.value;
        const before = Number(Buffer.from(count ?? []).toString());
        const writes = i < 5 ? [] : names.map((name) => entry(name, `${before + 1}`));
        if (!(await store.swap(read, writes, hold)) && writes.length > 0) await change(i);
      };
      await Promise.all(Array.from({ length: 20 }, (_, i) => change(i)));
      expect(await textsOf(store, 'count')).toEqual(['15']);
    });

    test('tells its time, has one secret, and takes any bytes', async () => {
      const store = open();
      const { now } = await store.read([{ name: 'a', known: [] }]);
      expect(Math.abs(now - Date.now())).toBeLessThan(60_000);
      const [secret, again] = await Promise.all([store.secret(), store.secret()]);
      expect(secret.length).toBe(32);
      expect(Buffer.from(again)).toEqual(Buffer.from(secret));
      const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256));
      await store.write([{ ...entry('bytes', ''), value: bytes }, entry('empty', '')]);
      const { values } = await store.read([{ name: 'bytes', known: [] }]);
      expect(Buffer.from(values[0]?.value ?? []).equals(bytes)).toBe(true);
      await store.ping();
    });
  });
}
