import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { MemoryStore } from '../../src/state/memory-store.ts';
import type { SharedKey } from '../../src/state/shared-state.ts';
import { SharedValues } from '../../src/state/shared-values.ts';
import type { StateStore } from '../../src/state/state-store.ts';

const MB = 1024 * 1024;
const KEY: SharedKey = 'calls:key\nid\ntrace';
const [first, second] = [randomBytes(32), randomBytes(32)];

type Told = { failures: string[]; outages: boolean[] };

async function sharedIn(store: StateStore, keys: readonly Uint8Array[] = [], timeoutMs = 1000) {
  const told: Told = { failures: [], outages: [] };
  const shared = new SharedValues({
    ...{ store, keys, timeoutMs },
    observer: {
      failed: (feature, reason) => told.failures.push(`${feature} ${reason}`),
      outage: ({ isOver }) => told.outages.push(isOver),
    },
  });
  await shared.start();
  return { shared, told };
}

const entry = (key: SharedKey, text: string, ttlMs = 60_000) => ({ key, value: Buffer.from(text), ttlMs });
const textOf = (values: ReadonlyMap<SharedKey, Buffer>, key = KEY) => values.get(key)?.toString();
const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    ({ reason }: { reason: string }) => reason,
  );

/** A store in memory whose operations can be held up or made to fail. */
class Troubled extends MemoryStore {
  trouble: 'none' | 'hangs' | 'fails' = 'none';
  asked = 0;

  constructor() {
    super(MB);
    for (const method of ['read', 'write', 'hold', 'swap', 'ping'] as const) {
      const run = MemoryStore.prototype[method].bind(this) as (...args: never[]) => Promise<never>;
      Object.assign(this, {
        [method]: (...args: never[]) => {
          this.asked++;
          if (this.trouble === 'hangs') return new Promise(() => {});
          return this.trouble === 'fails' ? Promise.reject(new Error('gone')) : run(...args);
        },
      });
    }
  }
}

test('a share that is written while shares are read is not taken for that of another', async () => {
  const store = new MemoryStore(MB);
  const { read, write } = store;
  const { promise: isRead, resolve: wasRead } = Promise.withResolvers<void>();
  store.write = async (entries) => {
    await write.call(store, entries);
    await isRead;
  };
  store.read = async (queries) => {
    const found = await read.call(store, queries);
    wasRead();
    await new Promise((resolve) => setTimeout(resolve, 10));
    return found;
  };
  const { shared } = await sharedIn(store, [first]);
  const key: SharedKey = 'markers:id';
  const written = shared.writeShares([entry(key, 'mine')]);
  expect((await shared.readShares([key])).get(key)).toEqual([null]);
  await written;
  expect((await shared.readShares([key])).get(key)).toEqual([null]);
});

describe('shared values', () => {
  test('are read by another replica, and their store has neither their names nor their words', async () => {
    const store = new MemoryStore(MB);
    const seen: unknown[] = [];
    const { write } = store;
    store.write = (entries) => {
      seen.push(...entries.map(({ name, value }) => name + Buffer.from(value).toString('latin1')));
      return write.call(store, entries);
    };
    const { shared: a } = await sharedIn(store, [first]);
    const { shared: b } = await sharedIn(store, [first]);
    await a.write([entry(KEY, 'a secret word')]);
    expect(textOf(await b.read([KEY, 'calls:other']))).toBe('a secret word');
    expect(seen.join()).not.toMatch(/secret word|trace|calls/);
    await b.delete([KEY]);
    expect((await a.read([KEY])).size).toBe(0);
  });

  test.each([
    { by: [first], to: [first], reads: true },
    { by: [first], to: [second, first], reads: true },
    { by: [second, first], to: [first, second], reads: true },
    { by: [second, first], to: [first], reads: false },
    { by: [first], to: [second], reads: false },
    { by: [], to: [], reads: true },
    { by: [], to: [first], reads: false },
  ])('are read only with the key that encrypted them (%#)', async ({ by, to, reads }) => {
    const store = new MemoryStore(MB);
    const { shared: a } = await sharedIn(store, by);
    const { shared: b, told } = await sharedIn(store, to);
    await a.write([entry(KEY, 'value')]);
    await a.writeShares([entry('markers:id', 'share')]);
    const reading = b.read([KEY]);
    if (reads) expect(textOf(await reading)).toBe('value');
    else expect(await reasonOf(reading)).toBe('unreadable');
    expect((await b.readShares(['markers:id'])).size).toBe(reads ? 1 : 0);
    expect(told.failures).toEqual(reads ? [] : ['calls unreadable', 'markers unreadable']);
    expect(told.outages).toEqual([]);
  });

  test('that cannot be read are not changed, and others are at the same time', async () => {
    const store = new MemoryStore(MB);
    const { shared: a } = await sharedIn(store, [first]);
    const { shared: b, told } = await sharedIn(store, [second]);
    await a.write([entry(KEY, 'kept')]);
    const change = (...keys: SharedKey[]) =>
      b.update(keys, () => ({ writes: keys.map((key) => entry(key, 'changed')), result: 'done' }));
    const [both, other] = [change('calls:new', KEY), change('calls:other')];
    expect([await reasonOf(both), await other]).toEqual(['unreadable', 'done']);
    expect(textOf(await a.read([KEY]))).toBe('kept');
    expect((await b.read(['calls:new'])).size).toBe(0);
    expect([told.failures, told.outages]).toEqual([['calls unreadable'], []]);
  });

  test('cannot be read where somebody has changed them, or moved them to another name', async () => {
    const store = new MemoryStore(MB);
    const { shared, told } = await sharedIn(store, [first]);
    const written: Parameters<StateStore['write']>[0][number][] = [];
    const { write } = store;
    store.write = (entries) => {
      written.push(...entries);
      return write.call(store, entries);
    };
    await shared.write([entry(KEY, 'one'), entry('calls:other', 'two')]);
    const [one, two] = written;
    if (one === undefined || two === undefined) throw new Error('nothing was written');
    await write.call(store, [{ ...two, name: one.name }]);
    expect(await reasonOf(shared.read([KEY]))).toBe('unreadable');
    const changed = Buffer.from(one.value);
    changed[changed.length - 20]! ^= 1;
    await write.call(store, [{ ...one, value: changed }]);
    expect(await reasonOf(shared.read([KEY]))).toBe('unreadable');
    expect(told.failures).toEqual(['calls unreadable', 'calls unreadable']);
  });

  test('have the share of each writer, and none overwrites that of another', async () => {
    const store = new MemoryStore(MB);
    const [a, b, c] = await Promise.all([1, 2, 3].map(async () => (await sharedIn(store)).shared));
    await a?.writeShares([entry(KEY, 'a1')]);
    await b?.writeShares([entry(KEY, 'b1')]);
    await a?.writeShares([entry(KEY, 'a2')]);
    for (let round = 0; round < 2; round++) {
      const shares = (await c?.readShares([KEY]))?.get(KEY);
      expect(shares?.map(String)).toEqual(['b1', 'a2']);
    }
    const [before, after] = [await c?.readShares([KEY]), await c?.readShares([KEY])];
    expect(before?.get(KEY)?.[0]).toBe(after?.get(KEY)?.[0]);
  });

  test('of requests are read once, however many and long they are', async () => {
    const store = new MemoryStore(64 * MB);
    const [{ shared: a }, { shared: b }] = [await sharedIn(store), await sharedIn(store)];
    const names = Array.from({ length: 50 }, (_, i): SharedKey => `requests:${i}`);
    const value = Buffer.alloc(200_000);
    for (const key of names) await a.writeShares([{ key, value, ttlMs: 60_000 }]);
    let bytes = 0;
    const { read } = store;
    store.read = async (queries) => {
      const found = await read.call(store, queries);
      for (const one of found.values) bytes += one.value?.length ?? 0;
      return found;
    };
    for (const key of names)
      expect((await b.readShares([key])).get(key)?.map((one) => one?.length)).toEqual([value.length]);
    bytes = 0;
    for (const key of names) expect((await b.readShares([key])).get(key)).toEqual([null]);
    expect(bytes).toBe(0);
  });

  test('have one share of a writer, however often it writes', async () => {
    const store = new MemoryStore(MB);
    const { shared } = await sharedIn(store);
    for (let i = 0; i < 50; i++) await shared.writeShares([entry(KEY, `${i}`)]);
    let known: readonly number[] = [];
    const { read } = store;
    store.read = (queries) => {
      known = queries[0]?.known ?? [];
      return read.call(store, queries);
    };
    expect((await shared.readShares([KEY])).get(KEY)).toEqual([null]);
    expect(known.length).toBe(1);
  });

  test('lose no change of many that are made at once by several replicas', async () => {
    const store = new MemoryStore(MB);
    const replicas = await Promise.all([1, 2, 3].map(async () => (await sharedIn(store)).shared));
    const add = (i: number) =>
      replicas[i % 3]?.update([KEY, 'calls:sum'], (before, now) => {
        const count = Number(textOf(before) ?? 0) + 1;
        return {
          writes: [entry(KEY, `${count}`), entry('calls:sum', `${count * 10}`)],
          result: now > 0 ? count : 0,
        };
      });
    const results = await Promise.all(Array.from({ length: 90 }, (_, i) => add(i)));
    expect(new Set(results).size).toBe(90);
    const values = await replicas[0]?.read([KEY, 'calls:sum']);
    expect([...(values?.values() ?? [])].map(String)).toEqual(['90', '900']);
  });

  test('are not changed by a change that fails, which keeps no other from being made', async () => {
    const { shared } = await sharedIn(new MemoryStore(MB));
    const failing = shared.update([KEY], () => {
      throw new Error('a mistake');
    });
    const going = shared.update([KEY], () => ({ writes: [entry(KEY, 'changed')], result: 'done' }));
    await expect(failing).rejects.toThrow('a mistake');
    expect(await going).toBe('done');
    // Until the store was asked if it works
    await vi.waitUntil(() => shared.isUp);
    expect(textOf(await shared.read([KEY]))).toBe('changed');
  });

  test('of more than a megabyte are not shared, and counted', async () => {
    const { shared, told } = await sharedIn(new MemoryStore(8 * MB));
    await shared.write([
      { key: 'requests:id', value: Buffer.alloc(MB + 1), ttlMs: 1000 },
      entry(KEY, 'small'),
    ]);
    expect([...(await shared.read(['requests:id', KEY])).keys()]).toEqual([KEY]);
    expect(told.failures).toEqual(['requests too_large']);
  });

  test('come with a secret that all replicas have, another one for each purpose', async () => {
    const store = new MemoryStore(MB);
    const [{ shared: a }, { shared: b }] = [await sharedIn(store, [first]), await sharedIn(store, [first])];
    expect(await a.secret('texts')).toEqual(await b.secret('texts'));
    expect(await a.secret('texts')).not.toEqual(await a.secret('others'));
  });
});

describe('shared values whose store is in trouble', () => {
  test.each(['hangs', 'fails'] as const)(
    'end within their time, and are not waited for again while the store %s',
    async (trouble) => {
      const store = new Troubled();
      const { shared, told } = await sharedIn(store, [], 50);
      store.trouble = trouble;
      expect(await reasonOf(shared.read([KEY]))).toBe(trouble === 'hangs' ? 'timeout' : 'unavailable');
      // A late one alone does not make it known
      while (told.outages.length < 1) await wait(5);
      const { asked } = store;
      expect(await reasonOf(shared.write([entry('requests:id', 'x')]))).toBe('unavailable');
      expect(await reasonOf(shared.update([KEY], () => ({ writes: [], result: 0 })))).toBe('unavailable');
      expect(store.asked).toBe(asked);
      expect(told.failures.length).toBe(3);
      store.trouble = 'none';
      while (told.outages.length < 2) await wait(20);
      await shared.write([entry(KEY, 'back')]);
      expect(textOf(await shared.read([KEY]))).toBe('back');
      expect(told.outages).toEqual([false, true]);
      await shared.close();
    },
  );

  test('are read and written while a store that was late once answers', async () => {
    const store = new Troubled();
    const { shared, told } = await sharedIn(store, [], 50);
    const { read } = store;
    store.read = (queries) => wait(100).then(() => read(queries));
    const [late, written] = [reasonOf(shared.read([KEY])), shared.write([entry(KEY, 'value')])];
    expect(await late).toBe('timeout');
    await written;
    store.read = read;
    expect(textOf(await shared.read([KEY]))).toBe('value');
    await wait(100);
    expect(textOf(await shared.read([KEY]))).toBe('value');
    expect(told.outages).toEqual([]);
    await shared.close();
  });

  test('are not waited for where the store answers that it works and is late for all', async () => {
    const store = new Troubled();
    const { shared, told } = await sharedIn(store, [], 50);
    const { read } = store;
    store.read = () => new Promise(() => {});
    while (told.outages.length < 1) expect(await reasonOf(shared.read([KEY]))).toBe('timeout');
    expect(told.failures.length).toBeGreaterThan(10);
    expect(await reasonOf(shared.read([KEY]))).toBe('unavailable');
    store.read = read;
    while (told.outages.length < 2) await wait(20);
    expect((await shared.read([KEY])).size).toBe(0);
    await shared.close();
  });

  test('start without it, and are there once it is', async () => {
    const store = new Troubled();
    store.trouble = 'fails';
    const { shared, told } = await sharedIn(store, [], 50);
    expect(await reasonOf(shared.read([KEY]))).toBe('unavailable');
    store.trouble = 'none';
    while (told.outages.length < 2) await wait(20);
    expect((await shared.read([KEY])).size).toBe(0);
    await shared.close();
  });

  test('are not missed for a pause of this process', async () => {
    const store = new Troubled();
    const { shared, told } = await sharedIn(store, [], 50);
    await shared.write([entry(KEY, 'value')]);
    const { read } = store;
    // The reply comes as bytes do
    store.read = (queries) => new Promise((resolve) => stat('.', () => resolve(read(queries))));
    const reading = shared.read([KEY]);
    for (const end = performance.now() + 200; performance.now() < end; );
    expect(textOf(await reading)).toBe('value');
    expect(told.failures).toEqual([]);
  });
});
