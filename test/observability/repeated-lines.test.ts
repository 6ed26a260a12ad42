import { afterEach, expect, test, vi } from 'vitest';
import { createLog } from '../../src/observability/log.ts';
import { RepeatedLines } from '../../src/observability/repeated-lines.ts';

afterEach(() => void vi.useRealTimers());

function repeated() {
  vi.useFakeTimers();
  const lines: Record<string, unknown>[] = [];
  const log = createLog('info', () => {}, { write: (line) => lines.push(JSON.parse(line)) });
  const said = () => lines.splice(0).map(({ level: _, time: __, ...line }) => line);
  return { repeated: new RepeatedLines(log), said };
}

test('the first line of a kind is written at once, and the others are summed up each minute', () => {
  const { repeated: lines, said } = repeated();
  for (let i = 0; i < 44; i++) lines.warn({ reason: 'unauthorized' }, { call: i }, 'request refused');
  expect(said()).toEqual([{ reason: 'unauthorized', call: 0, msg: 'request refused' }]);
  vi.advanceTimersByTime(60_000);
  expect(said()).toEqual([
    { reason: 'unauthorized', count: 43, seconds: 60, msg: 'request refused, repeatedly' },
  ]);
  lines.warn({ reason: 'unauthorized' }, {}, 'request refused');
  vi.advanceTimersByTime(60_000);
  expect(said()).toMatchObject([{ count: 1 }]);
});

test('a kind that did not come for a minute is told at once when it comes again', () => {
  const { repeated: lines, said } = repeated();
  lines.warn({ reason: 'address' }, {}, 'request refused');
  vi.advanceTimersByTime(60_000);
  lines.warn({ reason: 'address' }, {}, 'request refused');
  expect(said()).toHaveLength(2);
  vi.advanceTimersByTime(60_000);
  expect(said()).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test('kinds are told apart by message and fields, and beyond a thousand each line is written', () => {
  const { repeated: lines, said } = repeated();
  for (let kind = 0; kind < 1005; kind++) lines.warn({ kind }, {}, 'no verdict');
  lines.warn({ kind: 0 }, {}, 'request refused');
  expect(said()).toHaveLength(1006);
  lines.warn({ kind: 0 }, {}, 'no verdict');
  lines.warn({ kind: 1004 }, {}, 'no verdict');
  expect(said()).toMatchObject([{ kind: 1004 }]);
});
