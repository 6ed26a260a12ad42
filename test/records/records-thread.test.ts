import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { parseConfig } from '../../src/config/config.ts';
import { createLog } from '../../src/observability/log.ts';
import type { RecordsStart } from '../../src/records/protocol.ts';
import { RecordsThread } from '../../src/records/records-thread.ts';
import { aktoAt } from '../support/bridge.ts';
import { noteOf } from '../support/record.ts';
import { temporaryFolder } from '../support/recording-bridge.ts';

/** A thread with what it logs and tells. */
function opened(change: (start: RecordsStart) => RecordsStart = (start) => start) {
  const lines: string[] = [];
  const told = { restarted: 0, lost: 0, lostNotes: 0, unstored: [] as string[] };
  const log = createLog('info', () => {}, { write: (line) => lines.push(line) });
  const env = { ...aktoAt('http://127.0.0.1:9'), DATA_DIR: temporaryFolder() };
  const { records: recordsConfig, ...config } = parseConfig(env, backends);
  if (recordsConfig === undefined) throw new Error('keeps no records');
  const records = new RecordsThread(change({ ...config, rules: [], records: recordsConfig }), log, {
    restarted: () => told.restarted++,
    lost: () => told.lost++,
    lostNotes(notes) {
      told.lostNotes += notes;
    },
    unrecorded() {},
    ended() {},
    compared() {},
    unstored: (reason) => told.unstored.push(reason),
  });
  onTestFinished(() => records.close(100));
  const setup = { backends: config.backends, rules: [] };
  const block = { by: 'akto', cause: 'verdict', reason: '', ref: '', input_type: 'request' } as const;
  const blocked = () =>
    records.blocked({ note: noteOf({ action: 'BLOCKED' }), block, event: {}, words: undefined });
  /** Records of blocked calls on the disk. */
  const stored = () => {
    const db = new DatabaseSync(join(env.DATA_DIR, 'outbox.db'), { readOnly: true });
    const { n } = db.prepare("SELECT count(*) AS n FROM record WHERE outcome = 'blocked'").get() ?? {};
    db.close();
    return Number(n);
  };
  return { records, lines, told, blocked, stored, setup, dir: env.DATA_DIR };
}

/** Has a thread that cannot live, as a kind of backend is unknown to it. */
const dying = ({ backends: all, ...start }: RecordsStart): RecordsStart => ({
  ...start,
  backends: all.map((backend) => ({ ...backend, kind: 'nobody' })),
});

test('blocked calls that cannot be handed to a thread that hangs are counted and logged, and wait for nothing', async () => {
  const { lines, told, blocked } = opened();
  // The thread has no turn to reply in between
  for (let i = 0; i < 20_000; i++) void blocked();
  const waits = [blocked(), blocked(), blocked()];
  expect(told.lost).toBe(3);
  await Promise.all(waits);
  expect(told.unstored).toEqual([]);
  expect(lines.filter((line) => line.includes('was lost'))).toHaveLength(3);
});

test('a thread that cannot live is started again, log events are refused, and a blocked call is given up in the end', async () => {
  const { records, lines, told, blocked } = opened(dying);
  const reply = blocked();
  expect(await records.logs(Buffer.from('[]'), false)).toEqual({ refused: 'unavailable' });
  expect(records.health()?.storage).toBe('restarting');
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

/** Has the first thread end as soon as it runs, and those after it live. */
function endingOnce(start: RecordsStart): RecordsStart {
  let reads = 0;
  return {
    ...start,
    get backends() {
      // The first time it is asked if anybody takes records
      return ++reads === 2 ? dying(start).backends : start.backends;
    },
  };
}

test('blocked calls that come while the thread is started again are stored at the end of the process', async () => {
  const { records, told, blocked, stored } = opened(endingOnce);
  while (told.restarted === 0) await sleep(5);
  records.note(noteOf());
  await Promise.all([blocked(), blocked()]);
  expect(told.unstored).toEqual(['restarting', 'restarting']);
  await records.close(15_000);
  expect(told).toMatchObject({ restarted: 1, lost: 0, lostNotes: 0 });
  expect(stored()).toBe(1);
}, 20_000);

test('blocked calls and notes of which a thread ends at the end of the process are counted and logged', async () => {
  const { records, lines, told, blocked } = opened(dying);
  while (told.restarted === 0) await sleep(5);
  records.note(noteOf());
  await Promise.all([blocked(), blocked()]);
  await records.close(15_000);
  expect(told).toMatchObject({ lost: 2, lostNotes: 1 });
  expect(lines.filter((line) => line.includes('record of a blocked call was lost'))).toHaveLength(2);
  expect(lines.filter((line) => line.includes('notes on calls were lost'))).toHaveLength(1);
  await blocked();
  expect(told.lost).toBe(3);
}, 20_000);

test('notes that cannot be handed to a thread that hangs are counted and logged', async () => {
  const { records, lines, told, blocked } = opened();
  for (let i = 0; i < 20_000; i++) void blocked();
  records.note(noteOf());
  records.note(noteOf());
  void blocked();
  while (told.lostNotes === 0) await sleep(0);
  expect(told.lostNotes).toBe(2);
  expect(lines.filter((line) => line.includes('notes on calls were lost'))).toHaveLength(1);
});

test('log events of a POST in the time in which the thread is started again are kept for the next', async () => {
  const { records, told } = opened(endingOnce);
  while (told.restarted === 0) await sleep(5);
  expect(await records.logs(Buffer.from('[null]'), false)).toContain('"null":1');
}, 20_000);

test('without a backend that takes records there is no thread, until a reload brings one', async () => {
  const { records, told, blocked, setup, stored } = opened((start) => ({ ...start, backends: [] }));
  expect([records.isOn, records.health(), await records.metrics()]).toEqual([false, undefined, '']);
  await records.ready();
  records.note(noteOf());
  await blocked();
  records.configure(setup);
  expect(records.isOn).toBe(true);
  await blocked();
  expect(records.health()).toMatchObject({ storage: null });
  records.configure({ ...setup, backends: [] });
  expect(records.isOn).toBe(false);
  await blocked();
  // The rest of the time before is still there
  const left = 'telemetry_backlog_records{backend="akto"} 1';
  while (!(await records.metrics()).includes(left)) await sleep(20);
  await records.close(100);
  expect(stored()).toBe(1);
  expect(told).toMatchObject({ lost: 0, lostNotes: 0, restarted: 0 });
});

test('a thread that is started again goes by the last configuration', async () => {
  const { records, told, blocked, setup, stored } = opened(dying);
  while (told.restarted === 0) await sleep(5);
  records.configure({ ...setup, rules: [{ match: { team: ['legal'] }, records: [] }] });
  const rows = [{ litellm_call_id: 'a', metadata: { user_api_key_team_id: 'legal' } }];
  // The record of a block whose caller nobody knows is left out by that rule too
  await blocked();
  while (told.unstored.length === 0 || records.health()?.storage !== null) await sleep(5);
  expect(await records.logs(Buffer.from(JSON.stringify(rows)), false)).toContain('"unrecorded":1');
  await records.close(1000);
  expect(stored()).toBe(0);
  expect(told).toMatchObject({ restarted: 1, lost: 0 });
}, 20_000);

test('what an outbox holds of a time with other backends is given up in time, though nobody takes records now', async () => {
  const before = opened();
  await before.records.ready();
  await before.blocked();
  await before.records.close(100);
  const { dir } = before;
  const { records } = opened((start) => ({
    ...start,
    backends: [],
    records: { ...start.records, dir, maxAgeMs: 1 },
  }));
  expect(records.isOn).toBe(false);
  while (!(await records.metrics()).includes('dropped_total{backend="akto",reason="expired"} 1'))
    await sleep(20);
});
