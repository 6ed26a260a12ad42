import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { aktoBlocks } from '../support/akto.ts';
import { testBridge } from '../support/bridge.ts';
import { text } from '../support/fake-backend.ts';
import { eventOf, recordingBridge, temporaryFolder, until } from '../support/recording-bridge.ts';

const MESSAGES = [{ role: 'user', content: 'When does the library open?' }];
const callOf = (id: string, more: object = {}) => ({
  input_type: 'request',
  litellm_call_id: id,
  model: 'house-model',
  texts: MESSAGES.map(({ content }) => content),
  structured_messages: MESSAGES,
  request_data: { user_api_key_team_id: 'team-1', user_api_key_alias: 'desk' },
  ...more,
});
const failureOf = (id: string, more: object = {}) =>
  eventOf(id, {
    id,
    status: 'failure',
    response: {},
    error_str: 'no quota',
    error_information: { error_code: '429', error_class: 'RateLimitError', error_message: 'no quota' },
    ...more,
  });

describe('one record for each call', () => {
  test('has for an allowed call the request, the response and the decisions of the bridge', async () => {
    const bridge = await recordingBridge();
    await bridge.ask(callOf('a'));
    await bridge.ask({
      ...callOf('a'),
      input_type: 'response',
      texts: ['At nine.'],
      structured_messages: [],
    });
    await bridge.send([eventOf('a')]);
    const [record] = await bridge.recordsOf('a');
    expect(record).toMatchObject({
      statusCode: '200',
      request: { model: 'house-model', messages: MESSAGES },
      response: { choices: [{ message: { content: 'At nine.' } }] },
      tag: { litellm_call_id: 'a', team_id: 'team-1', outcome: 'success' },
    });
    const verdicts = JSON.parse(record?.tag.guardrail ?? '') as Record<string, unknown>[];
    expect(verdicts).toMatchObject([
      {
        input_type: 'request',
        action: 'NONE',
        checks: [{ backend: 'akto', mode: 'enforce', result: 'allow' }],
      },
      { input_type: 'response', action: 'NONE', checks: [{ backend: 'akto' }] },
    ]);
  });

  test('is made of a blocked request at once, with status 403 and the marker, and not again of its failure event', async () => {
    const bridge = await recordingBridge();
    bridge.akto.server.reply = (request, response) =>
      request.path === '/api/http-proxy'
        ? aktoBlocks('No libraries here')(request, response)
        : bridge.akto.reply(request, response);
    const { reply } = await bridge.ask(callOf('b'));
    const [record] = await bridge.recordsOf('b');
    expect(record).toMatchObject({
      statusCode: '403',
      request: { messages: MESSAGES },
      response: { 'x-blocked-by': 'Akto Proxy', reason: 'No libraries here' },
      tag: { outcome: 'blocked', team_id: 'team-1', key_alias: 'desk' },
    });
    const error_message = String(reply.blocked_reason);
    const event = failureOf('b', {
      error_information: { error_class: 'GuardrailRaisedException', error_message },
    });
    expect((await bridge.send([event])).reply).toMatchObject({ blocked: 1, new: 0 });
    await wait(300);
    expect(bridge.records()).toHaveLength(1);
  });

  test('is made of a blocked request whose client chose an id longer than the bridge keeps', async () => {
    const bridge = await recordingBridge();
    bridge.akto.server.reply = aktoBlocks();
    const id = 'b'.repeat(2000);
    await bridge.ask(callOf(id));
    await until(() => bridge.metric('telemetry_rows_total{result="block_new"}'));
    const event = failureOf(id, { error_information: { error_class: 'GuardrailRaisedException' } });
    expect((await bridge.send([event])).reply).toMatchObject({ blocked: 1, new: 0 });
  });

  test('is made of a blocked response, and not again of the success that LiteLLM logs all the same', async () => {
    const bridge = await recordingBridge();
    await bridge.ask(callOf('c'));
    bridge.akto.server.reply = (request, response) =>
      request.path === '/api/http-proxy'
        ? aktoBlocks()(request, response)
        : bridge.akto.reply(request, response);
    await bridge.ask({
      ...callOf('c'),
      input_type: 'response',
      texts: ['At nine.'],
      structured_messages: [],
    });
    await bridge.send([eventOf('c')]);
    await bridge.send([eventOf('d')]);
    await bridge.recordsOf('d');
    const records = await bridge.recordsOf('c');
    expect(records).toMatchObject([{ statusCode: '403', request: { messages: MESSAGES } }]);
    expect(records[0]?.text).not.toContain('At nine.');
  });

  test('is made of a call that the built-in policy blocks', async () => {
    const bridge = await recordingBridge({ BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'library' });
    await bridge.ask(callOf('e'));
    const [record] = await bridge.recordsOf('e');
    expect(record).toMatchObject({ statusCode: '403', response: { reason: 'banned_keyword' } });
  });

  test('is made of a failed call after its grace, with its status', async () => {
    const bridge = await recordingBridge({ FAILURE_GRACE_SECONDS: '0.1' });
    await bridge.send([failureOf('f')]);
    expect(await bridge.recordsOf('f')).toMatchObject([{ statusCode: '429', tag: { outcome: 'failure' } }]);
  });

  test('is made of the success of a call and not of its failed attempt, in either order', async () => {
    const bridge = await recordingBridge({ FAILURE_GRACE_SECONDS: '1' });
    await bridge.send([failureOf('g')]);
    await bridge.send([eventOf('g')]);
    await bridge.send([eventOf('h'), failureOf('h')]);
    await bridge.recordsOf('h');
    await wait(1500);
    const outcomes = bridge.records().map(({ tag }) => `${tag.litellm_call_id} ${tag.outcome}`);
    expect(outcomes.sort()).toEqual(['g success', 'h success']);
  });
});

describe('two backends', () => {
  test('get a record each, and Capsule none for a call that it blocked itself', async () => {
    const bridge = await recordingBridge({ FAILURE_GRACE_SECONDS: '0.1' }, { withCapsule: true });
    await bridge.ask(callOf('ok'));
    await bridge.send([eventOf('ok'), failureOf('bad')]);
    await bridge.ask(callOf('no', { texts: ['a turnip'], structured_messages: [] }));
    for (const id of ['no', 'bad']) await bridge.recordsOf(id);
    await until(() => bridge.capsule.posted.length >= 2);
    expect(
      bridge
        .records()
        .map(({ tag }) => tag.litellm_call_id)
        .sort(),
    ).toEqual(['bad', 'no', 'ok']);
    expect(bridge.capsule.posted).toMatchObject([
      { requestId: 'ok', model: 'house-model', success: true },
      { requestId: 'bad', success: false, errorCode: 'RateLimitError', errorMessage: 'no quota' },
    ]);
  });

  test('are independent: one that is down does not hold up the other', async () => {
    const bridge = await recordingBridge({}, { withCapsule: true });
    bridge.akto.server.reply = text('busy', 503);
    await bridge.send([eventOf('a')]);
    await until(() => bridge.capsule.posted.length === 1);
    expect(await bridge.metric('telemetry_backlog_records{backend="akto"}')).toBe(1);
    await until(async () => (await bridge.metric('telemetry_backlog_records{backend="capsule"}')) === 0);
  });
});

describe('after a restart', () => {
  test('the next bridge delivers records that are left, with the notes of the first', async () => {
    const folder = temporaryFolder();
    const first = await recordingBridge({ DATA_DIR: folder });
    await first.ask(callOf('a'));
    first.akto.server.reply = text('busy', 503);
    await first.ask(callOf('b'));
    await first.send([eventOf('a')]);
    await first.close();
    expect(first.records()).toEqual([]);

    const second = await recordingBridge({ DATA_DIR: folder });
    await second.send([eventOf('b')]);
    await second.recordsOf('b');
    const [record] = await second.recordsOf('a');
    expect(JSON.parse(record?.tag.guardrail ?? '[]')).toMatchObject([
      { input_type: 'request', action: 'NONE' },
    ]);
    // Events that the first bridge has seen are known to the second
    expect((await second.send([eventOf('a', { startTime: 1, id: 'x' }), eventOf('a')])).status).toBe(200);
  });

  test('records held by a refused token, which is logged once, go out with a mended one', async () => {
    const folder = temporaryFolder();
    const first = await recordingBridge({ DATA_DIR: folder, AKTO_API_KEY: 'revoked' });
    await first.send([eventOf('a'), eventOf('b')]);
    const ready = await until(async () => {
      const report = (await (await first.app.request('/readyz')).json()) as { outbox?: { held?: string[] } };
      return report.outbox?.held?.includes('akto') && report;
    });
    expect(ready).toMatchObject({ status: 'degraded', unhappy: ['outbox'], outbox: { held: ['akto'] } });
    expect(await first.metric('telemetry_held{backend="akto"}')).toBe(1);
    expect(first.lines.filter(({ msg }) => msg.startsWith('the backend refuses our token'))).toHaveLength(1);
    await first.close();

    const second = await recordingBridge({ DATA_DIR: folder });
    await second.recordsOf('a');
    expect(second.records()).toHaveLength(2);
  });
});

describe('a bridge that only records', () => {
  test('makes a record of every event without a guardrail configured', async () => {
    const bridge = await recordingBridge();
    await bridge.send([eventOf('a')]);
    const [record] = await bridge.recordsOf('a');
    expect(record?.statusCode).toBe('200');
    expect(bridge.akto.server.seen.map(({ path }) => path)).toEqual(['/api/ingestData']);
  });

  test('has an observing Akto judge calls that it has not judged before, and blocks nothing', async () => {
    const bridge = await recordingBridge({ SYNC_MODE: 'false' });
    await bridge.send([eventOf('a')]);
    await bridge.recordsOf('a');
    expect(bridge.akto.server.seen.at(-1)?.query.get('guardrails')).toBe('true');
    expect(await bridge.ask(callOf('b'))).toMatchObject({ reply: { action: 'NONE' } });
    await until(() => bridge.akto.server.seen.length >= 2);
    await wait(300);
    await bridge.send([eventOf('b')]);
    await bridge.recordsOf('b');
    const last = bridge.akto.server.seen.at(-1)?.query;
    expect([last?.get('ingest_data'), last?.get('guardrails')]).toEqual(['true', null]);
    expect(await bridge.metric('telemetry_verdicts_total{backend="akto",verdict="allow"}')).toBe(1);
  });
});

describe('calls that LiteLLM does not log', () => {
  test('are counted if they were judged', async () => {
    const bridge = await recordingBridge({ MISSING_EVENT_MINUTES: '0.001' });
    await bridge.ask(callOf('a'));
    await bridge.ask(callOf('b'));
    await bridge.send([eventOf('b')]);
    await until(async () => (await bridge.metric('telemetry_missing_events_total')) === 1);
    expect(bridge.lines.some(({ msg }) => msg.includes('MISSING_EVENT_MINUTES'))).toBe(true);
  });
});

test('events of a release that is too old are records of their own, and named once in the log and in /readyz', async () => {
  const bridge = await recordingBridge();
  for (const id of ['a', 'b']) await bridge.send([eventOf(id, { litellm_call_id: undefined })]);
  await until(() => bridge.records().length === 2);
  const health = async () => (await bridge.app.request('/readyz')).json() as Promise<{ outbox: object }>;
  await expect
    .poll(async () => (await health()).outbox, { timeout: 4000 })
    .toMatchObject({ oldRelease: true });
  expect(bridge.lines.filter(({ msg }) => /is older than 1\.83\.14/.test(msg))).toHaveLength(1);
});

describe('with telemetry off', () => {
  test('nothing is kept, and the metrics have no series of it', async () => {
    const bridge = testBridge({ AKTO_GUARDRAIL_API_BASE: 'http://127.0.0.1:9', AKTO_API_KEY: 'k' });
    expect(await bridge.metric('telemetry_outbox_up')).toBeUndefined();
    expect(await (await bridge.app.request('/readyz')).json()).not.toHaveProperty('outbox');
  });
});

test('a blocked call without any id is on record too', async () => {
  const bridge = await recordingBridge({ BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'library' });
  await bridge.ask({ ...callOf('x'), litellm_call_id: null });
  const [record] = await until(() => bridge.records().length === 1 && bridge.records());
  expect(record).toMatchObject({ statusCode: '403', tag: { outcome: 'blocked' } });
});

test('a blocked call that could not be stored by the time the bridge ends is logged as lost', async () => {
  const file = path.join(temporaryFolder(), 'file');
  fs.writeFileSync(file, '');
  const bridge = await recordingBridge({ DATA_DIR: file, BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'library' });
  await bridge.ask(callOf('x'));
  await bridge.close();
  expect(bridge.lines.filter(({ msg }) => msg === 'the record of a blocked call was lost')).toMatchObject([
    { litellm_call_id: 'x', reason: 'unavailable' },
  ]);
});
