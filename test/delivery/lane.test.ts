import { expect, test } from 'vitest';
import { Lane } from '../../src/delivery/lane.ts';

const times = (count: number, step: () => unknown) => Array.from({ length: count }, step);

test('a lane widens with each success up to its bound', () => {
  const lane = new Lane(7);
  expect(
    times(6, () => {
      lane.succeeded();
      return lane.width;
    }),
  ).toEqual([5, 6, 7, 7, 7, 7]);
});

test('a failure in twenty leaves it as wide as it was', () => {
  const lane = new Lane(32);
  for (let i = 1; i <= 2000; i++) {
    if (i % 20 === 0) expect(lane.failed()).toBe(false);
    else lane.succeeded();
  }
  lane.succeeded();
  expect(lane.width).toBe(32);
});

test('failures in a row narrow it to what it takes to tell an outage, and the fourth is one', () => {
  const lane = new Lane(32);
  times(50, () => lane.succeeded());
  const seen = times(3, () => [lane.failed(), lane.width]);
  expect(seen).toEqual([
    [false, 3],
    [false, 2],
    [false, 1],
  ]);
  expect(lane.failed()).toBe(true);
  expect(lane.width).toBe(4);
});

test('after three failures in a row it is half as wide, and widens slower', () => {
  const lane = new Lane(32);
  times(50, () => lane.succeeded());
  times(3, () => lane.failed());
  lane.succeeded();
  expect(lane.width).toBe(16);
  times(17, () => lane.succeeded());
  expect(lane.width).toBe(17);
});

test('where the backend asks for less, it is half as wide at once, and widens slower', () => {
  const lane = new Lane(32);
  times(50, () => lane.succeeded());
  lane.failed();
  lane.narrow();
  lane.succeeded();
  expect(lane.width).toBe(16);
  for (let i = 0; i < 50; i++) lane.narrow();
  expect(lane.width).toBe(1);
});

test('it is never closed', () => {
  const lane = new Lane(1);
  for (let i = 0; i < 100; i++) {
    lane.failed();
    expect(lane.width).toBe(1);
  }
});
