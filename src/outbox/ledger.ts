import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isLocked } from '../storage/lock.ts';
import { type Key, prepareReads } from './ledger-reads.ts';
import { APPLICATION_ID, READY, VERSION } from './schema.ts';

/** There is no outbox that this version can read: `missing`, `not_an_outbox` or `version_…`. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
}

export type Ledger = ReturnType<typeof openLedger>;

/** How long the bridge may write before we give up. */
const BUSY_MS = 5000;

/**
 * The outbox as an operator sees it, in a file that a bridge may be writing at the same time: reads are short, and
 * changes are made a page at a time. It creates no outbox and mends none.
 *
 * @throws LedgerError, and what SQLite throws
 */
export function openLedger(dir: string, access: 'read' | 'write') {
  const file = path.join(dir, 'outbox.db');
  if (fs.statSync(file, { throwIfNoEntry: false }) === undefined) throw new LedgerError('missing');
  const db = new DatabaseSync(file, { readOnly: access === 'read', timeout: BUSY_MS });
  try {
    if (pragma(db, 'application_id') !== APPLICATION_ID) throw new LedgerError('not_an_outbox');
    const version = pragma(db, 'user_version');
    if (version !== VERSION) throw new LedgerError(`version_${version}`);
    return {
      /** Of the file in use. */
      usedBytes: () => (pragma(db, 'page_count') - pragma(db, 'freelist_count')) * pragma(db, 'page_size'),
      ...prepareReads(db),
      ...prepareChanges(db),
      close: () => db.close(),
    };
  } catch (error) {
    db.close();
    throw error;
  }
}

/** True while a bridge has the outbox of this folder open. */
export function isServed(dir: string): boolean {
  return isLocked(path.join(dir, 'outbox.lock'));
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

function prepareChanges(db: DatabaseSync) {
  const putBack = db.prepare(
    `UPDATE delivery SET state = ${READY}, due_at = ?, attempts = 0, reason = NULL
     WHERE backend = ? AND state = ? AND record = ?`,
  );
  const remove = db.prepare('DELETE FROM delivery WHERE backend = ? AND state = ? AND record = ?');
  const lessPending = db.prepare('UPDATE record SET pending = pending - 1 WHERE id = ? RETURNING pending');
  const removePayload = db.prepare('DELETE FROM payload WHERE id = ?');

  /** Those that were changed: what moved on since it was read is left alone. */
  function change<K extends Key>(keys: readonly K[], one: (key: K) => boolean): K[] {
    db.exec('BEGIN IMMEDIATE');
    try {
      const changed = keys.filter(one);
      db.exec('COMMIT');
      return changed;
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  return {
    /** Makes them due, as if they had never been tried. */
    retry: <K extends Key>(keys: readonly K[], now: number): K[] =>
      change(keys, ({ backend, state, record }) => putBack.run(now, backend, state, record).changes !== 0),

    /** Removes them, and the content that no backend needs any more. */
    drop: <K extends Key>(keys: readonly K[]): K[] =>
      change(keys, ({ backend, state, record }) => {
        const found = remove.run(backend, state, record).changes !== 0;
        if (found && lessPending.get(record)?.pending === 0) removePayload.run(record);
        return found;
      }),
  };
}
