import { expect, test } from 'vitest';
import { RecordsObserver } from '../../src/records/records-observer.ts';

test('of failed deliveries the first of a kind is told at once, and of the others one line a second', () => {
  const lines: object[] = [];
  const observer = new RecordsObserver(['akto', 'capsule'], (_, fields) => void lines.push(fields));
  const busy = { kind: 'http_status', status: 429 } as const;
  const retry = (backend: string, status: number, delayMs: number) =>
    observer.delivery.retried(backend, 2, { ...busy, status }, delayMs);
  for (let i = 1; i <= 100; i++) retry('akto', 429, i * 1000);
  retry('akto', 500, 3000);
  retry('capsule', 429, 4000);
  expect(lines).toEqual([
    { backend: 'akto', records: 2, failure: busy, retry_seconds: 1 },
    { backend: 'akto', records: 2, failure: { ...busy, status: 500 }, retry_seconds: 3 },
    { backend: 'capsule', records: 2, failure: busy, retry_seconds: 4 },
  ]);
  lines.length = 0;
  observer.tellRetries();
  expect(lines).toEqual([{ backend: 'akto', records: 198, failure: busy, retry_seconds: 100 }]);
  observer.tellRetries();
  retry('akto', 429, 1000);
  expect(lines).toHaveLength(2);
});
