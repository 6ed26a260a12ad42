import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import { DatabaseNotes } from '../../src/outbox/database-notes.ts';
import { bytesOf } from '../../src/records/note-writer.ts';
import { aktoBlocks, fakeAkto } from '../support/akto.ts';
import { aktoAt, capsuleAt, testBridge } from '../support/bridge.ts';
import { startFakeBackend } from '../support/fake-backend.ts';
import { mcpResult } from '../support/mcp.ts';
import {
  eventOf,
  fakeCapsule,
  LOGS,
  readEnvelope,
  temporaryFolder,
  until,
} from '../support/recording-bridge.ts';
import { databaseConfig } from './server.ts';

const VERSION = { litellm_version: '1.110.2' };
const request = (content: string, more: object) => ({
  ...{ input_type: 'request', ...VERSION, model: 'house', texts: [content] },
  structured_messages: [{ role: 'user', content }],
  ...more,
});
const response = (text: string, more: object) => ({
  ...{ input_type: 'response', ...VERSION, model: 'house-up', texts: [text] },
  ...more,
});

/** Three replicas with a folder each, one database and one Akto. */
async function replicas(env: Record<string, string> = {}, { withCapsule = false } = {}) {
  const { url, schema } = databaseConfig();
  const akto = fakeAkto({ result: { Allowed: true, Reason: '' } });
  const server = await startFakeBackend(akto.reply);
  const capsule = fakeCapsule();
  const capsuleServer = await startFakeBackend(capsule.reply);
  const common = {
    ...{ DATABASE_URL: url, DATABASE_SCHEMA: schema, STATE_KEY: randomBytes(32).toString('hex') },
    ...aktoAt(server.url),
    ...(withCapsule && capsuleAt(capsuleServer.url)),
    ...env,
  };
  const bridges: Bridge[] = [];
  const open = () => {
    const bridge = testBridge({ ...common, DATA_DIR: temporaryFolder() });
    bridges.push(bridge);
    return bridge;
  };
  for (let i = 0; i < 3; i++) open();
  const database = new Database(databaseConfig({ url, schema }), 'command');
  onTestFinished(async () => {
    await Promise.all(bridges.map((bridge) => bridge.close()));
    await Promise.all([server.close(), capsuleServer.close(), database.close()]);
  });
  await Promise.all(bridges.map(startedWell));
  const records = () => akto.recorded.map(readEnvelope);
  return {
    bridges: bridges as unknown as readonly [Bridge, Bridge, Bridge],
    open,
    akto: { ...akto, server },
    capsule,
    database,
    records,
    /** The records of one call at Akto, once there are some. */
    recordsOf: (callId: string) =>
      until(() => {
        const found = records().filter(({ tag }) => tag.litellm_call_id === callId);
        return found.length > 0 && found;
      }),
    metrics: async (sample: string) => {
      const found = await Promise.all(bridges.map((bridge) => bridge.metric(sample)));
      return found.reduce<number>((sum, value) => sum + (value ?? 0), 0);
    },
  };
}

type Bridge = ReturnType<typeof testBridge>;

/** A bridge is ready before its records thread where that takes seconds: what it notes comes too late for an event then. */
async function startedWell(bridge: Bridge): Promise<void> {
  await bridge.ready();
  await until(async () => (await bridge.metric('telemetry_outbox_up')) === 1);
}

/** Resolves once others can read so many rows of a table. */
async function shared(database: Database, table: 'note' | 'state', rows = 1): Promise<void> {
  await until(async () => {
    const [{ count } = { count: 0 }] = await database.query<{ count: number }>(
      `SELECT count(*) AS count FROM ${table}`,
    );
    return count >= rows;
  });
}

async function send({ app }: Bridge, ...events: object[]) {
  const reply = await app.request(LOGS, { method: 'POST', body: JSON.stringify(events) });
  expect(reply.status).toBe(200);
  return (await reply.json()) as Record<string, number>;
}

const verdictsOf = ({ tag }: { tag: Record<string, string> }) =>
  JSON.parse(tag.guardrail ?? '[]') as Record<string, unknown>[];

const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

describe('a call whose request, response and event come to three replicas', () => {
  test('has one record with both verdicts, whichever replica gets what', async () => {
    const { bridges, database, records, recordsOf } = await replicas();
    for (const [i, [pre, post, log]] of ORDERS.entries()) {
      const ids = { litellm_call_id: `call-${i}`, litellm_trace_id: `trace-${i}` };
      await bridges[pre].ask(request('When does the library open?', ids));
      await bridges[post].ask(response('At nine.', ids));
      await shared(database, 'note', 2 * (i + 1));
      await send(bridges[log], eventOf(`call-${i}`));
    }
    for (const [i] of ORDERS.entries()) {
      const found = await recordsOf(`call-${i}`);
      expect(found).toHaveLength(1);
      expect(verdictsOf(found[0]!)).toMatchObject([
        { input_type: 'request', action: 'NONE' },
        { input_type: 'response', action: 'NONE' },
      ]);
    }
    expect(records()).toHaveLength(ORDERS.length);
  });

  test('has one record, blocked, with what was said of its request, if its response is blocked', async () => {
    const { bridges, database, records, recordsOf, akto } = await replicas();
    akto.server.reply = (seen, reply) =>
      (seen.path === '/api/http-proxy' && seen.text.includes('plum') ? aktoBlocks('No plums') : akto.reply)(
        seen,
        reply,
      );
    for (const [i, [pre, post, log]] of ORDERS.entries()) {
      const ids = { litellm_call_id: `call-${i}`, litellm_trace_id: `trace-${i}` };
      await bridges[pre].ask(request('When does the library open?', ids));
      await shared(database, 'note', 2 * i + 1);
      const { reply } = await bridges[post].ask(response('A plum.', ids));
      expect(reply.action).toBe('BLOCKED');
      await send(bridges[log], eventOf(`call-${i}`));
      const found = await recordsOf(`call-${i}`);
      expect(found).toMatchObject([{ statusCode: '403', tag: { outcome: 'blocked' } }]);
      expect(verdictsOf(found[0]!)).toMatchObject([
        { input_type: 'request', action: 'NONE' },
        { input_type: 'response', action: 'BLOCKED', by: 'akto' },
      ]);
    }
    expect(records()).toHaveLength(ORDERS.length);
  });

  test('has one record, blocked, if its block is stored seconds after its success, as its note says that it comes', async () => {
    const { bridges, records, recordsOf, akto, database } = await replicas();
    akto.server.reply = (seen, reply) =>
      (seen.path === '/api/http-proxy' ? aktoBlocks('No plums') : akto.reply)(seen, reply);
    const ids = { litellm_call_id: 'one', litellm_trace_id: 'one' };
    const note = { ...ids, input_type: 'response', action: 'BLOCKED', by: 'akto', at: Date.now() } as const;
    await new DatabaseNotes(database, 99).append(bytesOf({ ...note, ms: 1, checks: [] }));
    await send(bridges[0], eventOf('one', { trace_id: 'one' }));
    await wait(3500);
    expect(records()).toEqual([]);
    await bridges[1].ask(response('A plum.', ids));
    expect(await recordsOf('one')).toMatchObject([{ statusCode: '403' }]);
    expect(records()).toHaveLength(1);
  });

  test('has one record if its request is blocked, and LiteLLM tells another replica of its failure', async () => {
    const { bridges, records, recordsOf, akto } = await replicas();
    akto.server.reply = (seen, reply) =>
      (seen.path === '/api/http-proxy' ? aktoBlocks('No plums') : akto.reply)(seen, reply);
    const { reply } = await bridges[0].ask(
      request('a plum', { litellm_call_id: 'one', litellm_trace_id: 't' }),
    );
    const error_information = {
      error_class: 'GuardrailRaisedException',
      error_message: reply.blocked_reason,
    };
    const failure = eventOf('one', { id: 'one', status: 'failure', response: {}, error_information });
    await send(bridges[1], failure);
    await send(bridges[2], failure);
    expect(await recordsOf('one')).toMatchObject([{ statusCode: '403' }]);
    expect(records()).toHaveLength(1);
  });

  test('has on its record what an observing vendor found after the decision, and a note that comes after its event', async () => {
    const { bridges, recordsOf, metrics } = await replicas({ AKTO_MODE: 'observe' }, { withCapsule: true });
    const known = { litellm_call_id: 'known', litellm_trace_id: 'known' };
    await bridges[0].ask(request('When?', known));
    await bridges[1].ask(response('At nine.', known));
    await send(bridges[2], eventOf('known'));
    // Responses are judged as a rule: that of this call is told of when its event is on record
    const late = { litellm_call_id: 'late', litellm_trace_id: 'late' };
    await bridges[0].ask(request('When?', late));
    await send(bridges[2], eventOf('late'));
    await bridges[1].ask(response('At nine.', late));
    const [record] = await recordsOf('late');
    expect(verdictsOf(record!).map(({ input_type }) => input_type)).toEqual(['request', 'response']);
    const backends = verdictsOf(record!).map(({ checks }) =>
      (checks as { backend: string }[]).map((one) => one.backend).sort(),
    );
    expect(backends).toEqual([
      ['akto', 'capsule'],
      // Capsule judges no response
      ['akto'],
    ]);
    expect(await metrics('telemetry_amended_records_total')).toBeGreaterThan(0);
  });

  test('is missing for nobody if its event came to one of them, and is counted once if it came to none', async () => {
    const { bridges, database, metrics, recordsOf } = await replicas({ MISSING_EVENT_MINUTES: '1' });
    for (const id of ['told', 'untold']) {
      const ids = { litellm_call_id: id, litellm_trace_id: id };
      await bridges[0].ask(request('When?', ids));
      await bridges[1].ask(response('At nine.', ids));
    }
    await send(bridges[2], eventOf('told'));
    await recordsOf('told');
    await database.query(`UPDATE note SET noted_at = noted_at - interval '5 minutes'`);
    const missing = () => metrics('telemetry_missing_events_total');
    await until(async () => (await missing()) > 0);
    const [{ left } = { left: 0 }] = await database.query<{ left: number }>(
      'SELECT count(*) AS left FROM note WHERE NOT reported',
    );
    expect(left).toBe(0);
    expect(await missing()).toBe(1);
  });
});

test('what a replica noted before it was killed or started again is on the record of its calls', async () => {
  const { bridges, recordsOf, open } = await replicas();
  const ids = { litellm_call_id: 'one', litellm_trace_id: 'one' };
  await bridges[0].ask(request('When does the library open?', ids));
  await bridges[0].close();
  await bridges[1].ask(response('At nine.', ids));
  await bridges[1].close();
  const again = open();
  await startedWell(again);
  await send(again, eventOf('one'));
  const [record] = await recordsOf('one');
  expect(verdictsOf(record!)).toMatchObject([{ input_type: 'request' }, { input_type: 'response' }]);
});

test('a stream whose rounds come to three replicas has the text that was delivered last', async () => {
  const { bridges, recordsOf, database } = await replicas();
  const text = 'A kettle boils water, and then the cook makes tea of it.';
  const garbled = { role: 'assistant', content: 'A kettle boils wls water, anthe cook then' };
  const choices = [{ index: 0, message: garbled }];
  let notes = 0;
  for (const [i, [a, b, c]] of ORDERS.entries()) {
    const ids = { litellm_call_id: `stream-${i}`, litellm_trace_id: `stream-${i}` };
    await bridges[a].ask(request('How?', ids));
    const rounds = [12, 24, 36, text.length].slice(0, 2 + (i % 3));
    for (const [n, length] of rounds.entries()) {
      const isLast = n === rounds.length - 1;
      await shared(database, 'note', ++notes);
      await bridges[[a, b, c][n % 3]!].ask(response(isLast ? text : text.slice(0, length), ids));
    }
    await send(bridges[[b, c, a][i % 3]!], eventOf(`stream-${i}`, { stream: true, response: { choices } }));
  }
  for (const [i] of ORDERS.entries()) {
    const [record] = await recordsOf(`stream-${i}`);
    expect(record?.response).toMatchObject({ choices: [{ message: { role: 'assistant', content: text } }] });
    expect(verdictsOf(record!)).toMatchObject([{ input_type: 'request' }, { input_type: 'response' }]);
  }
  const tables = await database.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
     WHERE nspname = current_schema() AND relkind IN ('r', 'p')`,
  );
  for (const { name } of tables) {
    const rows = await database.query<{ row: string }>(`SELECT t::text AS row FROM ${name} AS t`);
    for (const { row } of rows) {
      expect(row).not.toContain('kettle');
      if (name.startsWith('state')) expect(row).not.toContain(Buffer.from('kettle').toString('hex'));
    }
  }
});

test('a stream whose two rounds are seconds apart, at two replicas, has the text of the last, wherever it is logged', async () => {
  const { bridges, recordsOf, database } = await replicas();
  const choices = [{ index: 0, message: { role: 'assistant', content: 'At nine, whenat ine' } }];
  const callIds = ['here', 'there', 'elsewhere'];
  const idsOf = (id: string) => ({ litellm_call_id: id, litellm_trace_id: id });
  for (const id of callIds) await bridges[0].ask(response('At nine,', idsOf(id)));
  await shared(database, 'note', 3);
  await wait(1000);
  for (const id of callIds) await bridges[1].ask(response('At nine, when the bell rings.', idsOf(id)));
  for (const [i, id] of callIds.entries())
    await send(bridges[i]!, eventOf(id, { stream: true, response: { choices } }));
  for (const id of callIds) {
    const [record] = await recordsOf(id);
    expect(record?.response).toMatchObject({
      choices: [{ message: { content: 'At nine, when the bell rings.' } }],
    });
  }
});

test('a blocked result of a tool has the record of its call, where LiteLLM tells another replica of it', async () => {
  const { bridges, database, records, akto } = await replicas({ FAILURE_GRACE_SECONDS: '30' });
  akto.server.reply = (seen, reply) =>
    (seen.path === '/api/http-proxy' && seen.text.includes('harvest')
      ? aktoBlocks('No harvest')
      : akto.reply)(seen, reply);
  const { reply } = await bridges[0].ask(mcpResult('the harvest'));
  expect(reply.action).toBe('BLOCKED');
  await shared(database, 'state');
  const failure = eventOf('call-9', {
    ...{ id: 'call-9', trace_id: 'trace-9', call_type: 'call_mcp_tool', status: 'failure', response: {} },
    metadata: {
      user_api_key_user_id: 'dana',
      mcp_tool_call_metadata: { name: 'read_page', arguments: { page: 1 } },
    },
    error_information: { error_class: 'GuardrailRaisedException', error_message: reply.blocked_reason },
  });
  await send(bridges[1], failure);
  const [record] = await until(() => records().length > 0 && records());
  expect(record).toMatchObject({ statusCode: '403', tag: { litellm_call_id: 'call-9', outcome: 'blocked' } });
  expect(record?.text).toContain('read_page');
  expect(records()).toHaveLength(1);
});

test('events are taken while nobody can tell what other replicas noted, and their calls are counted', async () => {
  const bridge = testBridge({
    ...aktoAt('http://127.0.0.1:1'),
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    DATA_DIR: temporaryFolder(),
  });
  onTestFinished(() => bridge.close());
  await bridge.ready();
  expect(await send(bridge, eventOf('one'), eventOf('two'))).toMatchObject({ deferred: 2 });
  expect(await bridge.metric('telemetry_unjoined_calls_total')).toBe(2);
});
