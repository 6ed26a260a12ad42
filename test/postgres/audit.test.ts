import { describe, expect, onTestFinished, test } from 'vitest';
import { ShippedLog, type ShippedLogOptions } from '../../src/audit/shipped-log.ts';
import { AuditTable } from '../../src/audit/table.ts';
import { Database } from '../../src/database/database.ts';
import type { DatabaseConfig } from '../../src/database/database-config.ts';
import { type AuditDir, auditDir, KEY, rowOf } from '../support/audit.ts';
import { runCli } from '../support/cli.ts';
import { databaseConfig, until } from './server.ts';

type TestReplica = ShippedLog & {
  readonly failures: string[];
  readonly copies: unknown[];
  readonly kept: string[];
  unshipped: number;
};

function open(
  config: DatabaseConfig,
  { dir }: AuditDir,
  options: Partial<ShippedLogOptions> = {},
): TestReplica {
  const database = new Database(config, 'audit');
  const told = { failures: [] as string[], copies: [] as unknown[], kept: [] as string[], unshipped: -1 };
  const log = new ShippedLog({
    ...{ dir, table: new AuditTable(database), name: 'web-1', closeTable: () => database.close() },
    onError: () => {},
    onUnshipped: (rows) => {
      replica.unshipped = rows;
    },
    onFailure: (reason, code) => told.failures.push(`${reason} ${code}`),
    onShipping: () => {},
    onCopy: (copy) => told.copies.push(copy),
    onKept: (code) => told.kept.push(code),
    ...options,
  });
  const replica = Object.assign(log, told);
  onTestFinished(() => replica.close());
  return replica;
}

/** A connection for looking and tampering. */
function connect(config: DatabaseConfig): Database {
  const database = new Database(config, 'command');
  onTestFinished(() => database.close());
  return database;
}

const linesOf = async (database: Database): Promise<string[]> =>
  (await database.query<{ line: string }>('SELECT line FROM audit_row ORDER BY replica, pos')).map(
    ({ line }) => line,
  );

const textOf = (dir: AuditDir) =>
  dir
    .names()
    .filter((name) => name.endsWith('.jsonl'))
    .map(dir.text)
    .join('');

const cli = (config: DatabaseConfig, args: string, env: Record<string, string> = {}) =>
  runCli(['audit', ...args.split(' ')], {
    env: { DATABASE_URL: config.url, DATABASE_SCHEMA: config.schema, DATA_DIR: '/nowhere', ...env },
  });

/** A folder whose segments are of now, as the clock of the server is. */
function dirOfNow(): AuditDir {
  const dir = auditDir();
  dir.time = Date.now();
  return dir;
}

describe('the audit log of replicas', () => {
  test('has in the table the rows of each folder, byte for byte', async () => {
    const config = databaseConfig();
    const [a, b] = [dirOfNow(), dirOfNow()];
    const first = open(config, a);
    const second = open(config, b, { name: 'web-2', key: KEY });
    for (let n = 0; n < 1200; n++) first.append(rowOf(n));
    for (let n = 0; n < 3; n++) second.append(rowOf(n, { user: 'ü\\"\n', model: "o'k" }));
    const database = connect(config);
    await until(() => first.unshipped === 0 && second.unshipped === 0, 'all rows in the table');
    const lines = await linesOf(database);
    expect(`${lines.filter((line) => !textOf(b).includes(line)).join('\n')}\n`).toBe(textOf(a));
    expect(`${lines.filter((line) => textOf(b).includes(line)).join('\n')}\n`).toBe(textOf(b));
    const { code, out } = await cli(config, 'verify', { AUDIT_KEY: KEY });
    expect(out).toMatch(/^web-1 \S{36}: 1 problem, 1201 rows in 1 segment, head 1201:/m);
    expect(out).toMatch(/^web-2 \S{36}: ok, 4 rows in 1 segment, head 4:/m);
    expect(code).toBe(1);
  });
});
