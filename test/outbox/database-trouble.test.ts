import { expect, test } from 'vitest';
import { DatabaseError } from '../../src/database/database-error.ts';
import { OutboxError } from '../../src/outbox/contract.ts';
import { databaseCode, databaseTrouble } from '../../src/outbox/database-trouble.ts';
import { failureOf } from '../../src/outbox/outages.ts';

test.each([
  ['timeout', 'timeout'],
  ['connection_lost', 'terminated'],
  ['57P01', 'terminated'],
  ['57P02', 'terminated'],
  ['08006', 'terminated'],
  ['57P03', 'starting'],
  ['25006', 'read_only'],
  ['53100', 'disk_full'],
  ['53300', 'too_many_connections'],
  ['28P01', 'refused'],
  ['3D000', 'refused'],
  ['42501', 'refused'],
  ['newer_version', 'newer_version'],
  ['ECONNREFUSED', 'unreachable'],
  ['ENOTFOUND', 'unreachable'],
  ['XX000', 'other'],
])('a database that fails with %s is told of as %s', (code, trouble) => {
  const failure = failureOf(new DatabaseError(code, 'Postgres failed'));
  expect(failure).toMatchObject({ name: 'OutboxError', kind: 'unavailable' });
  expect([databaseCode(failure as OutboxError), databaseTrouble(failure as OutboxError)]).toEqual([
    code,
    trouble,
  ]);
});

test('an outbox at its bound is told of as full, and values that cannot be stored begin no outage', () => {
  expect(databaseTrouble(new OutboxError('full'))).toBe('full');
  expect(databaseTrouble(new OutboxError('unavailable'))).toBe('other');
  expect(failureOf(new DatabaseError('22003', 'out of range'))).toBeUndefined();
  expect(failureOf(new Error('a mistake'))).toBeUndefined();
});
