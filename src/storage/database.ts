import fs from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';

/** Endings of the files of a database: its own, the log, the memory shared by its connections, and a rollback journal. */
export const DATABASE_SUFFIXES = ['', '-wal', '-shm', '-journal'];

/** Removes a database, if it is there. */
export function removeDatabase(file: string): void {
  for (const suffix of DATABASE_SUFFIXES) fs.rmSync(file + suffix, { force: true });
}

/** Runs all of it and commits, or changes nothing and throws what it threw. */
export function transaction<T>(db: DatabaseSync, run: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = run();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
