import { expect, test } from 'vitest';
import { DatabaseObserver } from '../../src/records/database-observer.ts';
import { RecordsObserver } from '../../src/records/records-observer.ts';

test('an outage is told with the reason of the latest try, in words and without the password', () => {
  const lines: object[] = [];
  const log = (...line: unknown[]) => lines.push(line);
  const place = { url: 'postgres://bridge:pa55word@db.example/records', schema: 'guardrail_bridge' };
  const observer = new DatabaseObserver(new RecordsObserver([], log), log, place);
  observer.failed('starting');
  observer.lost('starting', '57P03');
  observer.failed('unreachable');
  observer.failed('slow');
  expect(observer.trouble).toBe('unreachable');
  observer.back({ ms: 1000, deferred: 2 });
  expect(observer.trouble).toBe(null);
  const problem = 'the database db.example/records cannot be used: it is starting or shutting down (57P03)';
  expect(lines).toEqual([
    ['error', { reason: 'starting', code: '57P03', problem }, expect.any(String)],
    ['info', { outage_seconds: 1, deferred: 2, reason: 'unreachable' }, 'the database can be used again'],
  ]);
});
