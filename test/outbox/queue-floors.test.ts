import { expect, onTestFinished, test, vi } from 'vitest';
import { QueueFloors } from '../../src/outbox/queue-floors.ts';

function floorsAt() {
  let now = 1000;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  const pass = (ms: number) => {
    now += ms;
  };
  return { floors: new QueueFloors(), pass };
}

test('a queue is looked at from its beginning as long as that is fast', () => {
  const { floors } = floorsAt();
  floors.looked('akto', 0, [7, 8], 10);
  expect(floors.of('akto')).toBe(0);
});

test('after a slow look it begins at the first record for a while, or behind the last one', () => {
  const { floors, pass } = floorsAt();
  floors.looked('akto', 0, [7, 8], 100);
  expect([floors.of('akto'), floors.of('capsule')]).toEqual([7, 0]);
  floors.looked('akto', 7, [9], 100);
  pass(2001);
  expect(floors.of('akto')).toBe(0);
  floors.looked('akto', 0, [], 100);
  expect(floors.of('akto')).toBe(10);
  floors.reset();
  expect(floors.of('akto')).toBe(0);
});

test('a record that waited moves the beginning back', () => {
  const { floors } = floorsAt();
  floors.looked('akto', 0, [7, 8], 100);
  floors.looked('akto', 7, [3, 7], 5);
  expect(floors.of('akto')).toBe(3);
});
