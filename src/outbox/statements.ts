import { hash } from 'node:crypto';
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { isAboutValues } from '../storage/storage-code.ts';
import { type Known, NEAR_MS } from './one-record.ts';
import type { BackendBacklog, BadRow, Due, Entry, Settlement } from './outbox.ts';
import { DEAD, INTAKE, READY, WAITING } from './schema.ts';

/** So many rows at once, that nothing waits long for it. */
export const SWEEP = 1000;

/** What can be done with an open outbox, inside a transaction of the caller's. */
export type Store = ReturnType<typeof prepareStore>;

/** Of what is on record under one call id: a client can give all its calls the same, and each costs all that came before. */
const MAX_KNOWN = 100;

/** Rows that could not be read at all, of some kilobytes each. */
const MAX_UNREADABLE = 10_000;

/** Bytes of UTF-8 for one unit of a string, at most. */
const MAX_UTF8 = 3;
/** Bytes to encode in, enough for most. */
const SCRATCH = 256 * 1024;

/** The statements of the outbox. */
export function prepareStore(db: DatabaseSync) {
  const q = (sql: string): StatementSync => db.prepare(sql);
  const known = q(
    `SELECT id, outcome, event_key, started_at, ended_at, ref, held_until > ? AND pending > 0 AS held, absorbed
     FROM record WHERE call_key = ? AND ended_at >= ? AND started_at <= ? ORDER BY ended_at DESC LIMIT ${MAX_KNOWN}`,
  );
  const isKnown = q('SELECT 1 FROM record WHERE call_key = ? LIMIT 1');
  const insertRecord = q(
    `INSERT INTO record (record_id, call_key, outcome, event_key, started_at, ended_at, ref, accepted_at, held_until,
     absorbed, pending) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertPayload = q('INSERT INTO payload (id, checksum, body) VALUES (?, ?, CAST(? AS TEXT))');
  const insertDelivery = q('INSERT INTO delivery VALUES (?, ?, ?, ?, 0, ?)');
  const deletePayload = q('DELETE FROM payload WHERE id = ?');
  const deleteRecord = q('DELETE FROM record WHERE id = ?');
  const deleteDelivery = q('DELETE FROM delivery WHERE backend = ? AND state = ? AND record = ?');
  const retry = q(
    `UPDATE delivery SET state = ${WAITING}, due_at = ?, attempts = attempts + 1
     WHERE backend = ? AND state = ${READY} AND record = ?`,
  );
  const bury = q(
    `UPDATE delivery SET state = ${DEAD}, reason = ? WHERE backend = ? AND state = ${READY} AND record = ?`,
  );
  const lessPending = q('UPDATE record SET pending = pending - 1 WHERE id = ? RETURNING pending');
  // A step in the key for each name, where DISTINCT reads every row
  const backendNames = q(
    `WITH RECURSIVE names (backend) AS (
       SELECT min(backend) FROM delivery
       UNION ALL SELECT (SELECT min(backend) FROM delivery WHERE backend > names.backend) FROM names
       WHERE backend IS NOT NULL)
     SELECT backend FROM names WHERE backend IS NOT NULL`,
  );
  const hasWaiting = q(`SELECT 1 FROM delivery WHERE state = ${WAITING} AND due_at <= ? LIMIT 1`);
  const promote = q(`UPDATE delivery SET state = ${READY} WHERE state = ${WAITING} AND due_at <= ?`);
  const ready = q(
    `SELECT record, attempts FROM delivery WHERE backend = ? AND state = ${READY} ORDER BY record`,
  );
  const load = q(
    'SELECT record_id, accepted_at, checksum, body FROM record JOIN payload USING (id) WHERE id = ?',
  );
  const dataVersion = q('PRAGMA data_version');
  const pageCount = q('PRAGMA page_count');
  const freePages = q('PRAGMA freelist_count');
  const pageSize = Number(Object.values(q('PRAGMA page_size').get() ?? {})[0]);
  const counts = q('SELECT backend, state, count(*) AS records FROM delivery GROUP BY backend, state');
  const oldest = q(
    `SELECT accepted_at FROM delivery JOIN record ON id = record WHERE backend = ? AND state = ? ORDER BY record LIMIT 1`,
  );
  // Of the first ones alone: they are about as old as their ids, and there can be a million
  const oldDeliveries = q(
    `SELECT record FROM (SELECT record FROM delivery WHERE backend = ? AND state = ? ORDER BY record LIMIT ${SWEEP})
     JOIN record ON id = record WHERE accepted_at < ?`,
  );
  const crowdedOut = q(
    `SELECT record FROM delivery WHERE backend = '${INTAKE}' AND state = ${DEAD} AND record <=
     (SELECT record FROM delivery WHERE backend = '${INTAKE}' AND state = ${DEAD}
      ORDER BY record DESC LIMIT 1 OFFSET ${MAX_UNREADABLE}) ORDER BY record LIMIT ${SWEEP}`,
  );
  const deleteDone = q(
    `DELETE FROM record WHERE id IN
     (SELECT id FROM record WHERE pending = 0 AND accepted_at < ? ORDER BY accepted_at LIMIT ${SWEEP})`,
  );
  const insertNote = q(
    `INSERT INTO note (size_before, chunk)
     VALUES (coalesce((SELECT size_before + length(chunk) FROM note ORDER BY id DESC LIMIT 1), 0), ?)`,
  );
  const notes = q('SELECT chunk FROM note ORDER BY id');
  const deleteNotes = q(
    `DELETE FROM note WHERE id IN (SELECT id FROM note
     WHERE size_before < (SELECT size_before FROM note ORDER BY id DESC LIMIT 1) - ? ORDER BY id LIMIT ${SWEEP})`,
  );

  const encoder = new TextEncoder();
  let scratch = new Uint8Array(SCRATCH);

  const one = (statement: StatementSync) => Number(Object.values(statement.get() ?? {})[0]);
  const names = () => backendNames.all().map(({ backend }) => String(backend));

  function store(entry: Entry, at: number, pending: number, absorbed: 0 | 1): number {
    const { callKey, outcome, eventKey, startedAt, endedAt, ref = null, holdMs } = entry;
    // From what it is about, so that it is the same wherever and however often the event arrives
    const recordId = hash('sha256', JSON.stringify([callKey, outcome, eventKey, startedAt])).slice(0, 32);
    const { lastInsertRowid } = insertRecord.run(
      ...[recordId, callKey, outcome, eventKey, startedAt, endedAt, ref, at, holdMs > 0 ? at + holdMs : 0],
      ...[absorbed, pending],
    );
    return Number(lastInsertRowid);
  }

  /** Encoded once, for its checksum and for SQLite: either would do it again, and it costs as much as storing the rest. */
  function storePayload(id: number, payload: string): void {
    const most = payload.length * MAX_UTF8;
    if (scratch.length < most) scratch = new Uint8Array(most);
    const body = scratch.subarray(0, encoder.encodeInto(payload, scratch).written);
    insertPayload.run(id, crc32(body), body);
    if (scratch.length > SCRATCH) scratch = new Uint8Array(SCRATCH);
  }

  function done(id: number): void {
    if (lessPending.get(id)?.pending === 0) deletePayload.run(id);
  }

  function drop(backend: string, state: number, id: number): boolean {
    const found = deleteDelivery.run(backend, state, id).changes !== 0;
    if (found) done(id);
    return found;
  }

  return {
    db,
    isKnown: (callKey: string) => isKnown.get(callKey) !== undefined,
    /** What is on record of the entry's call that can have to do with it. */
    known: ({ callKey, startedAt, endedAt }: Entry, at: number): Known[] =>
      known.all(at, callKey, startedAt - NEAR_MS, endedAt + NEAR_MS).map((row) => ({
        id: Number(row.id),
        outcome: row.outcome as Known['outcome'],
        eventKey: String(row.event_key),
        startedAt: Number(row.started_at),
        endedAt: Number(row.ended_at),
        ref: row.ref as string | null,
        held: row.held === 1,
        absorbed: row.absorbed === 1,
      })),
    insert(entry: Entry, at: number): void {
      const id = store(entry, at, entry.backends.length, 0);
      if (entry.backends.length === 0) return;
      storePayload(id, entry.payload);
      const state = entry.holdMs > 0 ? WAITING : READY;
      for (const backend of entry.backends) insertDelivery.run(backend, state, id, at + entry.holdMs, null);
    },
    absorb: (entry: Entry, at: number): number => store(entry, at, 0, 1),
    insertBad({ reason, payload }: BadRow, at: number): void {
      const id = Number(insertRecord.run('', '', INTAKE, '', at, at, null, at, 0, 0, 1).lastInsertRowid);
      storePayload(id, payload);
      insertDelivery.run(INTAKE, DEAD, id, at, reason);
    },
    /** A record that waits and that another event has taken the place of. */
    remove(id: number): void {
      // Ready too, if the clock was set back since
      for (const backend of names()) {
        for (const state of [READY, WAITING]) deleteDelivery.run(backend, state, id);
      }
      deletePayload.run(id);
      deleteRecord.run(id);
    },
    hasWaiting: (at: number) => hasWaiting.get(at) !== undefined,
    promote: (at: number) => promote.run(at).changes,
    ready: (backend: string) => ready.iterate(backend) as Iterable<{ record: number; attempts: number }>,
    load(id: number, attempts: number): Due | undefined {
      let row: Record<string, SQLOutputValue> | undefined;
      try {
        row = load.get(id);
      } catch (error) {
        if (!isAboutValues(error)) throw error;
      }
      if (typeof row?.body !== 'string' || crc32(row.body) !== row.checksum) return undefined;
      const { record_id, accepted_at, body } = row;
      return { id, recordId: String(record_id), acceptedAt: Number(accepted_at), attempts, payload: body };
    },
    settle(settlement: Settlement): void {
      const { backend } = settlement;
      for (const id of settlement.ids) {
        switch (settlement.kind) {
          case 'delivered':
            drop(backend, READY, id);
            break;
          case 'retry':
            retry.run(settlement.dueAt, backend, id);
            break;
          case 'dead':
            bury.run(settlement.reason, backend, id);
        }
      }
    },
    /** Changes with every commit of another connection. */
    dataVersion: () => one(dataVersion),
    usedBytes: () => (one(pageCount) - one(freePages)) * pageSize,
    backlogs(configured: readonly string[]): Record<string, BackendBacklog> {
      const rows = counts.all();
      const all = new Set([...configured, ...rows.map(({ backend }) => String(backend))]);
      return Object.fromEntries(
        [...all].map((backend) => {
          const count = (state: number) =>
            Number(rows.find((row) => row.backend === backend && row.state === state)?.records ?? 0);
          const at = [READY, WAITING].flatMap((state) =>
            oldest.all(backend, state).map(({ accepted_at }) => Number(accepted_at)),
          );
          const backlog: BackendBacklog = {
            records: count(READY) + count(WAITING),
            dead: count(DEAD),
            oldestAt: at.length > 0 ? Math.min(...at) : undefined,
          };
          return [backend, backlog];
        }),
      );
    },
    /** Gives up what is too old; how many of each backend. */
    expire(undelivered: number): Map<string, number> {
      const expired = new Map<string, number>();
      for (const backend of names()) {
        for (const state of [READY, WAITING, DEAD]) {
          const old = oldDeliveries.all(backend, state, undelivered);
          for (const { record } of old) drop(backend, state, Number(record));
          if (old.length > 0) expired.set(backend, (expired.get(backend) ?? 0) + old.length);
        }
      }
      return expired;
    },
    /** Of rows that nobody can read the newest are kept: whoever sends nothing else must not fill the outbox. */
    crowdOut(): number {
      const old = crowdedOut.all();
      for (const { record } of old) drop(INTAKE, DEAD, Number(record));
      return old.length;
    },
    /** Forgets calls whose records are delivered; how many. */
    forget: (before: number) => Number(deleteDone.run(before).changes),
    deleteNotes: (maxChars: number) => deleteNotes.run(maxChars),
    insertNote: (chunk: string) => insertNote.run(chunk),
    notes: () => notes.all().map(({ chunk }) => String(chunk)),
  };
}
