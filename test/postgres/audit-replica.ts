import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ShippedLog, type ShippedLogOptions } from '../../src/audit/shipped-log.ts';
import { AuditTable } from '../../src/audit/table.ts';
import { Database } from '../../src/database/database.ts';
import type { DatabaseConfig } from '../../src/database/database-config.ts';
import { type AuditDir, auditDir, DAY_MS, rowOf } from '../support/audit.ts';
import { runCli } from '../support/cli.ts';
import { databaseConfig, until } from './server.ts';

/** A replica with what it told. */
export type TestReplica = ShippedLog & {
  readonly failures: string[];
  readonly recovered: number[];
  readonly copies: { id: string; copyOf: string | null }[];
  readonly kept: string[];
  /** Rows that are not in the table, by the last that was told. */
  readonly gauge: { rows: number };
};

/** Opens a replica, and closes it after the test. */
export function open(
  config: DatabaseConfig,
  dir: AuditDir,
  options: Partial<ShippedLogOptions> = {},
): TestReplica {
  const database = new Database(config, 'audit');
  const told: Omit<TestReplica, keyof ShippedLog> = {
    ...{ failures: [], recovered: [], copies: [], kept: [], gauge: { rows: -1 } },
  };
  const log = new ShippedLog({
    ...{ dir: dir.dir, table: new AuditTable(database), name: 'web-1', closeTable: () => database.close() },
    ...{ now: () => dir.time, onError: () => {} },
    onUnshipped: (rows) => {
      told.gauge.rows = rows;
    },
    onFailure: (reason, code) => told.failures.push(`${reason} ${code}`),
    onShipping: (waited) => told.recovered.push(waited),
    onCopy: (copy) => told.copies.push(copy),
    onKept: (code) => told.kept.push(code),
    ...options,
  });
  onTestFinished(() => log.close());
  return Object.assign(log, told);
}

/** A connection for looking and tampering. */
export function connect(config: DatabaseConfig): Database {
  const database = new Database(config, 'command');
  onTestFinished(() => database.close());
  return database;
}

/** A folder whose clock is that of the server. */
export function dirOfNow(daysAgo = 0): AuditDir {
  const dir = auditDir();
  dir.time = Date.now() - daysAgo * DAY_MS;
  return dir;
}

const NONE = '00000000-0000-0000-0000-000000000000';

/** The id of the replica that a folder is of. */
export function idOf(dir: AuditDir): string {
  const file = join(dir.folder, 'replica.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).id : NONE;
}

/** All rows of a folder. */
export const textOf = (dir: AuditDir) =>
  dir
    .names()
    .filter((name) => name.endsWith('.jsonl'))
    .map(dir.text)
    .join('');

/** All rows of a replica in the table. */
export async function tableOf(database: Database, replica: string): Promise<string> {
  const rows = await database.query<{ line: string }>(
    'SELECT line FROM audit_row WHERE replica = $1 ORDER BY pos',
    [replica],
  );
  return rows.map(({ line }) => `${line}\n`).join('');
}

/** Waits until the table has all rows of a folder, byte for byte. */
export const shipped = (config: DatabaseConfig, dir: AuditDir, database = connect(config)) =>
  until(async () => (await tableOf(database, idOf(dir))) === textOf(dir), 'all rows in the table');

type CliOptions = { env?: Record<string, string>; terminal?: object };

/** Runs a command about the audit log with that database. */
export const cli = (
  { url, schema }: DatabaseConfig,
  args: readonly string[],
  { env = {}, terminal }: CliOptions = {},
) =>
  runCli(['audit', ...args], {
    env: { DATABASE_URL: url, DATABASE_SCHEMA: schema, DATA_DIR: '/nowhere', ...env },
    ...terminal,
  });

/** Two replicas that wrote some rows and ended. */
export async function written(key?: string): Promise<{ config: DatabaseConfig; a: AuditDir; b: AuditDir }> {
  const config = databaseConfig();
  const [a, b] = [dirOfNow(), dirOfNow()];
  for (const [dir, name, count] of [[a, 'web-1', 5] as const, [b, 'web-2', 3] as const]) {
    const replica = open(config, dir, { name, key });
    for (let n = 0; n < count; n++) {
      replica.append(rowOf(`${name}-${n}`, { action: n === 2 ? 'BLOCKED' : 'NONE' }));
      dir.time += 1000;
    }
    // The end waits two seconds for the table, which a full machine may need to make it
    await shipped(config, dir);
    await replica.close();
  }
  return { config, a, b };
}
