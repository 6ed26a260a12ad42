import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Grouping } from '../../src/outbox/grouping.ts';

function gather(most = { entries: 4, bytes: 100 }) {
  const groups: number[][] = [];
  let running = 0;
  const grouping = new Grouping<{ n: number; entries: number; bytes: number }>({
    ...{ gatherMs: 5, most },
    async run(group) {
      expect(++running).toBe(1);
      groups.push(group.map(({ n }) => n));
      await wait(10);
      running--;
    },
  });
  const add = (n: number, entries = 1, bytes = 1) => grouping.add({ n, entries, bytes });
  return { groups, grouping, add };
}

test('what comes within a few milliseconds is one group, and what comes meanwhile the next', async () => {
  const { groups, grouping, add } = gather();
  add(1);
  add(2);
  await wait(8);
  for (const n of [3, 4, 5]) add(n);
  await grouping.end();
  expect(groups).toEqual([
    [1, 2],
    [3, 4, 5],
  ]);
});

test('a group is bounded by entries and bytes, but for a single piece of work', async () => {
  const { groups, grouping, add } = gather();
  add(1, 3);
  add(2, 2);
  add(3, 9);
  add(4, 1, 60);
  add(5, 1, 60);
  add(6, 1, 500);
  await grouping.end();
  expect(groups).toEqual([[1], [2], [3], [4], [5], [6]]);
});

test('work that comes at the end of a group is not forgotten', async () => {
  const { groups, grouping, add } = gather();
  add(1);
  while (groups.length === 0) await wait(1);
  await grouping.end();
  add(2);
  await wait(30);
  expect(groups).toEqual([[1], [2]]);
  await grouping.end();
});
