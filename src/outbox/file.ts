import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeFolder } from '../storage/folder.ts';
import { holdLock } from '../storage/lock.ts';
import { isDamage, storageCode } from '../storage/storage-code.ts';
import { salvage } from './salvage.ts';
import { APPLICATION_ID, SCHEMA, VERSION } from './schema.ts';

/** What was found instead of an outbox, and what became of it. `file` is where it was put. */
export type Damage = { readonly reason: string; readonly file: string; readonly kept: number };

/** An outbox file, open and held against other bridges. */
export type OutboxFile = {
  readonly db: DatabaseSync;
  readonly damage: Damage | undefined;
  /** Whether somebody deleted or replaced it: what is written to it now is lost when it is closed. */
  isGone(): boolean;
  close(): void;
};

/** Small enough to be read as a whole at every start; of a larger file the queues are, and other damage is met in use. */
const CHECKED_AT_START_BYTES = 64 * 1024 * 1024;

/**
 * Opens the outbox in a folder, creates it, or puts what is no usable outbox aside and starts anew with all records of it
 * that can still be read. Throws only where the folder cannot be written, or another bridge has it open.
 *
 * @param suspect why the file is not usable, if that was met while it was open
 */
export function openOutboxFile(dir: string, backends: readonly string[], suspect?: string): OutboxFile {
  makeFolder(path.resolve(dir));
  const lock = holdLock(path.join(dir, 'outbox.lock'));
  try {
    const file = path.join(dir, 'outbox.db');
    finishReplacement(file);
    const found = suspect === undefined ? tryOpen(file) : { unusable: suspect };
    const { db, damage } =
      'db' in found ? { ...found, damage: undefined } : replace(file, found.unusable, backends);
    const { ino } = fs.statSync(file);
    return {
      db,
      damage,
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
    lock.close();
    throw error;
  }
}

const sizeOf = (file: string) => fs.statSync(file, { throwIfNoEntry: false })?.size;

function tryOpen(file: string): { db: DatabaseSync } | { unusable: string } {
  if (fs.statSync(file, { throwIfNoEntry: false })?.isDirectory()) return { unusable: 'not_an_outbox' };
  const size = sizeOf(file);
  // SQLite takes it for a new one, and deletes the log that may hold everything
  if (size === 0 || (size === undefined && sizeOf(`${file}-wal`))) return { unusable: 'empty' };
  // It holds prompts. The files beside it are created with its permissions
  fs.closeSync(fs.openSync(file, 'a', 0o600));
  const db = new DatabaseSync(file);
  try {
    // Before anything is written: what is not ours stays as it is
    const applicationId = pragma(db, 'application_id');
    const version = pragma(db, 'user_version');
    const isEmpty = db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
    if (!isEmpty && applicationId !== APPLICATION_ID) return unusable(db, 'not_an_outbox');
    if (!isEmpty && version !== VERSION) return unusable(db, `version_${version}`);
    db.exec('PRAGMA journal_mode = WAL');
    db.exec('PRAGMA synchronous = FULL');
    db.exec('PRAGMA busy_timeout = 5000');
    db.exec('PRAGMA wal_autocheckpoint = 4000');
    db.exec('PRAGMA cache_size = -16000');
    if (isEmpty) db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`);
    else if (!hasSchema(db)) return unusable(db, 'schema');
    else {
      // One wrong bit in the key of a queue entry hides all that are after it, and gives no error when it is read
      const isSmall = (size ?? 0) <= CHECKED_AT_START_BYTES;
      const check = db.prepare(`PRAGMA integrity_check(${isSmall ? 1 : 'delivery'})`).get();
      if (check?.integrity_check !== 'ok') return unusable(db, 'SQLITE_CORRUPT');
    }
    return { db };
  } catch (error) {
    db.close();
    if (isDamage(error)) return { unusable: storageCode(error) };
    if (size === undefined) remove(file);
    throw error;
  }
}

function unusable(db: DatabaseSync, reason: string): { unusable: string } {
  db.close();
  return { unusable: reason };
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

/** Whether every table and index is there as we create it; what somebody added does no harm. */
function hasSchema(db: DatabaseSync): boolean {
  const model = new DatabaseSync(':memory:');
  model.exec(SCHEMA);
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

const SUFFIXES = ['', '-wal', '-shm', '-journal'];
const newOf = (file: string) => file.replace(/\.db$/, '.new.db');

function remove(file: string): void {
  for (const suffix of SUFFIXES) fs.rmSync(file + suffix, { force: true });
}

/**
 * Fills a new file from an unusable one, puts that aside with what belongs to it, under a name that tells when and why,
 * and the new one in its place. Until it is complete nothing is moved: a disk that is full, or an end of the process,
 * leaves all as it was.
 */
function replace(
  file: string,
  reason: string,
  backends: readonly string[],
): { db: DatabaseSync; damage: Damage } {
  const fresh = newOf(file);
  remove(fresh);
  fs.closeSync(fs.openSync(fresh, 'a', 0o600));
  const db = new DatabaseSync(fresh);
  let kept: number;
  try {
    db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`);
    kept = salvage(file, db, backends);
    db.close();
  } catch (error) {
    if (db.isOpen) db.close();
    remove(fresh);
    throw error;
  }
  const stamp = new Date().toISOString().replace(/[:.]/g, '-');
  const aside = file.replace(/\.db$/, `.${reason.toLowerCase()}.${stamp}.db`);
  const found = SUFFIXES.filter((suffix) => fs.existsSync(file + suffix));
  for (const suffix of found) fs.renameSync(file + suffix, aside + suffix);
  fs.renameSync(fresh, file);
  const opened = tryOpen(file);
  if (!('db' in opened)) throw new Error(opened.unusable);
  return { db: opened.db, damage: { reason, file: path.basename(aside) + (found[0] ?? ''), kept } };
}

/** The process can have ended when the old file was aside, and the new one not yet in its place. */
function finishReplacement(file: string): void {
  const fresh = newOf(file);
  if (!fs.existsSync(fresh) || fs.existsSync(file)) return;
  remove(file);
  fs.renameSync(fresh, file);
}
