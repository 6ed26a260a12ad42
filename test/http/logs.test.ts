import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { MIGRATIONS } from '../../src/outbox/schema.ts';
import { testBridge } from '../support/bridge.ts';
import { mount } from '../support/mount.ts';
import { eventOf, LOGS, recordingBridge, temporaryFolder, until } from '../support/recording-bridge.ts';

const ZERO = {
  ...{ new: 0, late: 0, duplicate: 0, attempt: 0, blocked: 0 },
  ...{ unrecorded: 0, bad: 0, legacy: 0, null: 0 },
};

describe('a POST of log events', () => {
  test.each([
    ['json_array', (events: object[]) => JSON.stringify(events)],
    ['ndjson', (events: object[]) => events.map((event) => JSON.stringify(event)).join('\n')],
    ['gzip', (events: object[]) => gzipSync(JSON.stringify(events))],
  ])('as %s is stored, and gets a receipt of its rows', async (name, encode) => {
    const bridge = await recordingBridge();
    const headers: Record<string, string> = name === 'gzip' ? { 'content-encoding': 'gzip' } : {};
    const body = encode([eventOf('a'), eventOf('b')]);
    expect(await bridge.send(body, headers)).toEqual({ status: 200, reply: { ...ZERO, new: 2 } });
    expect(await bridge.send(body, headers)).toEqual({ status: 200, reply: { ...ZERO, duplicate: 2 } });
    await bridge.recordsOf('b');
    expect(bridge.records().map(({ tag }) => tag.litellm_call_id)).toEqual(['a', 'b']);
  });

  test('with a single event is stored, for 512 of them at once', async () => {
    const bridge = await recordingBridge();
    const replies = await Promise.all(
      Array.from({ length: 512 }, (_, i) => bridge.send(eventOf(`call-${i}`))),
    );
    expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
    await until(() => bridge.records().length >= 512);
    expect(new Set(bridge.records().map(({ tag }) => tag.litellm_call_id)).size).toBe(512);
    expect(bridge.records()).toHaveLength(512);
  });

  test('with 512 rows of 50 KB is stored', async () => {
    const bridge = await recordingBridge();
    const content = 'When does the library open? '.repeat(1830);
    const events = Array.from({ length: 512 }, (_, i) =>
      eventOf(`call-${i}`, { messages: [{ role: 'user', content }] }),
    );
    expect(await bridge.send(events)).toMatchObject({ status: 200, reply: { new: 512 } });
    await until(() => bridge.records().length >= 512);
    expect(bridge.records().every(({ text }) => text.includes(content))).toBe(true);
  });

  test('has its bad rows kept as dead letters while the good ones go on', async () => {
    const bridge = await recordingBridge();
    const body = `[${JSON.stringify(eventOf('good'))}, null, 7, {"id": oops}]`;
    expect(await bridge.send(body)).toEqual({ status: 200, reply: { ...ZERO, new: 1, bad: 2, null: 1 } });
    await bridge.recordsOf('good');
    expect(await bridge.metric('telemetry_rows_total{result="bad"}')).toBe(2);
    expect(await bridge.metric('telemetry_dead_records{backend="intake"}')).toBe(2);
    expect(bridge.lines.some(({ msg }) => msg.startsWith('log rows cannot be read'))).toBe(true);
  });

  test.each([
    ['events', (i: number) => `{"id":"${i}","call_id":"${i}"}`, { new: 12_646, bad: 1 }, '687354 more rows'],
    ['objects that are no events', () => '{}', { error: { type: 'invalid' } }, '699000 more rows'],
  ])(
    'of 700,000 tiny %s has some kept and the others counted, and those beside it are stored',
    async (_, row, receipt, reason) => {
      const bridge = await recordingBridge();
      const large = bridge.send(`[${Array.from({ length: 700_000 }, (_, i) => row(1_000_000 + i)).join()}]`);
      for (let i = 0; i < 20; i++) {
        expect(await bridge.send(eventOf(`beside-${i}`))).toMatchObject({ status: 200, reply: { new: 1 } });
      }
      expect((await large).reply).toMatchObject(receipt);
      const db = new DatabaseSync(path.join(bridge.folder, 'outbox.db'), { readOnly: true });
      const reasons = db.prepare("SELECT reason FROM delivery WHERE reason LIKE '%more rows%'").all();
      db.close();
      expect(reasons).toEqual([{ reason: expect.stringContaining(reason) }]);
    },
  );

  test('leaves no count of bad rows once an operator has dropped them', async () => {
    const bridge = await recordingBridge();
    await bridge.send('{"id": oops}');
    await until(async () => (await bridge.metric('telemetry_dead_records{backend="intake"}')) === 1);
    const db = new DatabaseSync(path.join(bridge.folder, 'outbox.db'));
    db.exec('DELETE FROM delivery');
    db.close();
    await until(async () => !(await bridge.metric('telemetry_dead_records{backend="intake"}')));
  });

  test('has rows of generic_api_use_v1 counted and named in the log', async () => {
    const bridge = await recordingBridge();
    const legacy = { id: 'a', startTime: '2026', modelParameters: '{}', usage: 'Usage()', metadata: '{}' };
    expect(await bridge.send([legacy])).toEqual({ status: 200, reply: { ...ZERO, legacy: 1 } });
    expect(bridge.lines.some(({ msg }) => msg.includes('generic_api_use_v1'))).toBe(true);
  });

  test.each([['[]'], ['null'], ['']])('without rows stores nothing: %j', async (body) => {
    const bridge = await recordingBridge();
    expect((await bridge.send(body)).status).toBe(200);
  });
});

describe('a refusal says why', () => {
  test.each([
    ['for rows of which none is an event', '{"hello":1}', {}, 400, 'invalid'],
    ['for a body that is no JSON', 'hello', {}, 400, 'invalid'],
    ['for gzip that is none', 'hello', { 'content-encoding': 'gzip' }, 400, 'not_gzip'],
    ['for another encoding', 'hello', { 'content-encoding': 'br' }, 415, 'content_encoding'],
    ['for a body that is too large', 'x'.repeat(2_000_000), {}, 413, 'too_large'],
    [
      'for a body that is too large when unpacked',
      gzipSync('x'.repeat(2_000_000)),
      { 'content-encoding': 'gzip' },
      413,
      'too_large',
    ],
  ])('%s', async (_, body, headers, status, type) => {
    const bridge = await recordingBridge({ MAX_LOG_BODY_MB: '1' });
    expect(await bridge.send(body, headers as unknown as Record<string, string>)).toMatchObject({
      status,
      reply: { error: { type } },
    });
    expect(await bridge.metric(`log_posts_total{result="${type}"}`)).toBe(1);
    expect(bridge.lines.at(-1)).toMatchObject({ msg: 'log events refused', reason: type });
  });

  test('for many bodies at once that unpack to too much', async () => {
    const bridge = await recordingBridge();
    const bomb = gzipSync(Buffer.alloc(65 * 1024 * 1024));
    const headers = { 'content-encoding': 'gzip' };
    const bombs = Array.from({ length: 8 }, () => bridge.send(bomb, headers));
    const blanks = gzipSync(Buffer.alloc(60 * 1024 * 1024, ' '));
    const replies = await Promise.all([...bombs, bridge.send(blanks, headers), bridge.send([eventOf('a')])]);
    expect(replies.slice(0, 8).map(({ status }) => status)).toEqual(Array(8).fill(413));
    expect(replies.slice(8).map(({ status }) => status)).toEqual([200, 200]);
  });

  test('for a wrong key', async () => {
    const bridge = await recordingBridge({ BRIDGE_API_KEYS: 'right' });
    expect((await bridge.send([eventOf('a')])).status).toBe(401);
    expect((await bridge.send([eventOf('a')], { authorization: 'Bearer right' })).status).toBe(200);
    expect((await bridge.send([eventOf('a')], { 'x-api-key': 'right' })).status).toBe(200);
  });

  test('for another method', async () => {
    const bridge = await recordingBridge();
    expect((await bridge.app.request(LOGS)).status).toBe(405);
  });
});

describe('an event that is made of too much', () => {
  const wide = (id: string) =>
    JSON.stringify(eventOf(id, { messages: 'MANY' })).replace('"MANY"', `[${'{},'.repeat(500_000)}{}]`);
  const deep = (id: string) =>
    JSON.stringify(eventOf(id, { messages: 'DEEP' })).replace(
      '"DEEP"',
      `${'['.repeat(1000)}${']'.repeat(1000)}`,
    );

  test.each([
    ['json_array', (rows: readonly string[]) => `[${rows.join()}]`],
    ['ndjson', (rows: readonly string[]) => rows.join('\n')],
    ['gzip', (rows: readonly string[]) => gzipSync(`[${rows.join()}]`)],
  ])('is kept as a row that cannot be read, and the others are taken: %s', async (_, write) => {
    const bridge = await recordingBridge();
    const body = write([JSON.stringify(eventOf('a')), wide('b'), deep('c'), JSON.stringify(eventOf('d'))]);
    const headers = Buffer.isBuffer(body) ? { 'content-encoding': 'gzip' } : {};
    expect(await bridge.send(body, headers as Record<string, string>)).toEqual({
      status: 200,
      reply: { ...ZERO, new: 2, bad: 2 },
    });
    expect(await bridge.metric('telemetry_dead_records{backend="intake"}')).toBe(2);
  });

  test('has the depth of a call that may be judged, and of the record of a blocked one', async () => {
    const bridge = await recordingBridge({ MAX_JSON_DEPTH: '512' });
    const levels = `${'{"a":['.repeat(250)}1${']}'.repeat(250)}`;
    const event = JSON.stringify(eventOf('a', { messages: 'DEEP' })).replace('"DEEP"', levels);
    expect(await bridge.send(event)).toEqual({ status: 200, reply: { ...ZERO, new: 1 } });
  });
});

describe('where nothing can be stored', () => {
  test('the sender keeps its events, and calls are still judged', async () => {
    const file = path.join(temporaryFolder(), 'file');
    fs.writeFileSync(file, '');
    const bridge = await recordingBridge({ DATA_DIR: file });
    expect(await bridge.send([eventOf('a')])).toMatchObject({
      status: 503,
      reply: { error: { type: 'unavailable' } },
    });
    const call = { input_type: 'request', litellm_call_id: 'a', texts: ['hello'] };
    expect(await bridge.ask(call)).toEqual({ status: 200, reply: { action: 'NONE' } });
    const ready = await until(async () => {
      const report = (await (await bridge.app.request('/readyz')).json()) as Record<string, unknown>;
      return report.status === 'degraded' && report;
    });
    expect(ready).toMatchObject({ unhappy: ['outbox'] });
    expect(await bridge.metric('telemetry_outbox_up')).toBe(0);
  });

  test('a full disk shows in the metric and in readyz, and is forgotten when there is space', async (context) => {
    const dir = temporaryFolder();
    mount(context, dir, 'size=4m');
    const bridge = await recordingBridge({ DATA_DIR: dir });
    expect(await bridge.metric('telemetry_outbox_up')).toBe(1);
    const ballast = path.join(dir, 'ballast');
    expect(() => fs.writeFileSync(ballast, new Uint8Array(5_000_000))).toThrow('ENOSPC');
    let sent = 0;
    const refusal = await until(async () => {
      const { status, reply } = await bridge.send([eventOf(`a${sent++}`)]);
      return status === 503 && reply;
    });
    expect(refusal).toMatchObject({ error: { type: 'full' } });
    expect(await bridge.metric('telemetry_outbox_up')).toBe(0);
    fs.rmSync(ballast);
    expect(await bridge.send([eventOf('b')])).toMatchObject({ status: 200 });
    expect(await bridge.metric('telemetry_outbox_up')).toBe(1);
  });

  test('the outbox of a newer release is left alone, and the log and readyz say so', async () => {
    const dir = temporaryFolder();
    const db = new DatabaseSync(path.join(dir, 'outbox.db'));
    db.exec(`${MIGRATIONS.join('')} PRAGMA user_version = 9;`);
    db.close();
    const bridge = await recordingBridge({ DATA_DIR: dir });
    expect((await bridge.send([eventOf('a')])).status).toBe(503);
    const ready = await until(async () => {
      const report = (await (await bridge.app.request('/readyz')).json()) as Record<string, unknown>;
      return report.status === 'degraded' && report;
    });
    expect(ready).toMatchObject({ unhappy: ['outbox'], outbox: { storage: 'newer_version' } });
    const [line, ...more] = bridge.lines.filter(({ code }) => code === 'newer_version');
    expect(line?.msg).toMatch(
      /^records cannot be stored: outbox\.db has format version 9, and this release understands versions up to \d+: start /,
    );
    expect(more).toEqual([]);
    expect(fs.readdirSync(dir).filter((name) => name.endsWith('.db'))).toEqual(['outbox.db']);
  });

  test('the reply says if the outbox is full', async () => {
    const bridge = await recordingBridge({ OUTBOX_MAX_MB: '0.01' });
    expect(await bridge.send([eventOf('a')])).toMatchObject({
      status: 503,
      reply: { error: { type: 'full' } },
    });
  });

  test('without a backend that takes records events are dropped, and counted', async () => {
    const bridge = testBridge({});
    const response = await bridge.app.request(LOGS, { method: 'POST', body: JSON.stringify([eventOf('a')]) });
    expect(response.status).toBe(200);
    expect(await bridge.metric('log_posts_total{result="no_backend"}')).toBe(1);
  });
});
