import { resolve } from 'node:path';
import { readDatabase, readSettings } from '../config/config.ts';
import type { Env } from '../config/read.ts';
import { Database } from '../database/database.ts';
import { type DatabaseConfig, type DatabasePlace, databasePlace } from '../database/database-config.ts';
import { DatabaseError } from '../database/database-error.ts';
import { databaseProblem } from '../database/database-problem.ts';
import type { OutboxAdmin } from '../outbox/admin.ts';
import { DEFERRED } from '../outbox/deferred.ts';
import { EmbeddedAdmin, NoOutboxError } from '../outbox/embedded-admin.ts';
import type { Backlog } from '../outbox/queries.ts';
import { VersionError } from '../outbox/schema.ts';
import { isDamage, storageCode } from '../storage/storage-code.ts';

/** The outbox that a command is about. */
export type OutboxPlace = {
  readonly admin: OutboxAdmin;
  readonly dir: string;
  /** Of an outbox in a database; never with a password. */
  readonly database: DatabasePlace | undefined;
};

/** Records that wait on this machine for the database, and those that a time without one has left here for backends. */
export type Fallback = Pick<Backlog, 'due' | 'dead' | 'oldestAt'> & {
  readonly earlier: number;
  readonly usedBytes: number;
};

export type PlaceOptions = {
  readonly access: 'read' | 'write';
  /** This machine's outbox, where there is one in a database too. */
  readonly local?: boolean | undefined;
  /** Longest that a statement in a database may take; by default a minute, or more if it is set so. */
  readonly statementMs?: number;
};

/** Runs a command on the outbox that the bridge uses by these settings. @throws Error that says what to do */
export async function withOutbox(
  env: Env,
  { access, local, statementMs }: PlaceOptions,
  run: (place: OutboxPlace) => Promise<void>,
): Promise<void> {
  const { DATA_DIR: dir } = readSettings(env, 'DATA_DIR');
  const config = local ? undefined : readDatabase(env);
  const database = config && databasePlace(config);
  let admin: OutboxAdmin | undefined;
  try {
    admin =
      config === undefined ? new EmbeddedAdmin(dir, access) : await openDatabase(config, access, statementMs);
    await run({ admin, dir, database });
  } catch (error) {
    throw explained(error, dir, config);
  } finally {
    await admin?.close();
  }
}

/** Counting ten million deliveries takes seconds, and no verdict waits for it. */
const STATEMENT_MS = 60_000;

async function openDatabase(
  config: DatabaseConfig,
  access: PlaceOptions['access'],
  statementMs = Math.max(STATEMENT_MS, config.statementTimeoutMs),
): Promise<OutboxAdmin> {
  const { PostgresAdmin } = await import('../outbox/postgres-admin.ts');
  return new PostgresAdmin(
    new Database(
      { ...config, statementTimeoutMs: statementMs },
      'command',
      access === 'write' ? 'change' : 'read',
    ),
  );
}

/** Records that wait on this machine for the database; undefined if there is no outbox here. */
export async function fallbackIn(dir: string): Promise<Fallback | undefined> {
  let admin: EmbeddedAdmin | undefined;
  try {
    admin = new EmbeddedAdmin(dir, 'read');
    const backlogs = await admin.backlogs(0);
    const { due, waiting, dead, oldestAt } = backlogs.find(({ backend }) => backend === DEFERRED) ?? NOTHING;
    const earlier = backlogs
      .filter(({ backend }) => backend !== DEFERRED)
      .reduce((sum, one) => sum + one.due + one.waiting + one.dead, 0);
    return { due: due + waiting, dead, oldestAt, earlier, usedBytes: await admin.usedBytes() };
  } catch (error) {
    if (error instanceof NoOutboxError) return undefined;
    throw explained(error, dir, undefined);
  } finally {
    await admin?.close();
  }
}

const NOTHING = { due: 0, waiting: 0, dead: 0, oldestAt: undefined };

const ADVICE: Readonly<Record<string, string>> = {
  SQLITE_BUSY: 'it is busy; try again',
  SQLITE_READONLY: 'this user may not write there',
  SQLITE_CANTOPEN: 'this user may not read or write there',
  SQLITE_FULL: 'the disk is full',
};

/** An error about the place of the outbox, in words that say what to do. */
function explained(error: unknown, dir: string, config: DatabaseConfig | undefined): unknown {
  const where = `DATA_DIR (${resolve(dir)})`;
  const message =
    error instanceof DatabaseError && config !== undefined
      ? `${databaseProblem(error.code, config)}; --local is about ${where}`
      : problemWith(error, where);
  return message === undefined ? error : new Error(message, { cause: error });
}

function problemWith(error: unknown, where: string): string | undefined {
  if (error instanceof NoOutboxError) {
    return error.message === 'missing'
      ? `there is no outbox in ${where}: no vendor has taken records here, or the bridge has another DATA_DIR`
      : `outbox.db in ${where} is not an outbox`;
  }
  if (error instanceof VersionError) return `${where}: ${error.message}`;
  const code = storageCode(error);
  if (!code.startsWith('SQLITE_')) return undefined;
  const advice = isDamage(error)
    ? 'it is damaged; at its next start the bridge puts it aside and keeps what can be read'
    : (ADVICE[code] ?? 'look at the disk');
  return `the outbox in ${where} cannot be used (${code}): ${advice}`;
}
