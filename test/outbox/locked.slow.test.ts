import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { entry, openStore } from '../support/store.ts';

test('a foreign lock is waited for once, however many jobs need it', async () => {
  const store = openStore();
  await store.acceptOne(entry(1));
  const other = new DatabaseSync(join(store.dir, 'outbox.db'));
  onTestFinished(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  const startedAt = performance.now();
  const results = await Promise.allSettled([2, 3, 4].map((n) => store.acceptOne(entry(n))));
  expect(performance.now() - startedAt).toBeLessThan(9000);
  expect(results).toMatchObject(
    Array(3).fill({ status: 'rejected', reason: { name: 'OutboxError', kind: 'unavailable' } }),
  );
  other.exec('ROLLBACK');
  expect(await store.acceptOne(entry(2))).toBe('new');
}, 20_000);
