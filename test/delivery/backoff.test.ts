import { expect, test } from 'vitest';
import {
  BACKEND_WAIT,
  HOLD_WAIT,
  honoured,
  jittered,
  RECORD_WAIT,
  STORAGE_WAIT,
} from '../../src/delivery/backoff.ts';
import { growing } from '../../src/guardrail/growing-wait.ts';

test.each([
  { name: 'a backend', growth: BACKEND_WAIT, seconds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] },
  {
    name: 'a record',
    growth: RECORD_WAIT,
    seconds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600],
  },
  { name: 'a hold', growth: HOLD_WAIT, seconds: [60, 120, 240, 480, 600, 600] },
  { name: 'the outbox', growth: STORAGE_WAIT, seconds: [1, 2, 4, 8, 16, 30, 30] },
])('the wait of $name doubles up to its bound', ({ growth, seconds }) => {
  expect(seconds.map((_, i) => growing(growth, i + 1) / 1000)).toEqual(seconds);
});

test('a wait stays at its bound after any number of failures', () => {
  for (const failures of [100, 1100, 1e9]) expect(growing(BACKEND_WAIT, failures)).toBe(300_000);
});

test('the jitter is full: from nothing to all of the wait, in whole milliseconds', () => {
  const wait = (part: number) => jittered(BACKEND_WAIT, 3, () => part);
  expect([0, 0.25, 0.5, 0.99999].map(wait)).toEqual([0, 1000, 2000, 4000]);
  expect(Number.isInteger(wait(0.123456))).toBe(true);
});

test('a Retry-After of a backend is honoured up to an hour', () => {
  expect(honoured(undefined)).toBe(0);
  expect(honoured(1500.2)).toBe(1501);
  expect(honoured(86_400_000)).toBe(3_600_000);
});
