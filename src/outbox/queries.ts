import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { isAboutValues } from '../storage/storage-code.ts';
import { type BadRow, callIdOfKey, type Due, type Entry, namelessKey, type OnRecord } from './contract.ts';
import { type Known, NEAR_MS } from './one-record.ts';
import { recordIdOf } from './record-id.ts';
import { DEAD, INTAKE, READY, WAITING } from './schema.ts';

/** Rows changed in one sweep, so that nothing waits long for it. */
export const SWEEP = 1000;

/** Most records compared per call ID: a client can give all its calls the same one, and each would cost all before it. */
export const MAX_KNOWN = 100;

/** Most rows kept that could not be read at all, of some kilobytes each. */
const MAX_UNREADABLE = 10_000;

/** Bytes of UTF-8 for one UTF-16 unit, at most. */
const MAX_UTF8 = 3;
/** Bytes to encode in, enough for most payloads. */
const SCRATCH_BYTES = 256 * 1024;

/** Walks the key from name to name, where DISTINCT reads every row. */
export const BACKEND_NAMES = `
  WITH RECURSIVE names (backend) AS (
    SELECT min(backend) FROM delivery
    UNION ALL SELECT (SELECT min(backend) FROM delivery WHERE backend > names.backend) FROM names
    WHERE backend IS NOT NULL)
  SELECT backend FROM names WHERE backend IS NOT NULL`;

/** Deliveries of a backend, the first parameter, in a state. */
const queue = (state: number) => `FROM delivery WHERE backend = ?1 AND state = ${state}`;
const since = (state: number) =>
  `SELECT * FROM (SELECT accepted_at AS at FROM delivery JOIN record ON id = record
   WHERE backend = ?1 AND state = ${state} ORDER BY record LIMIT 1)`;

const KNOWN = `
    SELECT id, outcome, event_key AS eventKey, started_at AS startedAt, ended_at AS endedAt, trace, ref,
      call_key AS callKey,
      held_until > ? AND pending > 0 AS held, absorbed
    FROM record`;

const SQL = {
  known: `
    ${KNOWN} WHERE call_key = ? AND ended_at >= ? AND started_at <= ? ORDER BY ended_at DESC LIMIT ${MAX_KNOWN}`,
  knownByRef: `${KNOWN} WHERE ref = ? AND call_key <> ? AND ended_at >= ? AND started_at <= ? LIMIT ${MAX_KNOWN}`,
  onRecord: `
    SELECT outcome, trace, accepted_at AS acceptedAt FROM record WHERE call_key = ? ORDER BY ended_at DESC LIMIT ${MAX_KNOWN}`,
  insertRecord: `
    INSERT INTO record (record_id, call_key, outcome, event_key, started_at, ended_at, trace, ref, accepted_at,
    held_until, absorbed, pending) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  insertPayload: 'INSERT INTO payload (id, checksum, body) VALUES (?, ?, CAST(? AS TEXT))',
  insertDelivery: `
    INSERT INTO delivery (backend, state, record, due_at, attempts, reason) VALUES (?, ?, ?, ?, 0, ?)`,
  deleteRecord: 'DELETE FROM record WHERE id = ?',
  deletePayload: 'DELETE FROM payload WHERE id = ?',
  deleteDelivery: 'DELETE FROM delivery WHERE backend = ? AND state = ? AND record = ?',
  lessPending: 'UPDATE record SET pending = pending - 1 WHERE id = ? RETURNING pending',

  hasOverdue: `SELECT 1 FROM delivery WHERE state = ${WAITING} AND due_at <= ? LIMIT 1`,
  promote: `UPDATE delivery SET state = ${READY} WHERE state = ${WAITING} AND due_at <= ?`,
  ready: `SELECT record, attempts ${queue(READY)} ORDER BY record`,
  load: `
    SELECT record_id AS recordId, accepted_at AS acceptedAt, checksum, body
    FROM record JOIN payload USING (id) WHERE id = ?`,
  postpone: `
    UPDATE delivery SET state = ${WAITING}, due_at = ?, attempts = attempts + 1
    WHERE backend = ? AND state = ${READY} AND record = ?`,
  bury: `UPDATE delivery SET state = ${DEAD}, reason = ? WHERE backend = ? AND state = ${READY} AND record = ?`,

  backends: BACKEND_NAMES,
  backlog: `
    SELECT (SELECT count(*) ${queue(READY)}) + (SELECT count(*) ${queue(WAITING)} AND due_at <= ?2) AS due,
      (SELECT count(*) ${queue(WAITING)} AND due_at > ?2) AS waiting, (SELECT count(*) ${queue(DEAD)}) AS dead,
      (SELECT min(at) FROM (${since(READY)} UNION ALL ${since(WAITING)})) AS oldestAt,
      (${since(DEAD)}) AS oldestDeadAt`,
  usedBytes: `
    SELECT (page_count - freelist_count) * page_size AS bytes
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size`,
  dataVersion: 'PRAGMA data_version',

  // Of the first ones alone: they are about as old as their ids, and there can be a million
  old: `
    SELECT record FROM (SELECT record FROM delivery WHERE backend = ? AND state = ? ORDER BY record LIMIT ${SWEEP})
    JOIN record ON id = record WHERE accepted_at < ?`,
  crowded: `
    SELECT record FROM delivery WHERE backend = '${INTAKE}' AND state = ${DEAD} AND record <=
    (SELECT record FROM delivery WHERE backend = '${INTAKE}' AND state = ${DEAD}
     ORDER BY record DESC LIMIT 1 OFFSET ${MAX_UNREADABLE}) ORDER BY record LIMIT ${SWEEP}`,
  deleteDone: `
    DELETE FROM record WHERE id IN
    (SELECT id FROM record WHERE pending = 0 AND accepted_at < ? ORDER BY accepted_at LIMIT ${SWEEP})`,

  ofCall: 'SELECT id FROM record WHERE call_key = ?',
  insertNote: `
    INSERT INTO note (size_before, chunk)
    VALUES (coalesce((SELECT size_before + length(chunk) FROM note ORDER BY id DESC LIMIT 1), 0), ?)`,
  notes: 'SELECT chunk FROM note ORDER BY id',
  oldestNotes: 'SELECT id, chunk FROM note ORDER BY id LIMIT ?',
  forgetNotes: 'DELETE FROM note WHERE id <= ?',
  // The oldest beyond a number of bytes
  deleteNotes: `
    DELETE FROM note WHERE id IN (SELECT id FROM note
    WHERE size_before < (SELECT size_before FROM note ORDER BY id DESC LIMIT 1) - ? ORDER BY id LIMIT ${SWEEP})`,
};

/** The deliveries of one backend by their state, at one moment. Times are Unix milliseconds. */
export type Backlog = {
  readonly backend: string;
  readonly due: number;
  readonly waiting: number;
  readonly dead: number;
  /** When the oldest that is due or waits was accepted. */
  readonly oldestAt: number | undefined;
  readonly oldestDeadAt: number | undefined;
};

/** Prepared statements by their names. */
export type Statements<Sql> = Readonly<Record<keyof Sql, StatementSync>>;

export function prepareAll<Sql extends Readonly<Record<string, string>>>(
  db: DatabaseSync,
  sql: Sql,
): Statements<Sql> {
  const statements = Object.entries(sql).map(([name, text]) => [name, db.prepare(text)]);
  return Object.fromEntries(statements) as Statements<Sql>;
}

type Row = Record<string, SQLOutputValue>;

/** True if a content is what was stored. */
export function isIntact({ body, checksum }: Row): boolean {
  return typeof body === 'string' && crc32(body) === checksum;
}

/**
 * The statements on an open outbox that the bridge and the commands of the operator share, and those of the bridge. They
 * belong into a transaction of the caller's where they change more than a row.
 */
export class OutboxQueries {
  readonly sql: Statements<typeof SQL>;
  readonly #encoder = new TextEncoder();
  /** Usual payloads are encoded here, and read by SQLite from here. */
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);
  /** Changes with every commit of another connection. */
  #dataVersion: number | undefined;

  constructor(db: DatabaseSync) {
    this.sql = prepareAll(db, SQL);
  }

  /** Records that may be about the same call as an entry, and are near enough in time. */
  known({ callKey, outcome, startedAt, endedAt, ref, words }: Entry, now: number): Known[] {
    const times = [startedAt - NEAR_MS, endedAt + NEAR_MS];
    const rows = this.sql.known.all(now, callKey, ...times);
    if (ref !== undefined) rows.push(...this.#joinedByRef(callKey, now, ref, times));
    else if (outcome === 'failure' && words !== undefined) {
      rows.push(...this.sql.known.all(now, namelessKey(words), ...times));
    }
    // Field by field: to spread a row costs half as much again as to read it
    return rows.map((row) => ({
      id: Number(row.id),
      outcome: row.outcome as Known['outcome'],
      eventKey: String(row.eventKey),
      startedAt: Number(row.startedAt),
      endedAt: Number(row.endedAt),
      trace: row.trace as string | null,
      ref: row.ref as string | null,
      held: row.held === 1,
      absorbed: row.absorbed === 1,
    }));
  }

  onRecord(callKey: string): OnRecord[] {
    return this.sql.onRecord.all(callKey) as unknown as OnRecord[];
  }

  /** A blocked call without an id, for the failure that LiteLLM logs under one, and the other way round. */
  #joinedByRef(callKey: string, now: number, ref: string, times: number[]): Row[] {
    const isNameless = callIdOfKey(callKey) === null;
    const rows = this.sql.knownByRef.all(now, ref, callKey, ...times);
    return rows.filter((row) => isNameless || callIdOfKey(String(row.callKey)) === null);
  }

  insert(entry: Entry, now: number): void {
    const { backends, payload, holdMs, acceptedAt = now } = entry;
    const id = this.#insertRecord(entry, acceptedAt, backends.length, 0);
    if (backends.length === 0) return;
    this.#insertPayload(id, payload);
    const dueAt = acceptedAt + holdMs;
    const state = holdMs > 0 && dueAt > now ? WAITING : READY;
    for (const backend of backends) this.sql.insertDelivery.run(backend, state, id, dueAt, null);
  }

  /** Remembers a success that adds no record of its own. */
  absorb(entry: Entry, now: number): void {
    this.#insertRecord(entry, entry.acceptedAt ?? now, 0, 1);
  }

  insertBad({ reason, payload }: BadRow, now: number): void {
    const row = ['', '', INTAKE, '', now, now, null, null, now, 0, 0, 1];
    const id = Number(this.sql.insertRecord.run(...row).lastInsertRowid);
    this.#insertPayload(id, payload);
    this.sql.insertDelivery.run(INTAKE, DEAD, id, now, reason);
  }

  #insertRecord(entry: Entry, acceptedAt: number, pending: number, absorbed: 0 | 1): number {
    const { callKey, outcome, eventKey, startedAt, endedAt, trace = null, ref = null, holdMs } = entry;
    const recordId = recordIdOf(entry);
    const { lastInsertRowid } = this.sql.insertRecord.run(
      ...[recordId, callKey, outcome, eventKey, startedAt, endedAt, trace, ref, acceptedAt],
      ...[holdMs > 0 ? acceptedAt + holdMs : 0, absorbed, pending],
    );
    return Number(lastInsertRowid);
  }

  /** Encodes once, for the checksum and for SQLite: either would do it again, and it costs as much as storing the rest. */
  #insertPayload(id: number, payload: string): void {
    const isUsual = payload.length * MAX_UTF8 <= SCRATCH_BYTES;
    const scratch = isUsual ? this.#scratch : new Uint8Array(Buffer.byteLength(payload));
    const body = scratch.subarray(0, this.#encoder.encodeInto(payload, scratch).written);
    this.sql.insertPayload.run(id, crc32(body), body);
    // Frees it at once
    if (!isUsual) scratch.buffer.transfer(0);
  }

  /** Removes a waiting record whose place another event has taken. */
  remove(id: number): void {
    // Ready too, if the clock was set back since
    for (const backend of this.backends()) {
      for (const state of [READY, WAITING]) this.sql.deleteDelivery.run(backend, state, id);
    }
    this.sql.deletePayload.run(id);
    this.sql.deleteRecord.run(id);
  }

  /** Reads a record that is due; undefined if it is not what was stored. */
  load(id: number): Omit<Due, 'id' | 'attempts'> | undefined {
    try {
      const row = this.sql.load.get(id);
      if (row === undefined || !isIntact(row)) return undefined;
      const { recordId, acceptedAt, body } = row;
      return { recordId: String(recordId), acceptedAt: Number(acceptedAt), payload: String(body) };
    } catch (error) {
      if (isAboutValues(error)) return undefined;
      throw error;
    }
  }

  /** Ends a delivery: it was made, or is given up. Removes the content that no backend needs any more. */
  drop(backend: string, state: number, id: number): boolean {
    if (this.sql.deleteDelivery.run(backend, state, id).changes === 0) return false;
    if (this.sql.lessPending.get(id)?.pending === 0) this.sql.deletePayload.run(id);
    return true;
  }

  /** The backends that have not got everything. */
  backends(): string[] {
    return this.sql.backends.all().map(({ backend }) => String(backend));
  }

  backlogs(now: number): Backlog[] {
    return this.backends().map((backend) => {
      const { oldestAt, oldestDeadAt, ...counts } = this.sql.backlog.get(backend, now) as Row;
      return { backend, ...counts, oldestAt: oldestAt ?? undefined, oldestDeadAt: oldestDeadAt ?? undefined };
    }) as Backlog[];
  }

  /** Bytes of the file in use. */
  usedBytes(): number {
    return Number(this.sql.usedBytes.get()?.bytes);
  }

  /** True if another connection has committed since this was asked last. */
  changedElsewhere(): boolean {
    const before = this.#dataVersion;
    this.#dataVersion = Number(this.sql.dataVersion.get()?.data_version);
    return before !== undefined && before !== this.#dataVersion;
  }

  /** Gives up what was accepted before a time and is not delivered, a sweep of each queue; how many of each backend. */
  expire(before: number): Map<string, number> {
    const expired = new Map<string, number>();
    for (const backend of this.backends()) {
      for (const state of [READY, WAITING, DEAD]) {
        const old = this.sql.old.all(backend, state, before);
        for (const { record } of old) this.drop(backend, state, Number(record));
        if (old.length > 0) expired.set(backend, (expired.get(backend) ?? 0) + old.length);
      }
    }
    return expired;
  }

  /** Keeps the newest of the rows that nobody can read: whoever sends nothing else must not fill the outbox. */
  crowdOut(): number {
    const old = this.sql.crowded.all();
    for (const { record } of old) this.drop(INTAKE, DEAD, Number(record));
    return old.length;
  }
}
