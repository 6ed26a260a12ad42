import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DATABASE_SUFFIXES, removeDatabase } from '../storage/database.ts';
import { makeFolder } from '../storage/folder.ts';
import { holdLock } from '../storage/lock.ts';
import { isDamage, storageCode } from '../storage/storage-code.ts';
import { DECISION_MIGRATIONS, DecisionsVersionError, decisionsFormat, migrateDecisions } from './schema.ts';

/** The file in `DATA_DIR`. */
export const DECISIONS_FILE = 'decisions.db';

/** A damaged file that was moved aside. */
export type DecisionsDamage = { readonly reason: string; readonly file: string };

/** The file, open and held against other bridges. */
export type DecisionsFile = {
  readonly db: DatabaseSync;
  readonly damage: DecisionsDamage | undefined;
  /** Bytes of the file and its log on the disk. */
  size(): { readonly file: number; readonly log: number };
  /** True once somebody deleted or replaced it: what is written to it now is lost when it is closed. */
  isGone(): boolean;
  close(): void;
};

/**
 * A power cut takes what came since the last checkpoint, and nothing waits for a flush. The log is short and the cache small: rows are
 * only added. Pages that become free can be given back.
 */
const DECISIONS_SETTINGS = `
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA busy_timeout = 1000;
PRAGMA wal_autocheckpoint = 250;
PRAGMA journal_size_limit = 1048576;
PRAGMA cache_size = -1000;
`;

/**
 * Opens the file in a folder, creates it, migrates it, or moves what cannot be used aside and begins anew.
 *
 * @param fault why the file is unusable, if that was met while it was open
 * @throws DecisionsVersionError for a file of a newer release, which stays as it is; otherwise only where the folder cannot be written,
 * or another bridge has it open
 */
export function openDecisionsFile(
  dir: string,
  fault?: string,
  migrations: readonly string[] = DECISION_MIGRATIONS,
): DecisionsFile {
  makeFolder(path.resolve(dir));
  const lock = holdLock(path.join(dir, 'decisions.lock'));
  try {
    const file = path.join(dir, DECISIONS_FILE);
    refuseNewer(file, migrations.length);
    let opened = fault ?? open(file, migrations);
    let damage: DecisionsDamage | undefined;
    if (typeof opened === 'string') {
      damage = moveAside(dir, opened);
      opened = open(file, migrations);
    }
    if (typeof opened === 'string') throw Object.assign(new Error(opened), { code: opened });
    const db = opened;
    const { ino } = fs.statSync(file);
    const bytes = (suffix: string) => fs.statSync(file + suffix, { throwIfNoEntry: false })?.size ?? 0;
    return {
      ...{ db, damage },
      size: () => ({ file: bytes(''), log: bytes('-wal') }),
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

/** Through a connection that only reads, as another one moves the log into the file when it is closed. */
function refuseNewer(file: string, understood: number): void {
  if (!fs.statSync(file, { throwIfNoEntry: false })?.size) return;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { readOnly: true });
    const { isOurs, version } = decisionsFormat(db);
    if (isOurs && version > understood) throw new DecisionsVersionError(version, understood);
  } catch (error) {
    // Damage is met again when it is opened for writing
    if (error instanceof DecisionsVersionError) throw error;
  } finally {
    db?.close();
  }
}

/** Opens, creates or migrates a file; returns why it cannot be used. */
function open(file: string, migrations: readonly string[]): DatabaseSync | string {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (stat?.isDirectory()) return 'not_decisions';
  // It tells who called. The files beside it are created with its permissions
  fs.closeSync(fs.openSync(file, 'a', 0o600));
  const db = new DatabaseSync(file);
  try {
    const { isEmpty, isOurs, version } = decisionsFormat(db);
    if (isEmpty || (isOurs && version >= 1)) {
      db.exec(DECISIONS_SETTINGS);
      migrateDecisions(db, migrations, isEmpty ? 0 : version);
      return db;
    }
    db.close();
    return 'not_decisions';
  } catch (error) {
    db.close();
    if (isDamage(error)) return storageCode(error);
    if (stat === undefined) removeDatabase(file);
    throw error;
  }
}

/** The newest is kept of those that were moved aside: they are no part of the bound. */
function moveAside(dir: string, reason: string): DecisionsDamage {
  const before = fs.readdirSync(dir).filter((name) => ASIDE.test(name));
  const stamp = new Date().toISOString().replace(/[:.]/g, '-');
  const aside = `decisions.${reason.toLowerCase()}.${stamp}.db`;
  for (const suffix of DATABASE_SUFFIXES) {
    const from = path.join(dir, DECISIONS_FILE + suffix);
    if (fs.existsSync(from)) fs.renameSync(from, path.join(dir, aside + suffix));
  }
  for (const name of before) fs.rmSync(path.join(dir, name), { recursive: true, force: true });
  return { reason, file: aside };
}

const ASIDE = /^decisions\.\w+\.\d{4}-[\dTZ-]+\.db(?:-\w+)?$/;
