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
