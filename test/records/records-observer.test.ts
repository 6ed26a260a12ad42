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

test('a delivery that stops and one that is resumed are a line each, and the health says which backend takes none', () => {
  const lines: [string, object, string][] = [];
  const observer = new RecordsObserver(['akto', 'capsule'], (...line) => void lines.push(line));
  const { stopped, resumed, held } = observer.delivery;
  stopped('akto', { kind: 'timeout', afterMs: 30_000 });
  stopped('capsule', undefined);
  expect(observer.trouble.stopped).toMatchObject([
    { backend: 'akto', failure: 'timeout' },
    { backend: 'capsule', failure: null },
  ]);
  resumed('akto');
  held('capsule', true, { kind: 'unauthorized', status: 401 });
  expect(observer.trouble).toMatchObject({ stopped: [], held: ['capsule'] });
  expect(lines.map(([level, fields, message]) => [level, fields, message.split(':')[0]])).toEqual([
    ['warn', { backend: 'akto', failure: { kind: 'timeout', afterMs: 30_000 } }, 'delivery stopped'],
    ['warn', { backend: 'capsule' }, 'delivery stopped'],
    ['info', { backend: 'akto' }, 'delivery resumed'],
    [
      'error',
      { backend: 'capsule', failure: { kind: 'unauthorized', status: 401 } },
      'the backend refuses our token',
    ],
  ]);
});

test('a backend that is gone is no trouble any more', () => {
  const observer = new RecordsObserver(['akto'], () => {});
  observer.delivery.stopped('akto', { kind: 'unreachable', code: 'ECONNREFUSED' });
  observer.configured([]);
  expect(observer.trouble.stopped).toEqual([]);
});
test('a block that only this machine has is told by its call id, and counted', async () => {
  const lines: unknown[] = [];
  const observer = new RecordsObserver(['akto'], (...line) => void lines.push(line));
  observer.blockStored('call-1', ['new']);
  expect(lines).toEqual([]);
  observer.blockStored('call-1', ['deferred']);
  expect(lines).toEqual([
    [
      'info',
      { litellm_call_id: 'call-1' },
      'the record of a blocked call waits on this machine for the database',
    ],
  ]);
  expect(await observer.metrics.text(undefined, true, new Map())).toContain(
    'rows_total{result="block_deferred"} 1',
  );
});
