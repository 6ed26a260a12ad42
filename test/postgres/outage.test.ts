import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import type { CallRecord } from '../../src/guardrail/record.ts';
import { PostgresAdmin } from '../../src/outbox/postgres-admin.ts';
import { fakeAkto } from '../support/akto.ts';
import { aktoAt } from '../support/bridge.ts';
import { type FakeBackend, startFakeBackend } from '../support/fake-backend.ts';
import { eventOf, LOGS, readEnvelope } from '../support/recording-bridge.ts';
import { metricOf, type Replica, startReplica } from './replicas.ts';
import { databaseConfig, newSchema, type Postgres, startPostgres, until } from './server.ts';

let postgres: Postgres;
let vendor: FakeBackend;
const akto = fakeAkto({ result: { Allowed: true, Reason: '' } });
const ROLE = 'bridge';

beforeAll(async () => {
  postgres = await startPostgres();
  await sql(`CREATE ROLE ${ROLE} LOGIN; GRANT CREATE ON DATABASE postgres TO ${ROLE}`);
  vendor = await startFakeBackend(akto.reply);
});
afterAll(async () => {
  await postgres.remove();
  await vendor.close();
});

/** Runs statements as a superuser, one after the other. */
async function sql(...statements: string[]): Promise<void> {
  const client = new pg.Client(postgres.url);
  client.on('error', () => {});
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

const settingsOf = (schema: string) => ({
  ...aktoAt(vendor.url),
  ...{ BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'turnip', SYNC_MODE: 'false', FAILURE_GRACE_SECONDS: '1' },
  ...{ DATABASE_URL: postgres.url.replace('postgres@', `${ROLE}@`), DATABASE_SCHEMA: schema },
  ...{ DATABASE_CONNECT_TIMEOUT: '1', DATABASE_STATEMENT_TIMEOUT: '1' },
});

async function post({ child }: Replica, path: string, body: unknown) {
  const startedAt = performance.now();
  const response = await fetch(`${child?.url}${path}`, { method: 'POST', body: JSON.stringify(body) });
  const reply = (await response.json()) as Record<string, unknown>;
  return { status: response.status, reply, ms: performance.now() - startedAt };
}

const readyOf = async ({ child }: Replica) => {
  const response = await fetch(`${child?.url}/readyz`);
  return { code: response.status, ...((await response.json()) as { status: string; unhappy: string[] }) };
};

/** The event of a call, the same each time. */
const eventFor = (id: string) => {
  const event = events.get(id) ?? eventOf(id);
  events.set(id, event);
  return event;
};
const events = new Map<string, Record<string, unknown>>();

/** Sends log events of calls that succeeded, 5 a POST, and calls that are blocked. */
async function calls(replica: Replica, name: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `${name}-${i}`);
  for (let i = 0; i < count; i += 5) {
    const { status } = await post(
      replica,
      LOGS,
      ids.slice(i, i + 5).map((id) => eventFor(id)),
    );
    expect(status).toBe(200);
  }
  const blocked = ids.slice(0, 3).map((id) => `${id}-blocked`);
  for (const id of blocked) {
    const call = { input_type: 'request', litellm_call_id: id, texts: ['turnip?'], request_data: {} };
    const { reply } = await post(replica, '/beta/litellm_basic_guardrail_api', call);
    expect(reply.action).toBe('BLOCKED');
  }
  return [...ids, ...blocked];
}

/** The ids of the records that the vendor got of each call. */
function recordsOf(ids: readonly string[]): Map<string, Set<string>> {
  const wanted = new Set(ids);
  const found = new Map<string, Set<string>>();
  for (const { tag } of akto.recorded.map(readEnvelope)) {
    const { litellm_call_id = '', record_id = '' } = tag;
    if (wanted.has(litellm_call_id))
      found.set(litellm_call_id, (found.get(litellm_call_id) ?? new Set()).add(record_id));
  }
  return found;
}

const delivered = (ids: readonly string[]) =>
  until(() => recordsOf(ids).size === ids.length, `a record of each of ${ids.length} calls`, 90_000);

type Trouble = {
  readonly name: string;
  begin(schema: string): Promise<void> | void;
  end(schema: string): Promise<void> | void;
  readonly reasons: readonly string[];
};

const RELOAD = 'SELECT pg_reload_conf()';
const endConnections = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${ROLE}'`;

const TROUBLES: readonly Trouble[] = [
  {
    name: 'is shut down',
    begin: () => postgres.stop('fast'),
    end: () => postgres.start(),
    reasons: ['terminated', 'unreachable', 'starting'],
  },
  {
    name: 'crashes',
    begin: () => postgres.stop('immediate'),
    end: () => postgres.start(),
    reasons: ['terminated', 'unreachable', 'starting'],
  },
  {
    name: 'hangs',
    begin: () => postgres.pause(),
    end: () => postgres.resume(),
    reasons: ['timeout', 'slow'],
  },
  {
    name: 'became a standby that can only be read',
    begin: () => sql('ALTER SYSTEM SET default_transaction_read_only = on', RELOAD),
    end: () =>
      sql(
        'SET default_transaction_read_only = off',
        'ALTER SYSTEM RESET default_transaction_read_only',
        RELOAD,
      ),
    reasons: ['read_only'],
  },
  {
    name: 'takes no more connections',
    begin: () => sql(`ALTER ROLE ${ROLE} CONNECTION LIMIT 0; ${endConnections}`),
    end: () => sql(`ALTER ROLE ${ROLE} CONNECTION LIMIT -1`),
    reasons: ['too_many_connections', 'terminated'],
  },
  {
    name: 'has a full disk',
    begin: (schema) =>
      sql(`
        CREATE FUNCTION ${schema}.full_disk() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$;
        GRANT EXECUTE ON FUNCTION ${schema}.full_disk() TO ${ROLE};
        CREATE TRIGGER full_disk BEFORE INSERT ON ${schema}.record FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.full_disk()`),
    end: (schema) => sql(`DROP TRIGGER full_disk ON ${schema}.record; DROP FUNCTION ${schema}.full_disk()`),
    reasons: ['disk_full'],
  },
];

/** Goes through an outage; returns the calls of before, meanwhile and after. */
async function suffer(
  replica: Replica,
  schema: string,
  { name, begin, end, reasons }: Trouble,
): Promise<string[]> {
  const label = name.replaceAll(' ', '-');
  const known = replica.child?.lines().length ?? 0;
  const handedOver = await metricOf([replica], 'database_handed_over_total');
  const before = await calls(replica, `before-${label}`, 10);
  expect(await readyOf(replica), name).toMatchObject({ code: 200, unhappy: [] });

  await begin(schema);
  // The one that finds out waits for a moment, and the others do not
  expect(await post(replica, LOGS, [eventFor(`first-${label}`)]), name).toMatchObject({ status: 200 });
  const during = [`first-${label}`, ...(await calls(replica, `during-${label}`, 40))];
  const isNamed = async () => (await readyOf(replica)).unhappy.includes('database');
  await until(isNamed, `readyz names a database that ${name}`);
  expect(await readyOf(replica), name).toMatchObject({ code: 200, status: 'degraded' });
  expect(await metricOf([replica], 'database_up'), name).toBe(0);
  expect(await metricOf([replica], 'database_fallback_entries'), name).toBeGreaterThanOrEqual(40);
  // What is sent again waits once
  await post(replica, LOGS, during.slice(10, 14).map(eventFor));

  await end(schema);
  const after = await calls(replica, `after-${label}`, 10);
  const nothingWaits = async () => (await metricOf([replica], 'database_fallback_entries')) === 0;
  await until(nothingWaits, `nothing waits for a database that ${name}`);
  await until(async () => (await readyOf(replica)).unhappy.length === 0, 'readyz is content');
  expect(await metricOf([replica], 'database_up'), name).toBe(1);
  expect((await metricOf([replica], 'database_handed_over_total')) - handedOver, name).toBeGreaterThanOrEqual(
    43,
  );

  const lines = (replica.child?.lines() ?? []).slice(known);
  const lost = lines.filter(({ msg }) => msg.startsWith('the database cannot be used'));
  expect(lost.length, name).toBeGreaterThan(0);
  expect(lost.map(({ reason }) => reason).filter((reason) => !reasons.includes(String(reason)))).toEqual([]);
  const back = lines.find(({ msg }) => msg === 'the database can be used again');
  expect(back, name).toMatchObject({ outage_seconds: expect.any(Number), deferred: expect.any(Number) });
  return [...before, ...during, ...after];
}

describe('a bridge whose database', () => {
  test('is lost in one way after the other keeps all that comes, and loses and doubles nothing of it', {
    timeout: 240_000,
  }, async () => {
    const schema = newSchema();
    const replica = await startReplica(settingsOf(schema));
    const ids: string[] = [];
    for (const trouble of TROUBLES) ids.push(...(await suffer(replica, schema, trouble)));
    // All connections at once, while they are used
    for (let round = 0; round < 10; round++) {
      const sending = calls(replica, `terminated-${round}`, 20);
      await wait(20);
      await sql(endConnections);
      ids.push(...(await sending));
    }
    // It ends in an outage, is not there at the next start, and is killed
    await postgres.stop('fast');
    ids.push(...(await calls(replica, 'ending', 20)));
    await replica.end('SIGTERM');
    await replica.start();
    ids.push(...(await calls(replica, 'absent', 5)));
    await replica.end('SIGKILL');
    await postgres.start();
    await replica.start();
    // After an outage records wait half a minute for what other replicas hand over
    await delivered(ids);
    expect([...recordsOf(ids)].filter(([, records]) => records.size > 1)).toEqual([]);
    expect((replica.child?.lines() ?? []).filter(({ level }) => level === 'fatal')).toEqual([]);
  });

  test('is not there, and then not set any more, delivers what it kept for it', async () => {
    const { DATABASE_URL: _, DATABASE_SCHEMA: __, ...alone } = settingsOf(newSchema());
    const absent = { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none' };
    const replica = await startReplica({ ...alone, ...absent });
    const ids = await calls(replica, 'gone', 10);
    await replica.end('SIGTERM');
    await startReplica({ ...alone, DATA_DIR: replica.dir });
    await delivered(ids);
    expect([...recordsOf(ids)].filter(([, records]) => records.size > 1)).toEqual([]);
  });

  test('was added later delivers what it kept alone before', async () => {
    const { DATABASE_URL, DATABASE_SCHEMA, ...alone } = settingsOf(newSchema());
    vendor.reply = (_, response) => void response.writeHead(503).end();
    onTestFinished(() => {
      vendor.reply = akto.reply;
    });
    const replica = await startReplica({ ...alone, SHUTDOWN_TIMEOUT: '1' });
    const ids = await calls(replica, 'alone', 10);
    await replica.end('SIGTERM');
    vendor.reply = akto.reply;
    const next = await startReplica({ ...alone, DATABASE_URL, DATABASE_SCHEMA, DATA_DIR: replica.dir });
    const more = await calls(next, 'shared', 10);
    await delivered([...ids, ...more]);
    expect((await post(next, LOGS, [eventFor('shared-1')])).reply).toMatchObject({ duplicate: 1 });
  });
});

test('a record that is made while the database is away has what another replica noted of its call', async () => {
  const schema = newSchema();
  const [a, b] = await Promise.all([startReplica(settingsOf(schema)), startReplica(settingsOf(schema))]);
  await postgres.stop('fast');
  const call = { litellm_call_id: 'joined', litellm_trace_id: 'joined', request_data: {}, texts: ['tea?'] };
  const judge = '/beta/litellm_basic_guardrail_api';
  await post(a, judge, { ...call, input_type: 'request' });
  await post(b, judge, { ...call, input_type: 'response' });
  const event = { ...eventOf('joined', { trace_id: 'joined' }), endTime: Date.now() / 1000 - 10 };
  expect((await post(a, LOGS, [event])).reply).toMatchObject({ deferred: 1 });
  await postgres.start();
  const config = databaseConfig({ url: postgres.url, schema });
  const admin = new PostgresAdmin(new Database(config, 'command'));
  onTestFinished(() => admin.close());
  await until(
    async () => (await metricOf([a], 'telemetry_amended_records_total')) === 1,
    'an amended record',
  );
  const [{ record = 0 } = {}] = await admin.page({}, 0, 10);
  const { verdicts } = JSON.parse((await admin.load(record))?.body ?? '') as CallRecord;
  expect(verdicts.map(({ input_type }) => input_type)).toEqual(['request', 'response']);
});
