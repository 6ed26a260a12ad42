import { expect, test } from 'vitest';
import { UnstoredRecords } from '../../src/calls/unstored-records.ts';
import { until } from '../support/recording-bridge.ts';

test('a record counts until it is stored, once', () => {
  const seen: number[] = [];
  const unstored: UnstoredRecords = new UnstoredRecords(() => seen.push(unstored.bytes));
  const first = unstored.add(30);
  const second = unstored.add(12);
  expect(unstored.bytes).toBe(42);
  first();
  first();
  second();
  expect(seen).toEqual([12, 12, 0]);
});

test('a record that is not stored holds up no other for long', async () => {
  const unstored = new UnstoredRecords(() => {});
  unstored.add(30);
  await until(() => unstored.bytes === 0);
});
