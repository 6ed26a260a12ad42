import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { parseConfig } from '../../src/config/config.ts';
import { createLog } from '../../src/observability/log.ts';
import type { WorkerStart } from '../../src/records/protocol.ts';
import { RecordsThread } from '../../src/records/records-thread.ts';
import { aktoAt } from '../support/bridge.ts';
import { noteOf } from '../support/record.ts';
import { temporaryFolder } from '../support/recording-bridge.ts';

/** A thread with what it logs and tells. */
function opened(change: (start: WorkerStart) => WorkerStart = (start) => start) {
  const lines: string[] = [];
  const told = { restarted: 0, lost: 0, unstored: [] as string[] };
  const log = createLog('info', () => {}, { write: (line) => lines.push(line) });
  const env = { ...aktoAt('http://127.0.0.1:9'), DATA_DIR: temporaryFolder() };
  const { records: recordsConfig, ...config } = parseConfig(env, backends);
  if (recordsConfig === undefined) throw new Error('keeps no records');
  const records = new RecordsThread(change({ ...config, records: recordsConfig }), log, {
    restarted: () => told.restarted++,
    lost: () => told.lost++,
    unstored: (reason) => told.unstored.push(reason),
  });
  onTestFinished(() => records.close(100));
  const block = { by: 'akto', cause: 'verdict', reason: '', ref: '', input_type: 'request' } as const;
  const blocked = () =>
    records.blocked({ note: noteOf({ action: 'BLOCKED' }), block, event: {}, words: undefined });
  return { records, lines, told, blocked };
}

test('blocked calls that cannot be handed to a thread that hangs are counted and logged, and wait for nothing', async () => {
  const { lines, told, blocked } = opened();
  // The thread has no turn to reply in between
  for (let i = 0; i < 20_000; i++) void blocked();
  const waits = [blocked(), blocked(), blocked()];
  expect(told.lost).toBe(3);
  expect(told.unstored).toEqual(['overloaded', 'overloaded', 'overloaded']);
  await Promise.all(waits);
  expect(lines.filter((line) => line.includes('was lost'))).toHaveLength(3);
});

test('a thread that cannot live is started again, log events are refused, and a blocked call is given up in the end', async () => {
  const { records, lines, told, blocked } = opened(({ backends: all, ...start }) => ({
    ...start,
    backends: all.map((backend) => ({ ...backend, name: 'nobody' })),
  }));
  const reply = blocked();
  expect(await records.logs(Buffer.from('[]'), false)).toEqual({ refused: 'unavailable' });
  expect(records.health().storage).toBe('restarting');
  expect([told.restarted, told.lost]).toEqual([1, 0]);
  await Promise.all([reply, blocked()]);
  // Of a thread that takes longer than that to end the first reply does not wait
  expect(told.unstored.map((reason) => reason.replace('slow', 'restarting'))).toEqual([
    'restarting',
    'restarting',
  ]);
  while (told.lost === 0 && told.restarted < 9) await sleep(50);
  expect(told).toMatchObject({ restarted: 3, lost: 1 });
  expect(lines.filter((line) => line.includes('not_taken'))).toHaveLength(1);
}, 20_000);
