import type { Database, Queries } from '../database/database.ts';
import { oneAfterAnother } from '../database/one-after-another.ts';
import { AcceptQueue } from './accept-queue.ts';
import { storableText } from './accepting.ts';
import {
  type Ack,
  type BadRow,
  type Disposition,
  type Due,
  type DueLimit,
  type Entry,
  type OnRecord,
  OutboxError,
  type OutboxEvents,
  type OutboxStats,
  type RecordOutbox,
  type SharedNotes,
  type SharedStops,
} from './contract.ts';
import { DatabaseNotes } from './database-notes.ts';
import { DatabaseStops } from './database-stops.ts';
import { type Packed, unpack } from './packing.ts';
import { POSTGRES_SQL } from './postgres-queries.ts';
import { PostgresSweeps } from './postgres-sweeps.ts';
import { PostgresTally } from './postgres-tally.ts';
import { Presence } from './presence.ts';
import { QueueFloors } from './queue-floors.ts';
import { tried } from './tries.ts';

export type PostgresOutboxOptions = {
  /** Closed with the outbox. */
  readonly database: Database;
  /** Tells this run of a replica from all others: a number below 2^53, by chance. */
  readonly replica: number;
  /** The replica, for people who look into the table. */
  readonly name: string;
  readonly backends: readonly string[];
  /** Bound of the contents of records. Beyond nineteen twentieths of it only blocked calls are stored. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** Time in which the later events of a call are recognised. Default 24 h. */
  readonly historyMs?: number;
  /** Milliseconds after which the records of a replica that is gone are another's. Default 30 s. */
  readonly leaseMs?: number;
  readonly events: OutboxEvents;
  /** Default: the clock of the database, which the times of this machine are translated to. */
  readonly now?: () => number;
};

const HOUR_MS = 3_600_000;
/** A backend without a queue here has its records released after this time. */
const IDLE_MS = 120_000;

/**
 * Keeps records in the Postgres that replicas share, until every backend has them: one record for each call and backend, whichever replica its
 * events came to. What comes in within a few milliseconds is committed together. Replicas decide about a call one after the other, and
 * deliver different records: each leases those that it is handed, as long as it is seen.
 */
export class PostgresOutbox implements RecordOutbox {
  readonly #options: PostgresOutboxOptions;
  readonly #database: Database;
  readonly #presence: Presence;
  readonly #tally: PostgresTally;
  readonly #sweeps: PostgresSweeps;
  readonly #accepting: AcceptQueue;
  readonly #notes: DatabaseNotes;
  readonly stops: SharedStops;
  /** When each backend was asked for here, by `performance.now()`. */
  readonly #asked = new Map<string, number>();
  readonly #floors = new QueueFloors();
  #signal: number | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: PostgresOutboxOptions) {
    const { database, replica, maxAgeMs, historyMs = 24 * HOUR_MS, events } = options;
    this.#options = options;
    this.#database = database;
    this.#presence = new Presence({
      ...{ database, replica, name: options.name, leaseMs: options.leaseMs },
      onReleased: (backend, records) => events.takenOver?.(backend, records),
    });
    this.#tally = new PostgresTally(database, options);
    this.#sweeps = new PostgresSweeps(database, { maxAgeMs, historyMs, events });
    this.#notes = new DatabaseNotes(database, replica);
    this.stops = new DatabaseStops(database, replica);
    this.#accepting = new AcceptQueue({
      ...{ tally: this.#tally, maxBytes: options.maxBytes },
      change: (run) => this.#change((tx) => run(tx, this.#now())),
      graceMs: () => this.#presence.graceMs,
      use: (run) => this.#use(run),
      translated: (time) => this.#translated(time),
    });
  }

  async accept(entries: readonly Entry[], bad: readonly BadRow[] = []): Promise<readonly Disposition[]> {
    if (this.#closing !== undefined) throw new OutboxError('unavailable');
    return this.#accepting.accept(entries, bad);
  }

  async due(backend: string, { records, bytes, except }: DueLimit): Promise<readonly Due[]> {
    const { replica, events } = this.#options;
    const startedAt = performance.now();
    this.#asked.set(backend, startedAt);
    const from = this.#floors.of(backend);
    const most = Math.min(bytes, Number.MAX_SAFE_INTEGER);
    const rows = await this.#use(() =>
      this.#database.query<Omit<Due, 'payload'> & Packed>(
        POSTGRES_SQL.due,
        [backend, replica, [...except], records, most, this.#now() - this.#presence.graceMs, from],
        'outbox due',
      ),
    );
    this.#floors.looked(
      backend,
      from,
      rows.map(({ id }) => id),
      performance.now() - startedAt,
    );
    const due: Due[] = [];
    const damaged: number[] = [];
    for (const { id, recordId, acceptedAt, attempts, ...packed } of rows) {
      const payload = packed.body === null ? undefined : unpack(packed);
      if (payload === undefined) damaged.push(id);
      else due.push({ id, recordId, acceptedAt, attempts, payload });
    }
    if (damaged.length > 0) {
      await this.ack([{ kind: 'dead', backend, ids: damaged, reason: 'damaged in the database' }]);
      for (const _ of damaged) events.unreadable(backend);
    }
    return due;
  }

  async ack(acks: readonly Ack[]): Promise<void> {
    const delivered = acks.flatMap(({ kind, ids }) => (kind === 'delivered' ? ids : []));
    if (acks.length === 0) return;
    await this.#change(async (tx) => {
      const locking =
        delivered.length > 0
          ? [tx.query(POSTGRES_SQL.lockContents, [delivered], 'outbox lock contents')]
          : [];
      await oneAfterAnother([...locking, ...acks.map((one) => this.#settle(tx, one))]);
    });
  }

  #settle(tx: Queries, ack: Ack): Promise<unknown> {
    const values = [ack.backend, ack.ids, this.#options.replica];
    switch (ack.kind) {
      case 'delivered':
        return tx.query(POSTGRES_SQL.drop, values, 'outbox drop');
      case 'retry':
        return tx.query(POSTGRES_SQL.postpone, [...values, this.#translated(ack.dueAt)], 'outbox postpone');
      case 'dead':
        return tx.query(POSTGRES_SQL.bury, [...values, storableText(ack.reason)], 'outbox bury');
    }
  }

  async known(callKeys: Iterable<string>): Promise<ReadonlyMap<string, readonly OnRecord[]>> {
    const keys = new Map(Array.from(callKeys, (key) => [storableText(key), key]));
    const rows = await this.#use(() =>
      this.#database.query<OnRecord & { callKey: string }>(
        POSTGRES_SQL.onRecord,
        [[...keys.keys()]],
        'outbox on record',
      ),
    );
    const found = new Map<string, OnRecord[]>();
    for (const { callKey, ...one } of rows) {
      const key = keys.get(callKey) ?? callKey;
      const others = found.get(key);
      if (others === undefined) found.set(key, [one]);
      else others.push(one);
    }
    return found;
  }

  get sharedNotes(): SharedNotes {
    return this.#notes;
  }

  appendNotes(chunk: Uint8Array): Promise<void> {
    return this.#use(() => this.#notes.append(chunk));
  }

  /** None: those of an earlier run are read with the events of their calls, as all others are. */
  async notes(): Promise<readonly Uint8Array[]> {
    return [];
  }

  stats(): Promise<OutboxStats> {
    return this.#use(() => this.#tally.stats());
  }

  async maintain(): Promise<void> {
    const { replica, backends } = this.#options;
    await this.#use(async () => this.#sweeps.sweep(this.#now(), await this.#tally.room()));
    for (const [backend, at] of this.#asked) {
      if (backends.includes(backend) || performance.now() - at < IDLE_MS) continue;
      this.#asked.delete(backend);
      await this.#use(() => this.#database.query(POSTGRES_SQL.releaseBackend, [replica, backend]));
    }
  }

  async changedElsewhere(): Promise<boolean> {
    const [row] = await this.#use(() =>
      this.#database.query<{ version: number }>(POSTGRES_SQL.signal, [], 'outbox signal'),
    );
    const before = this.#signal;
    this.#signal = row?.version;
    const hasChanged = before !== undefined && before !== this.#signal;
    if (hasChanged) this.#floors.reset();
    return hasChanged;
  }

  close(): Promise<void> {
    this.#closing ??= this.#accepting
      .end()
      .then(() => this.#presence.leave().catch(() => {}))
      .then(() => this.#database.close());
    return this.#closing;
  }

  #now(): number {
    return this.#options.now?.() ?? this.#presence.now();
  }

  /** A time of this machine by the clock of the database. */
  #translated(time: number): number {
    return this.#options.now === undefined ? Math.round(time - Date.now() + this.#now()) : time;
  }

  #change<T>(run: (tx: Queries) => Promise<T>): Promise<T> {
    return this.#use(() => this.#database.transaction(run));
  }

  #use<T>(run: () => Promise<T>): Promise<T> {
    return tried(async () => {
      await this.#presence.here();
      return run();
    });
  }
}
