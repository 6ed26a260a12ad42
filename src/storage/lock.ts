import fs from 'node:fs';
import { holdLock } from '../outbox/file.ts';
import { isBusy } from './storage-code.ts';

/** Another bridge writes the log. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
  readonly code = 'LOCKED';
}

export type Lock = {
  /** Whether somebody deleted it: another bridge could hold its like. */
  isGone(): boolean;
  close(): void;
};

/**
 * Keeps other bridges from writing the log; the system lets go of it when the process ends, however it ends.
 *
 * @throws LockedError if another process, or another log of this one, has it
 */
export function lockLog(file: string): Lock {
  try {
    const db = holdLock(file);
    const inode = () => fs.statSync(file, { throwIfNoEntry: false })?.ino;
    const ino = inode();
    return { isGone: () => inode() !== ino, close: () => db.close() };
  } catch (error) {
    if (isBusy(error)) throw new LockedError('another bridge writes the audit log', { cause: error });
    throw error;
  }
}
