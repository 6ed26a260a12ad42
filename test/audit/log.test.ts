import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { auditAdvice } from '../../src/audit/log.ts';
import { auditRow } from '../../src/audit/row.ts';
import type { Outcome } from '../../src/guardrail/decision.ts';
import { auditDir, DAY_MS, KEY, rowOf } from '../support/audit.ts';
import { callOf } from '../support/call.ts';
import { undecided } from '../support/decision.ts';

afterEach(() => {
  vi.useRealTimers();
});

const TODAY = 'audit-2026-11-21.jsonl';
const types = (rows: readonly Record<string, unknown>[]) => rows.map(({ event_type }) => event_type);

test('a row tells the decision in the words of LiteLLM and of Keeptrusts, and holds the hash of the row before', async () => {
  const dir = auditDir();
  const log = dir.open();
  log.append(
    rowOf(1, {
      action: 'BLOCKED',
      by: 'pii-detector',
      reason_code: 'pii_detected',
      rules: ['us-ssn'],
    }),
  );
  const [segment, row] = dir.rows();
  expect(segment).toMatchObject({
    ...{ seq: 1, event_type: 'segment', version: 1, alg: 'sha256', key_id: null, prev: '0'.repeat(64) },
  });
  expect(row).toEqual({
    ...{
      seq: 2,
      at: '2026-11-21T12:00:00.000Z',
      event_type: 'decision',
      verdict: 'block',
      action: 'BLOCKED',
    },
    ...{ input_type: 'request', shape: 'conversation', litellm_call_id: 'call-1', litellm_trace_id: null },
    model: 'gpt-5',
    ...{ team: 'search', key: 'search-prod', user: 'u-1', by: 'pii-detector', votes: null },
    reason_code: 'pii_detected',
    ...{ rules: ['us-ssn'], policy_version: 'abcdef123456', caller_rule: null, would_block: [] },
    ...{ would_redact: [], removed: [], ref: null, ms: 0.25, prev: segment?.hash, hash: log.head().hash },
  });
  expect(log.head().seq).toBe(2);
  expect(log.isUp()).toBe(true);
});

test.each<{ outcome: Outcome; action: string; verdict: string | null }>([
  { outcome: { kind: 'allow' }, action: 'NONE', verdict: 'allow' },
  {
    ...{ action: 'BLOCKED', verdict: 'block' },
    outcome: { kind: 'block', cause: 'verdict', by: 'akto', reason: 'no' },
  },
  {
    ...{ action: 'GUARDRAIL_INTERVENED', verdict: 'redact' },
    outcome: { kind: 'modify', by: ['akto'], texts: new Map(), form: 'texts' },
  },
  {
    ...{ action: 'GUARDRAIL_INTERVENED', verdict: 'remove' },
    outcome: { kind: 'modify', by: [], texts: new Map(), form: 'texts' },
  },
  { outcome: { kind: 'defer', by: 'akto' }, action: 'DEFERRED', verdict: null },
])('the action $action is written as the verdict $verdict', ({ outcome, action, verdict }) => {
  const dir = auditDir();
  dir.open().append(auditRow({ ...undecided(callOf({})), outcome, ms: 0.123456 }));
  expect(dir.rows().at(-1)).toMatchObject({ action, verdict, ms: 0.12 });
});

test('only the user of the bridge can read the log', () => {
  const dir = auditDir();
  dir.open();
  expect(statSync(dir.folder).mode & 0o777).toBe(0o700);
  expect(statSync(join(dir.folder, TODAY)).mode & 0o777).toBe(0o600);
});

test('no words of a prompt or a response are in the row of its call', () => {
  const dir = auditDir();
  const call = callOf({
    texts: ['canary-text'],
    structured_messages: [{ role: 'user', content: 'canary-message' }],
    tool_calls: [{ id: 'canary-id', function: { name: 'canary-tool', arguments: '{"canary":1}' } }],
    tools: [{ function: { name: 'canary-declared' } }],
    images: ['canary-image'],
    request_headers: { authorization: 'canary-header' },
    additional_provider_specific_params: { canary: 'canary' },
    request_data: {
      user_api_key_hash: 'f'.repeat(64),
      user_api_key_alias: 'search-prod',
      user_api_key_team_id: 't-1',
      user_api_key_user_id: 'u-1',
      canary: 'canary',
    },
    ...{ model: 'gpt-5', litellm_call_id: 'id-1' },
  });
  dir.open().append(auditRow(undecided(call)));
  expect(dir.rows().at(-1)).toMatchObject({
    ...{ litellm_call_id: 'id-1', model: 'gpt-5', team: 't-1', key: 'search-prod', user: 'u-1' },
  });
  expect(dir.text(TODAY)).not.toContain('canary');
});

test('values that a client chooses are bounded, and hold no control characters', async () => {
  const dir = auditDir();
  const id = `a\n\u001b[2J\u202e\u009b\ud83d${'\u0000'.repeat(10_000)}`;
  dir.open().append(rowOf(1, { litellm_call_id: id, model: id, user: 'ü', rules: Array(500).fill(id) }));
  expect(dir.text(TODAY)).toMatch(/^[ -~\n]*$/);
  expect(dir.text(TODAY).length).toBeLessThan(200_000);
  expect(dir.rows()).toHaveLength(2);
  const row = dir.rows().at(-1);
  expect(row).toMatchObject({ litellm_call_id: id.slice(0, 256), user: 'ü' });
  expect(row?.rules).toHaveLength(64);
  expect(dir.verify().problems).toEqual([]);
});

test('the chain goes on when the bridge starts again, in the same file', async () => {
  const dir = auditDir();
  const first = dir.open();
  first.append(rowOf(1));
  await first.close();
  const second = dir.open();
  expect(second.head()).toEqual(first.head());
  second.append(rowOf(2));
  expect(dir.names()).toEqual([TODAY]);
  expect(dir.rows().map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect(dir.verify()).toMatchObject({ problems: [], rows: 3, segments: 1, head: second.head() });
});

test('a day has its own segment, which continues the one before', async () => {
  const dir = auditDir();
  const log = dir.open();
  log.append(rowOf(1));
  const { hash } = log.head();
  dir.time += DAY_MS;
  log.append(rowOf(2));
  // A clock that was set back opens no old day again
  dir.time -= 3 * DAY_MS;
  log.append(rowOf(3));
  expect(dir.names()).toEqual([TODAY, 'audit-2026-11-22.jsonl']);
  expect(types(dir.rows('audit-2026-11-22.jsonl'))).toEqual(['segment', 'decision', 'decision']);
  expect(dir.rows('audit-2026-11-22.jsonl')[0]).toMatchObject({ seq: 3, prev: hash });
  expect(dir.verify()).toMatchObject({ problems: [], rows: 5, segments: 2 });
});

test('another key begins another segment, and both can be verified', async () => {
  const dir = auditDir();
  for (const key of [undefined, KEY, 'another key']) {
    const log = dir.open({ key });
    log.append(rowOf(1));
    await log.close();
  }
  expect(dir.names()).toEqual(['audit-2026-11-21.2.jsonl', 'audit-2026-11-21.3.jsonl', TODAY]);
  expect(dir.verify(['another key', KEY]).problems).toEqual([]);
  const { problems } = dir.verify(['another key']);
  expect(problems).toMatchObject([{ file: 'audit-2026-11-21.2.jsonl', line: 1 }]);
});

test('half a line at the end is cut off, and a row says so', async () => {
  const dir = auditDir();
  const first = dir.open();
  first.append(rowOf(1));
  await first.close();
  appendFileSync(join(dir.folder, TODAY), '{"seq":3,"at":"20');
  expect(dir.verify().notes).toMatchObject([{ line: 3 }]);
  const second = dir.open();
  second.append(rowOf(2));
  expect(types(dir.rows())).toEqual(['segment', 'decision', 'recovered', 'decision']);
  expect(dir.rows()[2]).toMatchObject({ segment: TODAY, cut_bytes: 17, bad_lines: 0 });
  expect(dir.verify()).toMatchObject({ problems: [], notes: [] });
});

test('an empty segment, as a full disk or a crash leaves it, is filled', async () => {
  const dir = auditDir();
  const first = dir.open();
  await first.close();
  writeFileSync(join(dir.folder, 'audit-2026-11-22.jsonl'), '{"seq":2');
  dir.time += DAY_MS;
  dir.open().append(rowOf(1));
  expect(dir.names()).toEqual([TODAY, 'audit-2026-11-22.jsonl']);
  expect(types(dir.rows())).toEqual(['segment', 'segment', 'recovered', 'decision']);
  expect(dir.verify().problems).toEqual([]);
});

test('an unreadable line does not end the chain, and is found', async () => {
  const dir = auditDir();
  const first = dir.open();
  first.append(rowOf(1));
  await first.close();
  appendFileSync(join(dir.folder, TODAY), `${'\u0000'.repeat(200_000)}\n`);
  dir.open().append(rowOf(2));
  const { problems } = dir.verify();
  expect(problems).toEqual([{ file: TODAY, line: 3, message: 'not a row of the log' }]);
});

test.each([
  { what: 'garbage', reason: 'NOT_A_LOG', spoil: (file: string) => writeFileSync(file, 'plum\ncake\n') },
  {
    ...{ what: 'a folder', reason: 'EISDIR' },
    spoil(file: string) {
      rmSync(file);
      mkdirSync(file);
    },
  },
])(
  'a segment that is $what is put aside, and the chain that begins anew says so',
  async ({ reason, spoil }) => {
    const dir = auditDir();
    const first = dir.open();
    first.append(rowOf(1));
    await first.close();
    spoil(join(dir.folder, TODAY));
    const log = dir.open();
    log.append(rowOf(2));
    const aside = dir.names().find((name) => name.includes('unreadable')) ?? '';
    expect(aside).toMatch(/^audit-2026-11-21\.unreadable\.[\dTZ-]+\.jsonl$/);
    expect(dir.rows(TODAY)).toMatchObject([
      { seq: 1, event_type: 'segment', prev: '0'.repeat(64) },
      { seq: 2, event_type: 'restarted', aside, reason },
      { seq: 3, event_type: 'decision' },
    ]);
    expect(log.isUp()).toBe(true);
    const { problems } = dir.verify();
    expect(problems).toEqual([
      { file: TODAY, line: 2, message: `the chain begins anew: ${aside} could not be read` },
    ]);
  },
);

test('a second bridge writes no log, and takes over when the first has ended', async () => {
  const dir = auditDir();
  const first = dir.open();
  first.append(rowOf(1));
  const second = dir.open();
  expect(second.isUp()).toBe(false);
  expect(second.errors).toEqual(['LOCKED']);
  expect(auditAdvice('LOCKED')).toContain('another bridge');
  second.append(rowOf(2));
  expect(second.lost()).toBe(1);
  await first.close();
  dir.time += 1000;
  second.append(rowOf(3));
  expect(second.isUp()).toBe(true);
  expect(second.recovered).toEqual([1]);
  expect(types(dir.rows())).toEqual(['segment', 'decision', 'gap', 'decision']);
  expect(dir.verify().problems).toEqual([]);
});

test('a log that cannot be written loses rows and no call, and writes the loss once it can', async () => {
  const dir = auditDir();
  const nowhere = join(dir.dir, 'a-file');
  writeFileSync(nowhere, '');
  const log = dir.open({ dir: nowhere });
  expect(log.isUp()).toBe(false);
  for (let i = 0; i < 5; i++) {
    dir.time += 1000;
    log.append(rowOf(i));
  }
  expect(log.errors).toEqual(['EEXIST']);
  expect(log.lost()).toBe(5);
  expect(log.head()).toEqual({ seq: 0, hash: '0'.repeat(64) });
  rmSync(nowhere);
  dir.time += 1000;
  log.append(rowOf(6));
  expect(log.lost()).toBe(0);
  expect(log.recovered).toEqual([5]);
});

test('rows lost until the end are logged at the end', async () => {
  const dir = auditDir();
  const first = dir.open();
  const second = dir.open();
  second.append(rowOf(1));
  await first.close();
  await second.close();
  expect(dir.rows().at(-1)).toMatchObject({ event_type: 'gap', lost: 1 });
  second.append(rowOf(2));
  expect(second.isUp()).toBe(false);
});

test.each([
  { what: 'file', spoil: (folder: string) => rmSync(join(folder, TODAY)) },
  { what: 'folder', spoil: (folder: string) => rmSync(folder, { recursive: true }) },
  { what: 'renamed folder', spoil: (folder: string) => renameSync(folder, `${folder}.old`) },
])('a $what that disappears is made anew, and its rows are reported missing', async ({ spoil }) => {
  const dir = auditDir();
  const log = dir.open();
  log.append(rowOf(1));
  spoil(dir.folder);
  log.append(rowOf(2));
  expect(log.isUp()).toBe(true);
  expect(log.errors).toEqual([]);
  expect(dir.rows()).toMatchObject([{ seq: 3, event_type: 'segment' }, { litellm_call_id: 'call-2' }]);
  expect(dir.verify().problems).toMatchObject([{ line: 1 }]);
  const other = dir.open();
  expect(other.errors).toEqual(['LOCKED']);
});

test('a tail that is cut off while the log is written is reported missing', async () => {
  const dir = auditDir();
  const log = dir.open();
  log.append(rowOf(1));
  const { size } = statSync(join(dir.folder, TODAY));
  log.append(rowOf(2));
  truncateSync(join(dir.folder, TODAY), size);
  log.append(rowOf(3));
  expect(dir.verify().problems).toEqual([{ file: TODAY, line: 3, message: 'row 3 before it is missing' }]);
});

test('whole days are removed once all their rows are too old, and a row names them', async () => {
  const dir = auditDir();
  const log = dir.open({ key: KEY });
  log.setRetention(2);
  const day = (n: number) => `audit-2026-11-2${n}.jsonl`;
  for (let n = 1; n <= 3; n++) {
    log.append(rowOf(n));
    dir.time += DAY_MS;
  }
  expect(dir.names()).toEqual([day(1), day(2), day(3)]);
  log.append(rowOf(4));
  await vi.waitFor(() => expect(dir.names()).toEqual([day(2), day(3), day(4)]));
  const removal = dir.rows(day(4)).find(({ event_type }) => event_type === 'retention');
  expect(removal).toMatchObject({ segment: day(1), retention_days: 2, last_seq: 2 });
  expect(removal?.last_hash).toBe(dir.rows(day(2))[0]?.prev);
  expect(dir.verify([KEY]).problems).toEqual([]);

  rmSync(join(dir.folder, day(2)));
  expect(dir.verify([KEY]).problems).toMatchObject([
    {
      file: day(3),
      line: 1,
      message: 'rows 1 to 4 before it are missing, and no row says that they were too old',
    },
  ]);
});

test('a shorter retention applies at once, at the start too, and never to the segment in use', async () => {
  const dir = auditDir();
  const first = dir.open();
  for (let n = 0; n < 5; n++) {
    first.append(rowOf(n));
    dir.time += DAY_MS;
  }
  await first.close();
  const log = dir.open();
  expect(dir.names()).toHaveLength(6);
  log.setRetention(1);
  await vi.waitFor(() => expect(dir.names()).toEqual(['audit-2026-11-25.jsonl', 'audit-2026-11-26.jsonl']));
  dir.time += 30 * DAY_MS;
  log.setRetention(1);
  await vi.waitFor(() => expect(dir.names()).toEqual(['audit-2026-12-26.jsonl']));
  expect(dir.verify().problems).toEqual([]);
});

test('the head is logged at the start, every hour if there are new rows, and at the end', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const dir = auditDir();
  const log = dir.open();
  const begin = log.head();
  expect(log.heads).toEqual([begin]);
  log.append(rowOf(1));
  const first = log.head();
  vi.advanceTimersByTime(3_600_000);
  expect(log.heads).toEqual([begin, first]);
  vi.advanceTimersByTime(3_600_000);
  expect(log.heads).toEqual([begin, first]);
  log.append(rowOf(2));
  const second = log.head();
  await log.close();
  expect(log.heads).toEqual([begin, first, second]);
  expect(dir.verify([], first).problems).toEqual([]);
  expect(dir.verify([], second).problems).toEqual([]);
});
