import { expect, test } from 'vitest';
import type { RecordsHealth } from '../../src/records/protocol.ts';
import type { StoredBacklog } from '../../src/ui/kept-answers.ts';
import { WatchedBacklogs } from '../../src/ui/watched-backlogs.ts';

const health = { storage: null, held: [], stopped: [], retries: {} } as unknown as RecordsHealth;
const STORED: readonly StoredBacklog[] = [
  { backend: 'akto', due: 3, oldestAt: 1000, nextTryAt: 2000, dead: 1, deadBy: { http_status: 1 } },
];

test('the first picture does not wait for an outbox that cannot be read yet, and a later one has it', async () => {
  const reading = Promise.withResolvers<readonly StoredBacklog[]>();
  const watched = new WatchedBacklogs({
    health: () => health,
    receivers: () => ['akto'],
    read: () => reading.promise,
  });
  expect(await watched.now()).toBeUndefined();
  reading.resolve(STORED);
  await expect.poll(() => watched.now()).toEqual([{ ...STORED[0], reason: null }]);
});

test('an outbox that is read at once stands in the first picture', async () => {
  const watched = new WatchedBacklogs({
    health: () => health,
    receivers: () => ['akto', 'capsule'],
    read: async () => STORED,
  });
  expect(await watched.now()).toMatchObject([
    { backend: 'akto', due: 3, dead: 1 },
    { backend: 'capsule', due: 0, dead: 0 },
  ]);
});

test('an outbox that takes long to read is read seldom, and what was read stands until then', async () => {
  let [now, reads] = [0, 0];
  const watched = new WatchedBacklogs({
    health: () => health,
    receivers: () => [],
    now: () => now,
    async read() {
      reads++;
      now += 8000;
      return STORED;
    },
  });
  await expect.poll(() => watched.now()).toHaveLength(1);
  now = 79_000;
  expect(await watched.now()).toHaveLength(1);
  expect(reads).toBe(1);
  now = 81_000;
  expect(await watched.now()).toHaveLength(1);
  expect(reads).toBe(2);
});
