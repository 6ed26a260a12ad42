import { expect, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { parseConfig } from '../../src/config/config.ts';
import { createLog } from '../../src/observability/log.ts';
import { RecordsThread } from '../../src/records/records-thread.ts';
import { aktoAt } from '../support/bridge.ts';
import { noteOf } from '../support/record.ts';
import { temporaryFolder } from '../support/recording-bridge.ts';

test('blocked calls that cannot be handed to a thread that hangs are counted and logged', async () => {
  const lines: string[] = [];
  const log = createLog('info', () => {}, { write: (line) => lines.push(line) });
  let lost = 0;
  const env = { ...aktoAt('http://127.0.0.1:9'), DATA_DIR: temporaryFolder() };
  const { records: recordsConfig, ...config } = parseConfig(env, backends);
  if (recordsConfig === undefined) throw new Error('keeps no records');
  const start = { ...config, records: recordsConfig };
  const records = new RecordsThread(start, log, { restarted() {}, lost: () => lost++ });
  const block = { by: 'akto', cause: 'verdict', reason: '', ref: '', input_type: 'request' } as const;
  // The thread has no turn to answer in between
  for (let i = 0; i < 20_003; i++)
    records.blocked({ note: noteOf({ action: 'BLOCKED' }), block, event: {}, words: undefined });
  expect(lost).toBe(3);
  expect(lines.filter((line) => line.includes('was lost'))).toHaveLength(3);
  await records.close(100);
});
