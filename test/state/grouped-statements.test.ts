import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { GroupedStatements } from '../../src/state/grouped-statements.ts';

/** Statements that take a time each, and the inputs of those that were sent. */
function statements(tookMs: readonly number[], more: object = {}) {
  const sent: number[][] = [];
  const send = async (inputs: readonly number[]) => {
    sent.push([...inputs]);
    await wait(tookMs[sent.length - 1] ?? 1);
    return inputs;
  };
  return { sent, grouped: new GroupedStatements(send, { running: 1, inputs: 16, waitMs: 200, ...more }) };
}

const reasons = async (outputs: readonly Promise<number>[]) =>
  (await Promise.allSettled(outputs)).map((one) =>
    one.status === 'rejected' ? (one.reason as { reason: string }).reason : one.value,
  );

test('what nobody waits for any more is not sent', async () => {
  const { sent, grouped } = statements([250]);
  const early = [1, 2, 3].map((input) => grouped.add(input));
  await wait(150);
  const late = grouped.add(4);
  expect(await reasons([...early, late])).toEqual([1, 'timeout', 'timeout', 4]);
  expect(sent).toEqual([[1], [4]]);
});

test('what a slow store could not do in time is not sent, and what comes then is', async () => {
  const { sent, grouped } = statements([130, 130, 130]);
  const early = [1, 2].map((input) => grouped.add(input));
  await early[0];
  await wait(1);
  const waiting = grouped.add(3);
  expect(await reasons([...early, waiting])).toEqual([1, 2, 'timeout']);
  expect(await grouped.add(4)).toBe(4);
  expect(sent).toEqual([[1], [2], [4]]);
});

test('a statement has inputs of so many bytes at most, and one that is longer by itself', async () => {
  const { sent, grouped } = statements([], { bytes: { of: (input: number) => input, most: 100 } });
  const outputs = [1, 60, 40, 1, 500, 99, 2].map((input) => grouped.add(input));
  expect(await reasons(outputs)).toEqual([1, 60, 40, 1, 500, 99, 2]);
  expect(sent).toEqual([[1], [60, 40], [1], [500], [99], [2]]);
});
