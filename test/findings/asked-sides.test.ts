import { expect, test } from 'vitest';
import { AskedSides } from '../../src/findings/asked-sides.ts';

const START = 1_800_000_000_000;

/** Counts requests each minute, and responses at some of them. */
function counted(minutes: number, responsesAt: (minute: number) => number) {
  const sides = new AskedSides();
  const found: number[] = [];
  for (let minute = 0; minute < minutes; minute++) {
    const counts = { requests: 10, responses: responsesAt(minute) };
    if (sides.add(counts, START + 60_000 * minute) > 0) found.push(minute);
  }
  return found;
}

test('responses that are never judged are found after ten minutes', () => {
  expect(counted(13, () => 0)).toEqual([11, 12]);
});

test('so are those that are judged no more, until they are again', () => {
  expect(counted(40, (minute) => (minute < 10 || minute > 25 ? 10 : 0))).toEqual([21, 22, 23, 24, 25]);
});

test('a few responses are enough', () => {
  expect(counted(60, (minute) => (minute % 9 === 0 ? 1 : 0))).toEqual([]);
});
