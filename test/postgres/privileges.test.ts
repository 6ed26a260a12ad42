import { randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import type { DatabaseConfig } from '../../src/database/database-config.ts';
import { auditDir } from '../support/audit.ts';
import { toolCall } from '../support/call.ts';
import { runCli } from '../support/cli.ts';
import { policyFile } from '../support/policy-file.ts';
import { DAY_MS, entry, NOON, temporaryFolder } from '../support/store.ts';
import { databaseConfig, until } from './server.ts';
import { bridgesWith } from './shared-bridges.ts';
import { sharedPlace } from './shared-outbox.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const GUIDE = readFileSync(join(ROOT, 'examples', 'replicas', 'README.md'), 'utf8');
/** The statements of the guide: those of the administrator, and those of the owner. */
const [SETUP = '', GRANTS = ''] = [...GUIDE.matchAll(/```sql\n(.*?)```/gs)].map(([, sql]) => sql);

function connect(config: DatabaseConfig): Database {
  const database = new Database(config, 'command');
  onTestFinished(() => database.close());
  return database;
}

/** Runs statements, in a connection of their own, without the tables being made first. */
async function run(url: string, sql: string): Promise<void> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

type Roles = {
  /** Of the role that bridges run as. */
  readonly bridge: DatabaseConfig;
  readonly owner: DatabaseConfig;
  readonly admin: DatabaseConfig;
};

/** A schema with an owner and a role for bridges, made as the guide says. */
async function roles(): Promise<Roles> {
  const admin = databaseConfig();
  const name = `r${randomUUID().replaceAll('-', '').slice(0, 12)}`;
  const own = (sql: string) =>
    sql
      .replaceAll('guardrail_bridge', admin.schema)
      .replace(/\bbridge(_owner)?\b/g, `${name}$1`)
      .replaceAll(` PASSWORD '…'`, '');
  await run(admin.url, own(SETUP));
  const as = (role: string) => ({ ...admin, url: admin.url.replace('postgres@', `${role}@`) });
  const [owner, bridge] = [as(`${name}_owner`), as(name)];
  const env = { DATABASE_URL: owner.url, DATABASE_SCHEMA: owner.schema };
  expect((await runCli(['database', 'migrate'], { env })).code).toBe(0);
  await run(owner.url, own(GRANTS));
  return { bridge, owner, admin };
}

test('database migrate makes the tables, and says at which version they are', async () => {
  const { url, schema } = databaseConfig();
  const env = { DATABASE_URL: url, DATABASE_SCHEMA: schema };
  const { code, out } = await runCli(['database', 'migrate'], { env });
  expect(out).toMatch(
    /^version {2}name +applied at\n(?: +\d+ {2}\S.* {2}\S+Z\n)+the tables in \w+ are at version \d+\n$/,
  );
  expect(code).toBe(0);
  const { steps, ...rest } = JSON.parse((await runCli(['database', 'migrate', '--json'], { env })).out);
  expect(rest).toEqual({ schema, version: steps.at(-1).version });
});

test('database migrate says what is missing', async () => {
  expect(await runCli(['database', 'migrate'])).toEqual({
    ...{ code: 1, out: '' },
    err: 'guardrail-bridge: DATABASE_URL: missing; set it to the database of the bridges\n',
  });
  const { bridge } = await roles();
  const env = { DATABASE_URL: bridge.url, DATABASE_SCHEMA: `${bridge.schema}_other` };
  const { host, pathname, username } = new URL(bridge.url);
  const { code, err } = await runCli(['database', 'migrate'], { env });
  expect(err).toBe(
    `guardrail-bridge: the database ${host}${pathname} cannot be used: role ${username} may not do this in schema ${env.DATABASE_SCHEMA}: run database migrate as its owner, and grant what a bridge needs (42501)\n`,
  );
  expect(code).toBe(1);
});

/** `table privilege` for what statements in the source do. */
function usedIn(tables: readonly string[]): Set<string> {
  const used = new Set<string>();
  for (const file of globSync('src/**/*.ts', { cwd: ROOT })) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    // The embedded outbox has tables of its own
    if (!/\$1|CREATE FUNCTION/.test(text) || text.includes('node:sqlite')) continue;
    for (const [pattern, privilege] of [
      [/INSERT INTO (\w+)/g, 'INSERT'],
      [/UPDATE (\w+) SET/g, 'UPDATE'],
      [/INSERT INTO (\w+)(?:(?!INSERT INTO)[^`])*?DO UPDATE/g, 'UPDATE'],
      [/FROM (\w+) WHERE (?:(?! FROM )[^`;]){0,80}FOR UPDATE/g, 'UPDATE'],
      [/DELETE FROM (\w+)/g, 'DELETE'],
    ] as const) {
      for (const [, table = ''] of text.matchAll(pattern)) {
        if (tables.includes(table)) used.add(`${table} ${privilege}`);
      }
    }
  }
  // The owner does this alone, as it makes the tables
  for (const of of ['migration INSERT', 'signal INSERT', 'state_common INSERT']) used.delete(of);
  return used;
}

test('the guide grants what the statements of the bridge need, and nothing else', async () => {
  const { bridge, admin } = await roles();
  const database = connect(admin);
  const all = await database.query<{ name: string }>(
    'SELECT tablename AS name FROM pg_tables WHERE schemaname = $1',
    [admin.schema],
  );
  const granted = await database.query<{ one: string }>(
    `SELECT table_name || ' ' || privilege_type AS one FROM information_schema.role_table_grants
     WHERE table_schema = $1 AND grantee = $2 AND privilege_type <> 'SELECT'`,
    [admin.schema, new URL(bridge.url).username],
  );
  const used = usedIn(all.map(({ name }) => name));
  expect(granted.map(({ one }) => one).sort()).toEqual([...used].sort());
});

test('an outbox does all of its work as the role of the guide', async () => {
  const { bridge } = await roles();
  const outbox = sharedPlace(bridge).open();
  const [waits, block] = [{ holdMs: 7000 }, { outcome: 'blocked', ref: 'r-1' } as const];
  expect(await outbox.accept([entry(1), entry(2), entry(3, waits), entry(4, { backends: [] })])).toEqual([
    ...['new', 'new', 'new', 'new'],
  ]);
  // Takes back what waits
  expect(await outbox.accept([entry(3, { ...block, eventKey: 'block' })])).toEqual(['new']);
  const [one, two, three] = (await outbox.all()).map(({ id }) => id);
  await outbox.ack([
    { kind: 'delivered', backend: 'akto', ids: [one ?? 0] },
    { kind: 'retry', backend: 'akto', ids: [two ?? 0], dueAt: NOON },
    { kind: 'dead', backend: 'akto', ids: [three ?? 0], reason: 'http_400' },
  ]);
  expect((await outbox.all()).map(({ id }) => id)).toEqual([two]);
  expect((await outbox.stats()).backends.akto).toMatchObject({ records: 1, dead: 1 });
  expect((await outbox.known(['call-1'])).size).toBe(1);
  const { stops, sharedNotes } = outbox;
  await stops?.stopped('akto', { waitMs: 0, failures: 1, isHeld: false });
  expect(await stops?.mayProbe('akto')).toBe(true);
  await stops?.letGo('akto');
  await stops?.tryNow('akto');
  await stops?.recovered('akto');
  expect(await stops?.state('akto')).toBeUndefined();
  await sharedNotes?.about(['call-1']);
  await sharedNotes?.overdue(1);
  await sharedNotes?.expire(0);
  await sharedNotes?.forget(['call-1']);
  await outbox.changedElsewhere();
  const env = { DATABASE_URL: bridge.url, DATABASE_SCHEMA: bridge.schema, DATA_DIR: temporaryFolder() };
  for (const words of ['status', 'list', 'retry --all', 'drop --all --yes']) {
    expect(await runCli(['outbox', ...words.split(' ')], { env, input: 'yes' }), words).toMatchObject({
      code: 0,
    });
  }
  expect(await outbox.changedElsewhere()).toBe(true);
  await outbox.accept([entry(5)]);
  outbox.time = 30 * DAY_MS;
  await outbox.maintain();
  expect(outbox.expired).not.toEqual([]);
  await outbox.close();
  expect(outbox.unavailable).toEqual([]);
});

/** A call of an agent that names its session. */
const call = (fields: object) => ({
  ...{ litellm_call_id: randomUUID(), litellm_version: '1.110.2' },
  request_data: { user_api_key_hash: 'hash-1' },
  request_headers: { 'x-session-id': 'session-1' },
  ...fields,
});

const said = (...texts: string[]) => ({
  input_type: 'request',
  texts,
  structured_messages: texts.map((content) => ({ role: 'user', content })),
});

test('bridges share all that they do as the role of the guide, and can change no row of the audit log', async () => {
  const { bridge, admin } = await roles();
  const POLICY_FILE = policyFile({
    policies: { chain: ['secrets', 'pii-detector', 'agent-firewall', 'audit-logger'] },
    policy: {
      secrets: { action: 'block' },
      'pii-detector': { action: 'redact', redaction: { reversible: true } },
      'agent-firewall': { max_actions_per_session: 5, rate_limits: { look: 5 } },
    },
  });
  const dirs = [auditDir().dir, auditDir().dir];
  const { bridges } = await bridgesWith(
    {
      DATABASE_URL: bridge.url,
      DATABASE_SCHEMA: bridge.schema,
      POLICY_FILE,
      TELEMETRY: 'off',
      STATE_TIMEOUT: '5',
    },
    ...dirs.map((DATA_DIR) => ({ DATA_DIR })),
  );
  const database = connect(admin);
  const [a, b] = bridges;
  const id = randomUUID();
  const plain = { additional_provider_specific_params: { stream: false } };
  await a?.ask(call({ litellm_call_id: id, ...plain, ...said('Write to jane@example.com') }));
  const answer = { input_type: 'response', litellm_call_id: id, texts: ['I wrote to [EMAIL_ADDRESS_1]'] };
  expect((await b?.ask(call({ ...answer, ...plain })))?.reply.texts).toEqual(['I wrote to jane@example.com']);
  const acting = { input_type: 'response', tool_calls: [toolCall('{}', 'look')] };
  for (const one of [a, b, a]) await one?.ask(call(acting));
  const secret = `the key is ghp_${'a1B2c3D4e5F6'.repeat(3)}`;
  expect((await a?.ask(call(said(secret))))?.reply.action).toBe('BLOCKED');
  expect((await b?.ask(call(said(secret, 'And what is the weather?'))))?.reply.action).toBe(
    'GUARDRAIL_INTERVENED',
  );
  const rows = async (table: string) =>
    (await database.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n ?? 0;
  await until(async () => (await rows('audit_row')) >= 9, 'the rows of all decisions in the table');
  expect(await rows('state')).toBeGreaterThan(0);
  for (const { lines } of bridges) {
    expect(lines.filter(({ code, level }) => code === '42501' || level === 'error')).toEqual([]);
    expect(lines.filter(({ msg }) => /replicas share|the database/.test(msg))).toEqual([]);
  }
  const connection = connect(bridge);
  for (const sql of [
    `UPDATE audit_row SET line = 'plum'`,
    'TRUNCATE audit_row',
    'DELETE FROM audit_replica',
    'DROP TABLE audit_row',
    'CREATE TABLE plum (n int)',
    'DELETE FROM migration',
  ]) {
    await expect(connection.query(sql), sql).rejects.toMatchObject({ code: '42501' });
  }
});
