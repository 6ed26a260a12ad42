import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isBusy, isDamage } from './storage-code.ts';

/** A lock file that this process holds. */
export type Lock = {
  /** True once somebody deleted the file: another process could hold its like. */
  isGone(): boolean;
  close(): void;
};

/** Another process, or another holder in this one, has the lock. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
  readonly code = 'LOCKED';
}

/**
 * Locks a file, and creates it where it is missing. The lock is SQLite's own: the system releases it when the process
 * ends, however it ends.
 *
 * @throws LockedError
 */
export function holdLock(file: string): Lock {
  const db = lockedDatabase(file);
  const inode = () => fs.statSync(file, { throwIfNoEntry: false })?.ino;
  const ino = inode();
  return { isGone: () => inode() !== ino, close: () => db.close() };
}

function lockedDatabase(file: string, isAgain = false): DatabaseSync {
  const db = new DatabaseSync(file);
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db.close();
    if (isBusy(error)) throw new LockedError('another process holds the lock', { cause: error });
    if (!isDamage(error) || isAgain) throw error;
    // Nothing is ever written to it
    fs.truncateSync(file);
    return lockedDatabase(file, true);
  }
}

/** True while a process holds the lock. Takes nothing, and creates no file. */
export function isLocked(file: string): boolean {
  if (!fs.existsSync(file)) return false;
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    db.prepare('SELECT 1 FROM sqlite_schema').get();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw error;
  } finally {
    db.close();
  }
}
