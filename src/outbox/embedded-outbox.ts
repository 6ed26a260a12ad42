import { isBusy, isDamage } from '../storage/storage-code.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import {
  type Ack,
  areUrgent,
  type BackendBacklog,
  type BadRow,
  type Disposition,
  type Due,
  type DueLimit,
  type Entry,
  type OnRecord,
  OutboxError,
  type OutboxStats,
  type RecordOutbox,
} from './contract.ts';
import { JOINED_MS, resolveEntry } from './one-record.ts';
import { type OutboxQueries, SWEEP } from './queries.ts';
import { READY } from './schema.ts';

export type OutboxOptions = ConnectionOptions & {
  /** Bound of the file in use. Beyond nineteen twentieths of it only blocked calls are stored. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** Time in which the later events of a call are recognised. Default 24 h. */
  readonly historyMs?: number;
  readonly now?: () => number;
};

/** An operation that waits for the next common transaction. */
type Job = {
  run(queries: OutboxQueries): unknown;
  resolve(value: never): void;
  reject(error: unknown): void;
};

const HOUR_MS = 3_600_000;
/** Bytes of notes kept: the last 150,000 or so. */
const MAX_NOTES_BYTES = 16_000_000;
/** From this share of the bound on, records come before the memory of what was delivered. */
const HISTORY_SHARE = 0.7;
/** And from this one on, before that of what was delivered just now. */
const FULL_SHARE = 0.85;
/** Share of the bound for entries that are not urgent. */
const USUAL_SHARE = 0.95;

/**
 * The outbox of a bridge that shares it with nobody, in one SQLite file. Meant for a worker thread, as a commit waits for the disk.
 *
 * Everything that comes in during one turn of the event loop is committed together, with one flush. A folder that cannot be
 * used makes every call fail with `unavailable` until it can.
 */
export class EmbeddedOutbox implements RecordOutbox {
  readonly #options: OutboxOptions;
  readonly #now: () => number;
  readonly #connection: Connection;
  /** For the next commit, at the end of this turn of the event loop. */
  #jobs: Job[] = [];
  /** Bytes of the file in use with what this transaction adds, once one of its jobs asked. */
  #usedBytes: number | undefined;
  /** The last count of the open file, and until when it will do. */
  #counted:
    | { readonly queries: OutboxQueries; readonly stats: OutboxStats; readonly until: number }
    | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#connection = new Connection(options);
  }

  /** Stores all or none of them; resolves when they are durable. @throws OutboxError */
  accept(entries: readonly Entry[], bad: readonly BadRow[] = []): Promise<readonly Disposition[]> {
    const { maxBytes } = this.#options;
    const bytes = sizeOf(entries) + sizeOf(bad);
    const bound = areUrgent(entries, bad) ? maxBytes : maxBytes * USUAL_SHARE;
    return this.#write((queries) => {
      this.#usedBytes = (this.#usedBytes ?? queries.usedBytes()) + bytes;
      if (this.#usedBytes > bound) throw new OutboxError('full');
      const dispositions = entries.map((entry) => this.#acceptOne(queries, entry));
      for (const row of bad) queries.insertBad(row, this.#now());
      return dispositions;
    });
  }

  #acceptOne(queries: OutboxQueries, entry: Entry): Disposition {
    const now = this.#now();
    const { disposition, replaces } = resolveEntry(queries.known(entry, now), entry);
    for (const id of replaces) queries.remove(id);
    if (disposition === 'new' || disposition === 'late') queries.insert(entry, now);
    else if (disposition === 'blocked' && entry.outcome === 'success') queries.absorb(entry, now);
    return disposition;
  }

  /** Returns the oldest records due for a backend. @throws OutboxError */
  async due(backend: string, limit: DueLimit): Promise<readonly Due[]> {
    const now = this.#now();
    if (await this.#read(({ sql }) => sql.hasOverdue.get(now))) {
      await this.#write(({ sql }) => sql.promote.run(now));
    }
    const { due, damaged } = await this.#read((queries) => this.#takeDue(queries, backend, limit));
    if (damaged.length > 0) {
      await this.#write(({ sql }) => {
        for (const id of damaged) sql.bury.run('damaged on disk', backend, id);
      });
      for (const _ of damaged) this.#options.events.unreadable(backend);
    }
    return due;
  }

  #takeDue(queries: OutboxQueries, backend: string, { records, bytes, except }: DueLimit) {
    const { firstId } = this.#connection;
    const due: Due[] = [];
    const damaged: number[] = [];
    let size = 0;
    for (const { record, attempts } of queries.sql.ready.iterate(backend)) {
      const id = firstId + Number(record);
      if (except.has(id)) continue;
      // A large one is alone in memory
      if (size > bytes) break;
      const one = queries.load(Number(record));
      if (one === undefined) {
        damaged.push(Number(record));
        continue;
      }
      size += one.payload.length;
      if (due.length > 0 && size > bytes) break;
      due.push({ id, attempts: Number(attempts), ...one });
      if (due.length === records) break;
    }
    return { due, damaged };
  }

  /** Stores the results of deliveries; resolves when they are durable. @throws OutboxError */
  ack(acks: readonly Ack[]): Promise<void> {
    return this.#write((queries) => {
      for (const ack of acks) {
        // Of this file, and not of one that was put aside since
        const ids = ack.ids.map((id) => id - this.#connection.firstId).filter((id) => id > 0);
        for (const id of ids) {
          if (ack.kind === 'delivered') queries.drop(ack.backend, READY, id);
          else if (ack.kind === 'retry') queries.sql.postpone.run(ack.dueAt, ack.backend, id);
          else queries.sql.bury.run(ack.reason, ack.backend, id);
        }
      }
    });
  }

  /** Returns the records of those calls that have any, by their keys. */
  async known(callKeys: Iterable<string>): Promise<ReadonlyMap<string, readonly OnRecord[]>> {
    return this.#read((queries) => {
      const found = Array.from(callKeys, (key) => [key, queries.onRecord(key)] as const);
      return new Map(found.filter(([, records]) => records.length > 0));
    });
  }

  /** Removes all records of the calls of these entries. */
  async forget(entries: readonly Entry[]): Promise<void> {
    await this.#write((queries) => {
      for (const { callKey } of entries) {
        for (const { id } of queries.sql.ofCall.all(callKey)) queries.remove(Number(id));
      }
    });
  }

  /** Keeps what the bridge needs to know of verdicts after a restart. */
  async appendNotes(chunk: Uint8Array): Promise<void> {
    await this.#write(({ sql }) => sql.insertNote.run(chunk));
  }

  /** The newest notes, oldest first. */
  async notes(): Promise<readonly Uint8Array[]> {
    return this.#read(({ sql }) => sql.notes.all().map(({ chunk }) => chunk as Uint8Array));
  }

  /** The oldest notes of a number, with their ids. */
  async oldestNotes(limit: number): Promise<readonly { readonly id: number; readonly chunk: Uint8Array }[]> {
    const rows = await this.#read(({ sql }) => sql.oldestNotes.all(limit));
    return rows.map(({ id, chunk }) => ({ id: Number(id), chunk: chunk as Uint8Array }));
  }

  /** Removes the notes up to an id: somebody else keeps them now. */
  async forgetNotes(upTo: number): Promise<true> {
    await this.#write(({ sql }) => sql.forgetNotes.run(upTo));
    return true;
  }

  async stats(): Promise<OutboxStats> {
    return this.#read((queries) => {
      const startedAt = performance.now();
      const counted = this.#counted;
      if (counted?.queries === queries && startedAt < counted.until) return counted.stats;
      const stats = this.#count(queries);
      // A count of a million takes its time: at most a fiftieth of all goes into counting
      const until = performance.now() + 50 * (performance.now() - startedAt);
      this.#counted = { queries, stats, until };
      return stats;
    });
  }

  #count(queries: OutboxQueries): OutboxStats {
    const { backends, maxBytes } = this.#options;
    const nothing = { records: 0, dead: 0, oldestAt: undefined };
    const counted: Record<string, BackendBacklog> = {};
    for (const name of backends) counted[name] = nothing;
    for (const { backend, due, waiting, dead, oldestAt } of queries.backlogs(this.#now())) {
      counted[backend] = { records: due + waiting, dead, oldestAt };
    }
    return { usedBytes: queries.usedBytes(), maxBytes, backends: counted };
  }

  /** Gives up and forgets what is too old or too much, a sweep at a time: others come in between. */
  async maintain(): Promise<void> {
    const now = this.#now();
    for (;;) {
      const { expired, crowded, forgotten } = await this.#write((queries) => this.#sweep(queries, now));
      for (const [backend, records] of expired) this.#options.events.expired(backend, records);
      if (crowded > 0) this.#options.events.crowded(crowded);
      if (Math.max(forgotten, crowded, ...expired.values()) < SWEEP) return;
    }
  }

  #sweep(queries: OutboxQueries, now: number) {
    const { maxBytes, maxAgeMs, historyMs = 24 * HOUR_MS } = this.#options;
    const used = queries.usedBytes() / maxBytes;
    const tightMs = used > FULL_SHARE ? Number.NEGATIVE_INFINITY : JOINED_MS;
    const doneBefore = now - Math.min(historyMs, used > HISTORY_SHARE ? tightMs : historyMs);
    queries.sql.deleteNotes.run(Math.min(MAX_NOTES_BYTES, maxBytes / 8));
    return {
      expired: queries.expire(now - maxAgeMs),
      crowded: queries.crowdOut(),
      forgotten: Number(queries.sql.deleteDone.run(doneBefore).changes),
    };
  }

  /** True if another process has written to the file since this was asked last: a command of the operator. */
  async changedElsewhere(): Promise<boolean> {
    return this.#read((queries) => queries.changedElsewhere());
  }

  async close(): Promise<void> {
    if (this.#jobs.length > 0) this.#commit(this.#jobs.splice(0));
    this.#connection.close();
  }

  async #read<T>(run: (queries: OutboxQueries) => T): Promise<T> {
    try {
      return run(this.#connection.open().queries);
    } catch (error) {
      throw this.#connection.failed(error);
    }
  }

  /** Runs in the next common transaction. */
  #write<T>(run: (queries: OutboxQueries) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#jobs.push({ run, resolve, reject });
      if (this.#jobs.length > 1) return;
      setImmediate(() => {
        if (this.#jobs.length > 0) this.#commit(this.#jobs.splice(0));
      });
    });
  }

  #commit(batch: readonly Job[], isAgain = false): void {
    let results: unknown[];
    try {
      results = this.#connection.transaction((queries) => {
        this.#usedBytes = undefined;
        return batch.map((job) => job.run(queries));
      });
    } catch (error) {
      const failure = this.#connection.failed(error);
      // It is put aside now, and what was asked is done with what could be read of it
      if (isDamage(error) && !isAgain) this.#commit(batch, true);
      // One of them may be to blame, but not for somebody else's lock, which each would wait for again
      else if (batch.length > 1 && this.#connection.isOpen && !isBusy(error)) {
        for (const job of batch) this.#commit([job]);
      } else for (const job of batch) job.reject(failure);
      return;
    }
    batch.forEach((job, i) => {
      job.resolve(results[i] as never);
    });
  }
}

function sizeOf(rows: readonly { readonly payload: string }[]): number {
  return rows.reduce((sum, { payload }) => sum + payload.length, 0);
}
