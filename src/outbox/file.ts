import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DATABASE_SUFFIXES, removeDatabase } from '../storage/database.ts';
import { makeFolder } from '../storage/folder.ts';
import { holdLock } from '../storage/lock.ts';
import { isDamage, storageCode } from '../storage/storage-code.ts';
import { type Damage, OUTBOX_FILE } from './contract.ts';
import { OutboxQueries } from './queries.ts';
import { salvage } from './salvage.ts';
import { formatOf, MIGRATIONS, migrate, VersionError } from './schema.ts';

/** An outbox file, open and held against other bridges. */
export type OutboxFile = {
  readonly db: DatabaseSync;
  readonly queries: OutboxQueries;
  readonly damage: Damage | undefined;
  /** True once somebody deleted or replaced it: what is written to it now is lost when it is closed. */
  isGone(): boolean;
  close(): void;
};

export type OpenOptions = {
  /** Why the file is unusable, if that was met while it was open. */
  readonly fault?: string | undefined;
  readonly migrations?: readonly string[];
};

/** Small enough to be checked as a whole at every start; of a larger file the queues are, and other damage is met in use. */
const CHECKED_AT_START_BYTES = 64 * 1024 * 1024;

const SETTINGS = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA busy_timeout = 5000;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA cache_size = -8000;
`;

/**
 * Opens the outbox in a folder, creates it, migrates it, or puts what is no usable outbox aside and starts anew with all
 * records of it that can still be read.
 *
 * @throws VersionError for a file of a newer release, which stays as it is; otherwise only where the folder cannot be
 * written, or another bridge has it open
 */
export function openOutboxFile(
  dir: string,
  backends: readonly string[],
  { fault, migrations = MIGRATIONS }: OpenOptions = {},
): OutboxFile {
  makeFolder(path.resolve(dir));
  const lock = holdLock(path.join(dir, 'outbox.lock'));
  let opened: DatabaseSync | string | undefined;
  try {
    const file = path.join(dir, OUTBOX_FILE);
    finishReplacement(file);
    refuseNewer(file, migrations.length);
    opened = fault ?? tryOpen(file, migrations);
    let damage: Damage | undefined;
    if (typeof opened === 'string') {
      damage = replace(file, opened, backends, migrations);
      opened = tryOpen(file, migrations);
    }
    if (typeof opened === 'string') throw new Error(opened);
    const db = opened;
    const { ino } = fs.statSync(file);
    return {
      ...{ db, damage, queries: new OutboxQueries(db) },
      isGone: () => fs.statSync(file, { throwIfNoEntry: false })?.ino !== ino,
      close() {
        try {
          db.close();
        } finally {
          lock.close();
        }
      },
    };
  } catch (error) {
    if (opened instanceof DatabaseSync) opened.close();
    lock.close();
    throw error;
  }
}

/** Through a connection that only reads, as another one moves the log into the file when it is closed. */
function refuseNewer(file: string, understood: number): void {
  // Of an empty one SQLite deletes the log
  if (!fs.statSync(file, { throwIfNoEntry: false })?.size) return;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { readOnly: true });
    formatOf(db, understood);
  } catch (error) {
    // Damage is met again when it is opened for writing
    if (error instanceof VersionError) throw error;
  } finally {
    db?.close();
  }
}

/** Opens, creates or migrates a file; returns why it cannot be used. */
function tryOpen(file: string, migrations: readonly string[]): DatabaseSync | string {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (stat?.isDirectory()) return 'not_an_outbox';
  const log = fs.statSync(`${file}-wal`, { throwIfNoEntry: false });
  // SQLite takes it for a new one, and deletes the log that may hold everything
  if (stat?.size === 0 || (stat === undefined && log?.size)) return 'empty';
  // It holds prompts. The files beside it are created with its permissions
  fs.closeSync(fs.openSync(file, 'a', 0o600));
  const db = new DatabaseSync(file);
  let fault: string | undefined;
  try {
    fault = setUp(db, stat?.size ?? 0, migrations);
  } catch (error) {
    db.close();
    if (isDamage(error)) return storageCode(error);
    if (stat === undefined) removeDatabase(file);
    throw error;
  }
  if (fault === undefined) return db;
  db.close();
  return fault;
}

/** Checks a file and brings it to the newest version; returns why it cannot be used. */
function setUp(db: DatabaseSync, bytes: number, migrations: readonly string[]): string | undefined {
  // Before anything is written: what is not ours stays as it is
  const { isEmpty, isOutbox, version } = formatOf(db, migrations.length);
  if (!isEmpty && !isOutbox) return 'not_an_outbox';
  if (!isEmpty && version < 1) return `version_${version}`;
  db.exec(SETTINGS);
  if (!isEmpty) {
    if (!hasSchema(db, migrations.slice(0, version))) return 'schema';
    // One wrong bit in the key of a queue entry hides all that are after it, and gives no error when it is read
    const check = db.prepare(`PRAGMA integrity_check(${bytes <= CHECKED_AT_START_BYTES ? 1 : 'delivery'})`);
    if (check.get()?.integrity_check !== 'ok') return 'SQLITE_CORRUPT';
  }
  migrate(db, migrations, isEmpty ? 0 : version);
  return undefined;
}

/** True if every table and index is there as we create it; what somebody added does no harm. */
function hasSchema(db: DatabaseSync, migrations: readonly string[]): boolean {
  const model = new DatabaseSync(':memory:');
  model.exec(migrations.join(''));
  const definitions = (of: DatabaseSync) =>
    of
      .prepare('SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL')
      .all()
      .map(({ name, sql }) => `${name} ${sql}`);
  const found = new Set(definitions(db));
  const isThere = definitions(model).every((definition) => found.has(definition));
  model.close();
  return isThere;
}

const newOf = (file: string) => file.replace(/\.db$/, '.new.db');

/**
 * Fills a new file from an unusable one, puts that aside with what belongs to it, under a name that tells when and why,
 * and the new one in its place. Until it is complete nothing is moved: a disk that is full, or an end of the process,
 * leaves all as it was.
 */
function replace(
  file: string,
  reason: string,
  backends: readonly string[],
  migrations: readonly string[],
): Damage {
  const fresh = newOf(file);
  removeDatabase(fresh);
  fs.closeSync(fs.openSync(fresh, 'a', 0o600));
  const db = new DatabaseSync(fresh);
  let kept: number;
  try {
    migrate(db, migrations, 0);
    kept = salvage(file, db, backends);
    db.close();
  } catch (error) {
    if (db.isOpen) db.close();
    removeDatabase(fresh);
    throw error;
  }
  const stamp = new Date().toISOString().replace(/[:.]/g, '-');
  const aside = file.replace(/\.db$/, `.${reason.toLowerCase()}.${stamp}.db`);
  const found = DATABASE_SUFFIXES.filter((suffix) => fs.existsSync(file + suffix));
  for (const suffix of found) fs.renameSync(file + suffix, aside + suffix);
  fs.renameSync(fresh, file);
  return { reason, file: path.basename(aside) + (found[0] ?? ''), kept };
}

/** The process can have ended when the old file was aside, and the new one not yet in its place. */
function finishReplacement(file: string): void {
  const fresh = newOf(file);
  if (!fs.existsSync(fresh) || fs.existsSync(file)) return;
  removeDatabase(file);
  fs.renameSync(fresh, file);
}
