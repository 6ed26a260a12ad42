import { isAboutValues, isBusy, isDamage, storageCode } from '../storage/storage-code.ts';
import { type Damage, type OutboxFile, openOutboxFile } from './file.ts';
import { settle } from './one-record.ts';
import type { Disposition, Due, Entry, Outbox, OutboxStats } from './outbox.ts';
import { OutboxError } from './outbox.ts';
import { prepareStore, type Store, SWEEP } from './statements.ts';

export type OutboxEvents = {
  /** The file was no usable outbox: it was put aside, what could be read of it was kept. */
  damaged(damage: Damage): void;
  /** A record whose content is not what was stored; it is a dead letter now. */
  unreadable(backend: string): void;
  /** Given up undelivered, as they are older than the bound. */
  expired(backend: string, records: number): void;
  /** Rows that could not be read were dropped for newer ones. */
  crowded(rows: number): void;
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
/** More than one can hold. */
const IDS_OF_A_FILE = 2 ** 40;
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
  /** Bytes of the file in use, once one of the transaction wanted to know. */
  let used: number | undefined;
  let file: OutboxFile | undefined;
  let store: Store | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let trouble: string | undefined;
  /** What made the file that was open unusable, though it may look sound when it is opened again. */
  let suspect: string | undefined;
  let isClosed = false;
  let dataVersion: number | undefined;
  /** Ids begin anew in a new file: what is told of records of the one before must not be taken for others. */
  let firstId = -IDS_OF_A_FILE;
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
      store = prepareStore(file.db);
      firstId += IDS_OF_A_FILE;
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
    if (!isBusy(error)) close();
    report(code);
    return new OutboxError('unavailable', error);
  }

  function commit(batch: readonly Job[], isAgain = false): void {
    let results: unknown[];
    try {
      if (file?.isGone()) close();
      const { db } = opened();
      db.exec('BEGIN IMMEDIATE');
      used = undefined;
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
      // One of them may be to blame, but not for somebody else's lock, which each would wait for again
      else if (batch.length > 1 && store !== undefined && !isBusy(error))
        for (const job of batch) commit([job]);
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
    const known = s.known(entry, at);
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
        used = (used ?? s.usedBytes()) + size;
        if (used > bound) throw new OutboxError('full');
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
          if (except.has(firstId + record)) continue;
          const due = s.load(record, attempts);
          if (due === undefined) {
            damaged.push(record);
            continue;
          }
          size += due.payload.length;
          if (found.length > 0 && size > bytes) break;
          found.push({ ...due, id: firstId + due.id });
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
        for (const settlement of settlements) {
          s.settle({ ...settlement, ids: settlement.ids.map((id) => id - firstId).filter((id) => id > 0) });
        }
      }),

    appendNotes: (chunk) =>
      write((s) => {
        s.insertNote(chunk);
      }),
    notes: () => read((s) => s.notes()),
    known: (callKeys) => read((s) => new Set(callKeys.filter(s.isKnown))),

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
        const { expired, crowded, forgotten } = await write((s) => {
          const isTight = s.usedBytes() > maxBytes * HISTORY_SHARE;
          s.deleteNotes(Math.min(MAX_NOTES, maxBytes / 8));
          return {
            expired: s.expire(at - maxAgeMs),
            crowded: s.crowdOut(),
            forgotten: s.forget(isTight ? Number.MAX_SAFE_INTEGER : at - historyMs),
          };
        });
        for (const [backend, records] of expired) events.expired(backend, records);
        if (crowded > 0) events.crowded(crowded);
        isMore = Math.max(forgotten, crowded, ...expired.values()) >= SWEEP;
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

function sizeOf(rows: readonly { readonly payload: string }[]): number {
  return rows.reduce((sum, { payload }) => sum + payload.length, 0);
}
