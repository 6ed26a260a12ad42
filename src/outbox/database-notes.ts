import { hash } from 'node:crypto';
import type { Database } from '../database/database.ts';
import { storableText } from './accepting.ts';
import type { Entry, SharedNotes } from './contract.ts';
import { idAt, noteBytes, noteLength, textAt } from './note-bytes.ts';
import { pack } from './packing.ts';
import { lockKeyOf } from './postgres-queries.ts';
import { recordIdOf } from './record-id.ts';

/** Notes kept in all, about 200 MB: beyond them the oldest go. */
const MAX_NOTES = 1_000_000;
/** Rows that one statement reads or removes, so that nothing waits long for it. */
const STEP = 5000;
/** Notes that are read of one call, the newest: a client can give its id to any number of calls. */
const MAX_ABOUT = 200;
/** Bytes of a hash that a number holds. */
const HASH_BYTES = 6;
/** A call that is finished leaves the notes of another one under its id, if they are as young as that. */
const YOUNG = "interval '30 seconds'";

/**
 * The commit does not wait for the disk: others see a note a millisecond after it was handed over. A crash of the server can take those of
 * the last half second, of calls whose records then lack a verdict.
 */
const QUICKLY = `quickly AS (SELECT set_config('synchronous_commit', 'off', true))`;

const SQL = {
  append: `
    WITH ${QUICKLY}
    INSERT INTO note (call_hash, digest, replica, body)
    SELECT one.call_hash, one.digest, $1, substring($2::bytea FROM one.start FOR one.length)
    FROM quickly, unnest($3::bigint[], $4::bigint[], $5::int[], $6::int[]) AS one (call_hash, digest, start, length)
    ON CONFLICT DO NOTHING`,
  about: `
    SELECT body FROM unnest($1::bigint[]) AS wanted (hash) CROSS JOIN LATERAL (
      SELECT body, noted_at FROM note WHERE call_hash = hash AND replica <> $2 ORDER BY noted_at DESC LIMIT ${MAX_ABOUT}) AS newest
    ORDER BY noted_at`,
  forget: `
    WITH ${QUICKLY}
    DELETE FROM note USING quickly WHERE call_hash = ANY ($1::bigint[]) AND noted_at < now() - ${YOUNG}`,
  lock: `SELECT pg_try_advisory_xact_lock(${lockKeyOf('notes')}) AS mine`,
  amend: `
    UPDATE payload SET codec = $4, checksum = $5, body = $6 FROM record
    WHERE hashtextextended(record.call_key, 0) = hashtextextended($1, 0) AND record.ended_at = $2
      AND record.record_id = $3::uuid AND payload.id = record.id
    RETURNING payload.id`,
  // A later note on a call that was told before adds nothing
  overdue: `
    WITH late AS MATERIALIZED (
      SELECT DISTINCT call_hash FROM (
        SELECT call_hash FROM note WHERE NOT reported AND noted_at < now() - $1 * interval '1 ms'
        ORDER BY noted_at LIMIT ${STEP}) AS oldest),
    told AS (
      UPDATE note SET reported = true FROM late
      WHERE note.call_hash = late.call_hash AND NOT note.reported
      RETURNING note.call_hash, note.body, note.noted_at)
    SELECT DISTINCT ON (call_hash) body FROM told
    WHERE NOT EXISTS (SELECT 1 FROM note AS before WHERE before.call_hash = told.call_hash AND before.reported)
    ORDER BY call_hash, noted_at`,
  expire: `
    DELETE FROM note WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM note WHERE reported AND noted_at < now() - $1 * interval '1 ms' ORDER BY noted_at LIMIT ${STEP}))`,
  size: `SELECT pg_stat_get_live_tuples('note'::regclass) AS notes`,
  crowdOut: `
    WITH gone AS (
      DELETE FROM note WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM note ORDER BY reported DESC, noted_at LIMIT $1))
      RETURNING call_hash, reported)
    SELECT count(DISTINCT call_hash) FILTER (WHERE NOT reported) AS calls FROM gone`,
};

/** Notes of all replicas, in Postgres: none waits for another's, and each is read with the event of its call. */
export class DatabaseNotes implements SharedNotes {
  readonly #database: Database;
  readonly #replica: number;

  /** @param replica tells this run of a replica from all others */
  constructor(database: Database, replica: number) {
    this.#database = database;
    this.#replica = replica;
  }

  /** Hands notes to the others; the same notes again add nothing. @throws DatabaseError */
  async append(chunk: Uint8Array): Promise<void> {
    const notes = noteBytes(chunk);
    const [calls, digests, starts, lengths]: [number[], number[], number[], number[]] = [[], [], [], []];
    for (let at = 0, length = noteLength(notes, 0); length !== undefined; length = noteLength(notes, at)) {
      calls.push(hashOfId(textAt(notes, idAt(notes, at))));
      digests.push(hashed(notes.bytes.subarray(at, at + length)));
      starts.push(at + 1);
      lengths.push(length);
      at += length;
    }
    if (calls.length === 0) return;
    const values = [this.#replica, notes.bytes, calls, digests, starts, lengths];
    await this.#database.query(SQL.append, values, 'notes append');
  }

  /** The newest of what other replicas noted on these calls, and this one before it was started again; the oldest first. @throws DatabaseError */
  async about(callIds: readonly string[]): Promise<readonly Uint8Array[]> {
    if (callIds.length === 0) return [];
    const values = [callIds.map(hashOfId), this.#replica];
    const rows = await this.#database.query<{ body: Buffer }>(SQL.about, values, 'notes about');
    return rows.map(({ body }) => body);
  }

  /** Puts content in place of that of a record that is still to be delivered; false if there is none. @throws DatabaseError */
  async amend(entry: Entry): Promise<boolean> {
    const { codec, checksum, body } = pack(entry.payload);
    const values = [storableText(entry.callKey), entry.endedAt, recordIdOf(entry), codec, checksum, body];
    return (await this.#database.query(SQL.amend, values, 'notes amend')).length > 0;
  }

  /** Forgets all notes on calls that are finished. @throws DatabaseError */
  async forget(callIds: readonly string[]): Promise<void> {
    if (callIds.length > 0) await this.#database.query(SQL.forget, [callIds.map(hashOfId)], 'notes forget');
  }

  /**
   * The first note on each call that began that long ago and is not finished; each call is told once, to one replica.
   *
   * @throws DatabaseError
   */
  async overdue(ageMs: number): Promise<readonly Uint8Array[]> {
    return this.#database.transaction(async (tx) => {
      const [lock] = await tx.query<{ mine: boolean }>(SQL.lock);
      if (lock?.mine !== true) return [];
      const rows = await tx.query<{ body: Buffer }>(SQL.overdue, [ageMs]);
      return rows.map(({ body }) => body);
    });
  }

  /**
   * Removes notes that are older, and the oldest where there are too many.
   *
   * @returns the calls whose notes went before it was known how they ended
   * @throws DatabaseError
   */
  async expire(ageMs: number, maxNotes = MAX_NOTES): Promise<number> {
    await this.#database.query(SQL.expire, [ageMs]);
    const [size] = await this.#database.query<{ notes: number }>(SQL.size);
    const tooMany = Math.min((size?.notes ?? 0) - maxNotes, 10 * STEP);
    if (tooMany <= 0) return 0;
    const [gone] = await this.#database.query<{ calls: number }>(SQL.crowdOut, [tooMany]);
    return gone?.calls ?? 0;
  }
}

function hashOfId(callId: string): number {
  return hash('sha1', callId, 'buffer').readUIntBE(0, HASH_BYTES);
}

function hashed(bytes: Uint8Array): number {
  return hash('sha1', bytes, 'buffer').readUIntBE(0, HASH_BYTES);
}
