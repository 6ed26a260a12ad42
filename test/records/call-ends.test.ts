import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { parseConfig } from '../../src/config/config.ts';
import { createLog } from '../../src/observability/log.ts';
import type { CallEnd } from '../../src/records/protocol.ts';
import { RecordsThread } from '../../src/records/records-thread.ts';
import { aktoAt, testBridge } from '../support/bridge.ts';
import { noteOf } from '../support/record.ts';
import { eventOf, LOGS, temporaryFolder, until } from '../support/recording-bridge.ts';

/** A records thread, and how it says that calls ended. */
function opened(env: Record<string, string>) {
  const dir = temporaryFolder();
  const { records: recordsConfig, ...config } = parseConfig({ ...env, DATA_DIR: dir }, backends);
  if (recordsConfig === undefined) throw new Error('keeps no records');
  const ends: CallEnd[] = [];
  const lines: string[] = [];
  const log = createLog('info', () => {}, { write: (line) => lines.push(line) });
  const records = new RecordsThread({ ...config, rules: [], records: recordsConfig }, log, {
    restarted() {},
    lost() {},
    lostNotes() {},
    unrecorded() {},
    unstored() {},
    ended: (told) => ends.push(...told),
    compared() {},
  });
  onTestFinished(() => records.close(100));
  const post = (...events: object[]) => records.logs(new TextEncoder().encode(JSON.stringify(events)), false);
  const endOf = (callId: string) => until(() => ends.find((end) => end.callId === callId));
  const recordsAkto = { ...config, backends: parseConfig(aktoAt('http://127.0.0.1:9'), backends).backends };
  return { records, config, recordsAkto, ends, lines, dir, post, endOf };
}

const note = (callId: string, side: 'request' | 'response') =>
  noteOf({ litellm_call_id: callId, input_type: side, litellm_trace_id: 'trace', key: '0123456789abcdef' });

test.each([
  ['a backend takes records', aktoAt('http://127.0.0.1:9')],
  ['nobody takes records', {}],
])('the records thread tells how calls ended, and what was noted on them, where %s', async (_, env) => {
  const { records, post, endOf } = opened(env);
  await post(eventOf('before'));
  records.note(note('both', 'request'));
  records.note(note('both', 'response'));
  records.note(note('half', 'request'));
  const key = { metadata: { user_api_key_hash: '0123456789abcdef0123456789abcdef' } };
  await post(eventOf('both', { ...key, endTime: 1_700_000_000 }), eventOf('half', { status: 'failure' }));
  expect(await endOf('both')).toEqual({
    callId: 'both',
    traceId: 'trace',
    key: '0123456789abcdef',
    outcome: 'success',
    at: expect.any(Number),
    sides: { request: true, response: true },
  });
  expect(await endOf('half')).toMatchObject({
    outcome: 'failure',
    sides: { request: true, response: false },
  });
  expect(await endOf('before')).toMatchObject({ traceId: null, sides: { request: false, response: false } });
});

test('until the first log event no thread runs where nobody takes records, and nothing is stored after it', async () => {
  const { records, post, endOf, dir, lines } = opened({});
  expect(records.takesNotes).toBe(false);
  records.note(note('early', 'request'));
  await post(eventOf('early'));
  expect(records.takesNotes).toBe(true);
  expect(records.isOn).toBe(false);
  expect((await endOf('early')).sides).toEqual({ request: false, response: false });
  expect(existsSync(join(dir, 'outbox.db'))).toBe(false);
  expect(records.health()).toBeUndefined();
  expect(await records.metrics()).toBe('');
  expect(lines).toEqual([]);
});

test('a backend that comes to take records gets those of calls from then on', async () => {
  const { records, recordsAkto, post, endOf, dir } = opened({});
  await post(eventOf('first'));
  await endOf('first');
  records.configure({ backends: recordsAkto.backends, rules: [] });
  expect(records.isOn).toBe(true);
  records.note(note('second', 'request'));
  expect(JSON.parse((await post(eventOf('second'))) as string)).toMatchObject({ new: 1 });
  expect((await endOf('second')).sides.request).toBe(true);
  expect(existsSync(join(dir, 'outbox.db'))).toBe(true);
  expect(records.health()).toMatchObject({ storage: null });
});

test('LiteLLM is told that nobody takes records, though its log events are read', async () => {
  const bridge = testBridge({ DATA_DIR: temporaryFolder() });
  onTestFinished(() => bridge.close());
  const body = JSON.stringify([eventOf('a')]);
  const response = await bridge.app.request(LOGS, { method: 'POST', body });
  expect([response.status, await response.json()]).toMatchObject([200, { accepted: 0 }]);
  expect(await bridge.metric('log_posts_total{result="no_backend"}')).toBe(1);
});
