import { expect, test } from 'vitest';
import { MemoryStore } from '../../src/state/memory-store.ts';
import { RemoteStore, replyFrom } from '../../src/state/remote-store.ts';
import type { StateStore } from '../../src/state/state-store.ts';
import { storeCases } from './store-cases.ts';

const MB = 1024 * 1024;

storeCases('a store in memory', () => new MemoryStore(MB));

/** A store on the other side of a channel that copies what goes through it. */
function remote(store: StateStore): RemoteStore {
  const here: RemoteStore = new RemoteStore((request) => {
    const answer = async () =>
      here.receive(structuredClone(await replyFrom(store, structuredClone(request))));
    setImmediate(() => void answer());
  });
  return here;
}

storeCases('a store in another process', () => remote(new MemoryStore(MB)));

test('a store in memory drops what was used longest ago when there is too much', async () => {
  const store = new MemoryStore(MB);
  const value = Buffer.alloc(10_000);
  for (let i = 0; i < 300; i++) {
    await store.write([{ name: `${i}`, part: '', version: i + 1, value, ttlMs: 60_000 }]);
  }
  const names = Array.from({ length: 300 }, (_, i) => ({ name: `${i}`, known: [] }));
  const { values } = await store.read(names);
  expect(values.length).toBeGreaterThan(90);
  expect(values.length).toBeLessThanOrEqual(MB / value.length);
  expect(values.at(-1)?.name).toBe('299');
});

test('a store in another process tells of a failure, and ends what waits when it is closed', async () => {
  const failing = Object.assign(new MemoryStore(MB), {
    read: () => Promise.reject(new Error('with a secret')),
  });
  await expect(remote(failing).read([])).rejects.toThrow('the store failed');
  const silent = new RemoteStore(() => {});
  const waiting = silent.ping();
  await silent.close();
  await expect(waiting).rejects.toThrow('closed');
});
