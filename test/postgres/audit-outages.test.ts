import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { DatabaseConfig } from '../../src/database/database-config.ts';
import { type AuditDir, auditDir, rowOf } from '../support/audit.ts';
import { testBridge } from '../support/bridge.ts';
import { callOf } from '../support/call.ts';
import { cli, connect, dirOfNow, idOf, open, shipped, tableOf, textOf } from './audit-replica.ts';
import { databaseConfig, type Postgres, startPostgres, until } from './server.ts';

describe('the audit log of a replica', () => {
  test('keeps its rows in the folder while Postgres is down, and brings them when it is back', async () => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.remove());
    const config = databaseConfig({ url: postgres.url, connectTimeoutMs: 500, statementTimeoutMs: 500 });
    const dir = dirOfNow();
    const replica = open(config, dir);
    replica.append(rowOf('before'));
    await until(() => replica.gauge.rows === 0, 'the first rows in the table');
    await postgres.stop('immediate');
    for (let n = 0; n < 700; n++) replica.append(rowOf(n));
    await until(() => replica.failures.length > 1, 'two attempts failed');
    expect(replica).toMatchObject({ recovered: [], gauge: { rows: 700 } });
    expect({ up: replica.isUp(), shipping: replica.isShipping() }).toEqual({ up: true, shipping: false });
    expect(replica.failures.every((failure) => failure.startsWith('database '))).toBe(true);
    await postgres.start();
    await shipped(config, dir);
    await until(() => replica.isShipping(), 'the end of the outage was noticed');
    expect(replica.recovered).toEqual([700]);
    expect(await tableOf(connect(config), idOf(dir))).toBe(textOf(dir));
  });

  test('does not hold up the end of a bridge whose Postgres hangs', async () => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.remove());
    const config = databaseConfig({ url: postgres.url });
    const replica = open(config, dirOfNow());
    replica.append(rowOf(1));
    await until(() => replica.gauge.rows === 0, 'the first rows in the table');
    postgres.pause();
    replica.append(rowOf(2));
    await replica.close();
    postgres.resume();
  });

  test.each([
    {
      what: 'takes no rows from its role',
      code: '42501',
      begin: 'REVOKE INSERT ON audit_row FROM $',
      end: 'GRANT INSERT ON audit_row TO $',
    },
    {
      ...{ what: 'is read-only, as a standby is', code: '25006' },
      begin: 'ALTER ROLE $ SET default_transaction_read_only = on',
      end: 'ALTER ROLE $ RESET default_transaction_read_only',
    },
    {
      ...{ what: 'has no room', code: '53100' },
      begin: `CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER no_room BEFORE INSERT ON audit_row EXECUTE FUNCTION no_room()`,
      end: 'DROP TRIGGER no_room ON audit_row',
    },
  ])('keeps its rows in the folder while Postgres $what', async ({ code, begin, end }) => {
    const config = databaseConfig();
    const owner = connect(config);
    const role = `role_${randomUUID().replaceAll('-', '')}`;
    const run = (sql: string) => owner.query(sql.includes('$$') ? sql : sql.replace('$', role));
    await run('CREATE ROLE $ LOGIN');
    await run(`GRANT USAGE ON SCHEMA ${config.schema} TO $`);
    for (const table of ['migration', 'audit_row', 'audit_replica'])
      await run(`GRANT SELECT, INSERT ON ${table} TO $`);
    const as = { ...config, url: config.url.replace('postgres@', `${role}@`) };
    const dir = dirOfNow();
    const first = open(as, dir);
    first.append(rowOf(1));
    await first.close();
    await run(begin);
    const replica = open(as, dir);
    replica.append(rowOf(2));
    await until(() => replica.failures.length > 0, 'a failure');
    expect(replica.failures[0]).toBe(`database ${code}`);
    expect({ up: replica.isUp(), shipping: replica.isShipping() }).toEqual({ up: true, shipping: false });
    await run(end);
    await shipped(config, dir);
  });
});

describe('a replica that is killed, and a Postgres that crashes', () => {
  const ROUNDS = 4;
  const SHIPPING = join(import.meta.dirname, '..', 'support', 'shipping-rows.ts');

  function start(dir: AuditDir, { url, schema }: DatabaseConfig, first: number) {
    const child = spawn(process.execPath, [SHIPPING, dir.dir, url, schema, String(first)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    return Object.assign(child as ChildProcess, { said: () => text });
  }

  test('lose no row that was written, and bring none twice', async () => {
    const postgres: Postgres = await startPostgres();
    onTestFinished(() => postgres.remove());
    const config = databaseConfig({ url: postgres.url });
    const admin = connect(config);
    await admin.migrated();
    const dir = auditDir();
    const written: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const child = start(dir, config, written.length + 1);
      await until(() => child.said().includes('written'), 'the first row');
      await wait(200 + (round % 6) * 200);
      if (round % 3 === 2) {
        await admin.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%audit'`,
        );
        await wait(300);
      }
      if (round % 3 === 1) {
        await postgres.stop('immediate');
        await wait(200);
        await postgres.start();
        await wait(500);
      }
      const ended = once(child, 'close');
      child.kill('SIGKILL');
      await ended;
      written.push(...(child.said().match(/^written \d+$/gm) ?? []));
      expect(child.said()).not.toMatch(/^(?:error|lost|copy|failure (?!database))/m);
    }
    dir.time = Date.now();
    const last = open(config, dir);
    await shipped(config, dir);
    await last.close();
    const table = await tableOf(connect(config), idOf(dir));
    expect(table).toBe(textOf(dir));
    const ids: string[] = table.match(/"litellm_call_id":"call-\d+"/g) ?? [];
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(written.length);
    expect(written.filter((line) => !ids.includes(`"litellm_call_id":"call-${line.slice(8)}"`))).toEqual([]);
    const { code, out } = await cli(config, ['verify']);
    expect(out).toMatch(/^ok, \d+ rows in 1 chain$/m);
    expect(code).toBe(0);
  });
});

describe('a bridge with an audit log and a database', () => {
  test('tells of an outage in its log, its metrics and /readyz, and of no password', async () => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.remove());
    const dir = dirOfNow();
    const policies = join(dir.dir, 'policies.yaml');
    writeFileSync(policies, 'policies:\n  chain: [audit-logger]\n');
    const config = databaseConfig({ url: postgres.url });
    const url = postgres.url.replace('postgres@', 'postgres:canary-password@');
    const { ask, app, metric, lines, close } = testBridge({
      ...{ POLICY_FILE: policies, DATA_DIR: dir.dir, DATABASE_URL: url, DATABASE_SCHEMA: config.schema },
      ...{ TELEMETRY: 'off', DATABASE_CONNECT_TIMEOUT: '0.5', DATABASE_STATEMENT_TIMEOUT: '0.5' },
    });
    onTestFinished(close);
    const unhappy = async () =>
      ((await (await app.request('/readyz')).json()) as { unhappy: string[] }).unhappy;
    const said = (msg: string) => lines.filter((line) => line.msg.startsWith(msg));
    await ask(callOf({}));
    await shipped(config, dir);
    expect(await metric('audit_unshipped_rows')).toBe(0);
    expect(await unhappy()).toEqual([]);
    await postgres.stop();
    await ask(callOf({}));
    await until(async () => (await unhappy()).includes('database'), 'the outage is told');
    await until(
      async () => ((await metric('audit_ship_failures_total{reason="database"}')) ?? 0) > 1,
      'two attempts',
    );
    expect(await metric('audit_unshipped_rows')).toBe(1);
    expect(await metric('audit_lost_total')).toBe(0);
    await postgres.start();
    await until(async () => (await unhappy()).length === 0, 'the end of the outage is told');
    await shipped(config, dir);
    expect(said('the audit log does not reach the database')).toMatchObject([
      { level: 'warn', reason: 'database' },
    ]);
    expect(said('the audit log reaches the database again')).toMatchObject([{ level: 'info', waited: 1 }]);
    expect(JSON.stringify(lines)).not.toContain('canary');
  });
});
