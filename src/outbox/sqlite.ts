import { hash } from 'node:crypto';
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { type Damage, type OutboxFile, openOutboxFile } from './file.ts';
import { type Known, settle } from './one-record.ts';
import type {
  BackendBacklog,
  BadRow,
  Disposition,
  Due,
  Entry,
  Outbox,
  OutboxStats,
  Settlement,
} from './outbox.ts';
import { OutboxError } from './outbox.ts';
import { DEAD, INTAKE, READY, WAITING } from './schema.ts';
import { isAboutValues, isDamage, storageCode } from './storage-code.ts';

export type OutboxEvents = {
  /** The file was no usable outbox: it was put aside, what could be read of it was kept. */
  damaged(damage: Damage): void;
  /** A record whose content is not what was stored; it is a dead letter now. */
  unreadable(backend: string): void;
  /** Given up undelivered, as they are older than the bound. */
  expired(backend: string, records: number): void;
  /** Nothing can be stored, by a word of SQLite or the system; `undefined` when it can again. */
  unavailable(code: string | undefined): void;
};

export type SqliteOutboxOptions = {
  readonly dir: string;
  /** The backends that records are for. */
  readonly backends: readonly string[];
  /** Of the file in use. Beyond nineteen twentieths of it only blocked calls are stored. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** How long the later events of a call are recognised. */
  readonly historyMs?: number;
  /** How long a folder that cannot be used is left alone before it is tried again. */
  readonly reopenMs?: number;
  readonly now?: () => number;
  readonly events: OutboxEvents;
};

/** The outbox in a SQLite file, with what it needs done now and then. */
export type SqliteOutbox = Outbox & {
  maintain(): Promise<void>;
  /** Whether another process has written to it since this was asked last: a command of the operator. */
  changedElsewhere(): Promise<boolean>;
};

const HOUR_MS = 3_600_000;
/** So many rows at once, that nothing waits long for it. */
const SWEEP = 1000;
/** Characters of what is kept of verdicts: the last 100,000 or so. */
const MAX_NOTES = 16_000_000;
/** From this share of the bound on, records come before the memory of what was delivered. */
const HISTORY_SHARE = 0.7;

/**
 * The {@link Outbox} in one SQLite file, through Node's own `node:sqlite`. Meant for a worker thread: a commit waits for the disk.
 *
 * Everything that comes in during one turn of the event loop is committed together, with one flush. It always opens: a
 * folder that cannot be used makes every call fail with `unavailable` until it can.
 */
export function openSqliteOutbox(options: SqliteOutboxOptions): SqliteOutbox {
  const { dir, backends, maxBytes, maxAgeMs, historyMs = 24 * HOUR_MS, reopenMs = 2000, events } = options;
  const now = options.now ?? Date.now;
  type Job = { run(store: Store): unknown; resolve(value: never): void; reject(error: unknown): void };
  let jobs: Job[] = [];
  let scheduled = false;
  let file: OutboxFile | undefined;
  let store: Store | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let trouble: string | undefined;
  /** What made the file that was open unusable, though it may look sound when it is opened again. */
  let suspect: string | undefined;
  let isClosed = false;
  let dataVersion: number | undefined;
  let counted: { stats: OutboxStats; until: number } | undefined;

  function report(code: string | undefined): void {
    if (code === trouble) return;
    trouble = code;
    events.unavailable(code);
  }

  function opened(): Store {
    if (store !== undefined) return store;
    if (isClosed || performance.now() - triedAt < reopenMs) throw new OutboxError('unavailable');
    triedAt = performance.now();
    try {
      file = openOutboxFile(dir, backends, suspect);
      store = prepare(file.db);
      suspect = undefined;
    } catch (error) {
      close();
      report(storageCode(error));
      throw new OutboxError('unavailable', error);
    }
    if (file.damage !== undefined) events.damaged(file.damage);
    report(undefined);
    return store;
  }

  function close(): void {
    try {
      file?.close();
    } catch {
      // what cannot be closed was broken before
    }
    file = undefined;
    store = undefined;
    counted = undefined;
    dataVersion = undefined;
  }

  /** What an error means for the caller; damage makes the next use put the file aside. */
  function sorted(error: unknown): unknown {
    if (error instanceof OutboxError) return error;
    const code = storageCode(error);
    if (!code.startsWith('SQLITE_') || isAboutValues(error)) return error;
    if (code === 'SQLITE_FULL') {
      report(code);
      return new OutboxError('full', error);
    }
    if (isDamage(error)) suspect = code;
    // Another process writes: a command of the operator
    if (!/BUSY|LOCKED/.test(code)) close();
    report(code);
    return new OutboxError('unavailable', error);
  }

  function commit(batch: readonly Job[], isAgain = false): void {
    let results: unknown[];
    try {
      if (file?.isGone()) close();
      const { db } = opened();
      db.exec('BEGIN IMMEDIATE');
      try {
        results = batch.map((job) => job.run(opened()));
        db.exec('COMMIT');
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    } catch (error) {
      const failure = sorted(error);
      // It is put aside now, and what was asked is done with what could be read of it
      if (isDamage(error) && !isAgain) commit(batch, true);
      // One of them may be to blame
      else if (batch.length > 1 && store !== undefined) for (const job of batch) commit([job]);
      else for (const job of batch) job.reject(failure);
      return;
    }
    report(undefined);
    batch.forEach((job, i) => {
      job.resolve(results[i] as never);
    });
  }

  /** Runs in the next common transaction. */
  function write<T>(run: (store: Store) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      jobs.push({ run, resolve, reject });
      if (scheduled) return;
      scheduled = true;
      setImmediate(() => {
        scheduled = false;
        const batch = jobs;
        jobs = [];
        if (batch.length > 0) commit(batch);
      });
    });
  }

  async function read<T>(run: (store: Store) => T): Promise<T> {
    try {
      return run(opened());
    } catch (error) {
      throw sorted(error);
    }
  }

  function acceptOne(s: Store, entry: Entry): Disposition {
    const at = now();
    const known = s.known(entry.callKey, at);
    const { disposition, replaces } = settle(known, entry);
    for (const id of replaces) s.remove(id);
    if (disposition === 'new' || disposition === 'late') {
      s.insert(entry, at);
    } else if (disposition === 'blocked' && entry.outcome === 'success') {
      s.absorb(entry, at);
    }
    return disposition;
  }

  return {
    accept(entries, bad = []) {
      const size = sizeOf(entries) + sizeOf(bad);
      const isUrgent = bad.length === 0 && entries.every(({ outcome }) => outcome === 'blocked');
      const bound = isUrgent ? maxBytes : maxBytes * 0.95;
      return write((s) => {
        if (s.usedBytes() + size > bound) throw new OutboxError('full');
        const dispositions = entries.map((entry) => acceptOne(s, entry));
        for (const row of bad) s.insertBad(row, now());
        return dispositions;
      });
    },

    async due(backend, { records, bytes, except }) {
      const at = now();
      if (await read((s) => s.hasWaiting(at))) await write((s) => s.promote(at));
      const found: Due[] = [];
      const damaged: number[] = [];
      await read((s) => {
        let size = 0;
        for (const { record, attempts } of s.ready(backend)) {
          if (except.has(record)) continue;
          const due = s.load(record, attempts);
          if (due === undefined) {
            damaged.push(record);
            continue;
          }
          size += due.payload.length;
          if (found.length > 0 && size > bytes) break;
          found.push(due);
          if (found.length === records) break;
        }
      });
      if (damaged.length > 0) {
        await write((s) => s.settle({ kind: 'dead', backend, ids: damaged, reason: 'damaged on disk' }));
        for (const _ of damaged) events.unreadable(backend);
      }
      return found;
    },

    settle: (settlements) =>
      write((s) => {
        for (const settlement of settlements) s.settle(settlement);
      }),

    appendNotes: (chunk) =>
      write((s) => {
        s.insertNote(chunk);
      }),
    notes: () => read((s) => s.notes()),
    known: (callKeys) => read((s) => new Set(callKeys.filter((callKey) => s.known(callKey, 0).length > 0))),

    async stats() {
      const startedAt = performance.now();
      if (counted !== undefined && startedAt < counted.until) return counted.stats;
      const stats = await read((s) => ({
        usedBytes: s.usedBytes(),
        maxBytes,
        backends: s.backlogs(backends),
      }));
      // A count of a million takes its time: at most a fiftieth of all goes into counting
      counted = { stats, until: performance.now() + 50 * (performance.now() - startedAt) };
      return stats;
    },

    async maintain() {
      const at = now();
      // One commit each time, so that others come in between
      for (let isMore = true; isMore; ) {
        const { expired, forgotten } = await write((s) => {
          const isTight = s.usedBytes() > maxBytes * HISTORY_SHARE;
          s.deleteNotes(Math.min(MAX_NOTES, maxBytes / 8));
          return {
            expired: s.expire(at - maxAgeMs),
            forgotten: s.forget(isTight ? Number.MAX_SAFE_INTEGER : at - historyMs),
          };
        });
        for (const [backend, records] of expired) events.expired(backend, records);
        isMore = Math.max(forgotten, ...expired.values()) >= SWEEP;
      }
    },

    changedElsewhere: () =>
      read((s) => {
        const before = dataVersion;
        dataVersion = s.dataVersion();
        return before !== undefined && before !== dataVersion;
      }),

    async close() {
      if (jobs.length > 0) commit(jobs.splice(0));
      isClosed = true;
      close();
    },
  };
}

type Store = ReturnType<typeof prepare>;

/** Bytes of UTF-8 for one unit of a string, at most. */
const MAX_UTF8 = 3;
/** Bytes to encode in, enough for most. */
const SCRATCH = 256 * 1024;

function sizeOf(rows: readonly { readonly payload: string }[]): number {
  return rows.reduce((sum, { payload }) => sum + payload.length, 0);
}

/** The statements of the outbox. */
function prepare(db: DatabaseSync) {
  const q = (sql: string): StatementSync => db.prepare(sql);
  const known = q(
    `SELECT id, outcome, event_key, started_at, ended_at, ref, held_until > ? AND pending > 0 AS held, absorbed
     FROM record WHERE call_key = ? ORDER BY id`,
  );
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
    known: (callKey: string, at: number): Known[] =>
      known.all(at, callKey).map((row) => ({
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
    /** Forgets calls whose records are delivered; how many. */
    forget: (before: number) => Number(deleteDone.run(before).changes),
    deleteNotes: (maxChars: number) => deleteNotes.run(maxChars),
    insertNote: (chunk: string) => insertNote.run(chunk),
    notes: () => notes.all().map(({ chunk }) => String(chunk)),
  };
}
