import { MAX_KNOWN } from './queries.ts';
import { DEAD, INTAKE, READY, WAITING } from './schema.ts';

/** Rows changed in one statement of maintenance, so that nothing waits long for it. */
export const SWEEP_ROWS = 1000;

/** Most rows kept that could not be read at all. */
const MAX_UNREADABLE = 10_000;

/** Beyond that many rows they are not counted one by one: that would take longer than a statement may. */
export const MANY = 1_000_000;

/** The time of the database, Unix milliseconds. */
export const CLOCK = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

/** A lock of this schema for one purpose: advisory locks are those of the whole database. */
export const lockKeyOf = (purpose: string) => `hashtextextended(current_schema() || ' ${purpose}', 1)`;

const RECORD = `id, outcome, event_key AS "eventKey", started_at AS "startedAt", ended_at AS "endedAt", trace, ref,
  call_key AS "callKey", absorbed, held_until`;
/** `wanted` is the event that records are looked up for. */
const NEAR = 'ended_at >= wanted.from_at AND started_at <= wanted.to_at';
const knownBy = (key: string) => `
  (SELECT ${RECORD} FROM record
   WHERE hashtextextended(call_key, 0) = hashtextextended(wanted.${key}, 0) AND call_key = wanted.${key} AND ${NEAR}
   ORDER BY ended_at DESC LIMIT ${MAX_KNOWN})`;

/** Other deliveries of a record than those of a backend. */
const OTHERS = 'SELECT FROM delivery AS other WHERE other.record = payload.id AND other.backend <> $1';

/** Walks the index from name to name, where DISTINCT reads every row. */
const NAMES = `
  WITH RECURSIVE names (backend) AS (
    SELECT min(backend) FROM delivery
    UNION ALL SELECT (SELECT min(backend) FROM delivery WHERE backend > names.backend) FROM names
    WHERE backend IS NOT NULL)`;

/** Leases are at the heads of queues: what is handed out is always the oldest. So the rest, which can be millions, is not read. */
const HEAD_ROWS = 100_000;
const release = (which: string) => `
  UPDATE delivery SET owner = NULL FROM names CROSS JOIN LATERAL (
    SELECT record, owner FROM delivery WHERE backend = names.backend AND state = ${READY} ORDER BY record LIMIT ${HEAD_ROWS}) AS head
  WHERE delivery.record = head.record AND delivery.backend = names.backend AND delivery.state = ${READY}
    AND head.owner IS NOT NULL ${which}`;

/** The statements of the outbox in Postgres. Each is prepared under its name. */
export const POSTGRES_SQL = {
  /** So that one replica at a time decides about a call: $1 all that can join events with it, in one order everywhere. */
  lockCalls: `
    WITH gate AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(${lockKeyOf('calls')}))
    SELECT count(pg_advisory_xact_lock(key)) AS locks
    FROM gate, (SELECT DISTINCT hashtextextended(name, 1) AS key FROM unnest($1::text[]) AS name ORDER BY key) AS keys`,
  /** The same for more calls than the server has room for. */
  lockAllCalls: `SELECT count(pg_advisory_xact_lock(${lockKeyOf('calls')})) AS locks`,

  /** Records that may be about the same calls as events, by the number of the event; a hold counts that ends after $6. */
  known: `
    SELECT wanted.n - 1 AS n, found.*,
      held_until > $6 AND EXISTS (SELECT FROM delivery WHERE record = found.id)
      AND NOT EXISTS (
        SELECT FROM delivery WHERE record = found.id AND (owner IS NOT NULL OR attempts > 0 OR state = ${DEAD})) AS held
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
      WITH ORDINALITY AS wanted (call_key, other_key, ref, from_at, to_at, n)
    CROSS JOIN LATERAL (
      ${knownBy('call_key')}
      UNION ALL
      ${knownBy('other_key')}
      UNION ALL
      (SELECT ${RECORD} FROM record
       WHERE hashtextextended(ref, 0) = hashtextextended(wanted.ref, 0) AND ref = wanted.ref
         AND call_key <> wanted.call_key AND ${NEAR} LIMIT ${MAX_KNOWN})
    ) AS found`,
  onRecord: `
    SELECT found.* FROM unnest($1::text[]) AS wanted (call_key) CROSS JOIN LATERAL (
      SELECT call_key AS "callKey", outcome, trace, accepted_at AS "acceptedAt" FROM record
      WHERE hashtextextended(call_key, 0) = hashtextextended(wanted.call_key, 0) AND call_key = wanted.call_key
      ORDER BY ended_at DESC LIMIT ${MAX_KNOWN}) AS found`,

  /** Takes back what waits, unless a replica has been handed it meanwhile. */
  takeBack: `DELETE FROM delivery WHERE record = ANY ($1) AND owner IS NULL AND attempts = 0 AND state <> ${DEAD}`,
  /** The rest of that; counts deliveries that could not be taken back. */
  remove: `
    WITH content AS (DELETE FROM payload WHERE id = ANY ($1)), event AS (DELETE FROM record WHERE id = ANY ($1))
    SELECT count(*) AS left FROM delivery WHERE record = ANY ($1)`,

  /** Records with their contents, all in $1, and their deliveries. Returns the numbers of those that were there already. */
  insert: `
    WITH new AS MATERIALIZED (
      SELECT nextval('record_id_seq') AS id, one.*
      FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::text[],
        $10::bigint[], $11::bigint[], $12::boolean[], $13::int[], $14::int[], $15::smallint[], $16::bigint[], $17::bigint[],
        $18::smallint[], $19::bigint[], $20::text[])
        WITH ORDINALITY AS one (record_id, call_key, outcome, event_key, started_at, ended_at, trace, ref,
          accepted_at, held_until, absorbed, start, length, codec, checksum, chars, state, due_at, reason, n)),
    stored AS (
      INSERT INTO record (id, record_id, call_key, outcome, event_key, started_at, ended_at, trace, ref, accepted_at, held_until, absorbed)
      SELECT id, record_id, call_key, outcome, event_key, started_at, ended_at, trace, ref, accepted_at, held_until, absorbed
      FROM new ORDER BY n ON CONFLICT DO NOTHING RETURNING id),
    content AS (
      INSERT INTO payload (id, codec, checksum, body)
      SELECT id, codec, checksum, substring($1::bytea FROM start FOR length)
      FROM new JOIN stored USING (id) WHERE length IS NOT NULL ORDER BY n),
    queued AS (
      INSERT INTO delivery (record, backend, state, due_at, chars, reason)
      SELECT id, receiver.backend, state, due_at, chars, reason
      FROM unnest($21::int[], $22::text[]) AS receiver (n, backend) JOIN new ON new.n = receiver.n JOIN stored USING (id)
      ORDER BY new.n)
    SELECT n - 1 AS n FROM new LEFT JOIN stored USING (id) WHERE stored.id IS NULL`,

  /**
   * Leases the oldest that are due to $2: $3 those it has, $4 and $5 how many records and characters, of what is ready from record $7 on. What
   * waited until $6 and is not among them is ready from now on.
   */
  due: `
    WITH ready AS MATERIALIZED (
      SELECT record, attempts, chars, owner FROM delivery
      WHERE backend = $1 AND state = ${READY} AND record >= $7 AND (owner IS NULL OR owner = $2)
        AND record <> ALL ($3::bigint[])
      ORDER BY record LIMIT $4 FOR UPDATE SKIP LOCKED),
    waited AS MATERIALIZED (
      SELECT record, attempts, chars, owner FROM delivery
      WHERE backend = $1 AND state = ${WAITING} AND due_at <= $6
      ORDER BY due_at LIMIT greatest($4, ${SWEEP_ROWS}) FOR UPDATE SKIP LOCKED),
    sized AS (
      SELECT *, sum(chars) OVER by_age AS total, row_number() OVER by_age AS place
      FROM (SELECT * FROM ready UNION ALL SELECT * FROM waited WHERE record <> ALL ($3::bigint[])) AS either
      WINDOW by_age AS (ORDER BY record)),
    chosen AS MATERIALIZED (SELECT record, attempts, owner FROM sized WHERE place <= $4 AND (total <= $5::bigint OR place = 1)),
    leased AS (
      UPDATE delivery SET owner = $2, state = ${READY} FROM chosen
      WHERE delivery.record = chosen.record AND backend = $1 AND chosen.owner IS NULL),
    readied AS (
      UPDATE delivery SET state = ${READY} FROM waited
      WHERE delivery.record = waited.record AND backend = $1
        AND NOT EXISTS (SELECT FROM chosen WHERE chosen.record = waited.record))
    SELECT chosen.record AS id, replace(record_id::text, '-', '') AS "recordId", accepted_at AS "acceptedAt", attempts,
      codec, checksum, body
    FROM chosen JOIN record ON record.id = chosen.record LEFT JOIN payload ON payload.id = chosen.record
    ORDER BY chosen.record`,

  /** In one order, as another backend can be done with the same records at the same time. */
  lockContents:
    'SELECT count(*) FROM (SELECT FROM payload WHERE id = ANY ($1) ORDER BY id FOR UPDATE) AS locked',
  /** Ends deliveries to a backend of records that are locked, and removes the content that no other needs. $3 is their owner, if it matters. */
  drop: `
    WITH gone AS (
      DELETE FROM delivery WHERE backend = $1 AND record = ANY ($2) AND ($3::bigint IS NULL OR owner = $3) RETURNING record),
    content AS (DELETE FROM payload USING gone WHERE id = gone.record AND NOT EXISTS (${OTHERS}))
    SELECT record FROM gone`,
  postpone: `
    UPDATE delivery SET state = ${WAITING}, owner = NULL, due_at = $4, attempts = attempts + 1
    WHERE backend = $1 AND record = ANY ($2) AND owner = $3`,
  bury: `
    UPDATE delivery SET state = ${DEAD}, owner = NULL, reason = $4
    WHERE backend = $1 AND record = ANY ($2) AND owner = $3`,

  /** The queue of each backend and state, and when its first record was accepted. */
  backlogs: `
    WITH queue AS (SELECT backend, state, count(*) AS records, min(record) AS first FROM delivery GROUP BY backend, state)
    SELECT backend, state, records, accepted_at AS "oldestAt" FROM queue JOIN record ON id = first`,
  /** The same from both ends of each queue, which is as long as that or shorter; never longer than $1. */
  roughBacklogs: `
    ${NAMES}
    SELECT backend, state, least(last - first + 1, $1::bigint) AS records, accepted_at AS "oldestAt"
    FROM names CROSS JOIN (VALUES (${READY}), (${WAITING}), (${DEAD})) AS kind (state)
    CROSS JOIN LATERAL (
      SELECT min(record) AS first, max(record) AS last FROM delivery
      WHERE delivery.backend = names.backend AND delivery.state = kind.state) AS ends
    JOIN record ON id = first`,
  /** Bytes of contents, of very many by those of the newest; and about how many events are remembered, and deliveries to be made. */
  usage: `
    WITH rows AS MATERIALIZED (
      SELECT relname, greatest(reltuples, 0) AS count FROM pg_class
      WHERE oid = ANY (ARRAY['record'::regclass, 'payload'::regclass, 'delivery'::regclass])),
    contents AS MATERIALIZED (SELECT count FROM rows WHERE relname = 'payload')
    SELECT (CASE WHEN count > ${MANY}
        THEN count * (SELECT avg(octet_length(body)) FROM (SELECT body FROM payload ORDER BY id DESC LIMIT ${SWEEP_ROWS}) AS newest)
        ELSE (SELECT coalesce(sum(octet_length(body)), 0) FROM payload) END)::bigint AS bytes,
      (SELECT count FROM rows WHERE relname = 'record')::bigint AS events,
      (SELECT count FROM rows WHERE relname = 'delivery')::bigint AS deliveries
    FROM contents`,
  signal: `SELECT version FROM signal WHERE name = 'deliveries'`,

  /** True for one replica at a time. */
  mayMaintain: `SELECT pg_try_advisory_xact_lock(${lockKeyOf('maintenance')}) AS may`,
  backends: `${NAMES} SELECT backend FROM names WHERE backend IS NOT NULL`,
  // Of the first ones alone: they are about as old as their ids, and there can be a million
  old: `
    SELECT record FROM (
      SELECT record FROM delivery WHERE backend = $1 AND state = $2 ORDER BY record LIMIT ${SWEEP_ROWS}) AS first
    JOIN record ON id = record WHERE accepted_at < $3`,
  crowded: `
    SELECT record FROM delivery WHERE backend = '${INTAKE}' AND state = ${DEAD} AND record <= (
      SELECT record FROM delivery WHERE backend = '${INTAKE}' AND state = ${DEAD}
      ORDER BY record DESC LIMIT 1 OFFSET ${MAX_UNREADABLE})
    ORDER BY record LIMIT ${SWEEP_ROWS}`,
  /**
   * Forgets events after $1, a step of them, that are older than $2, or than $4 and not among the last $3, and that no backend needs any more.
   * Returns where it ended.
   */
  forget: `
    WITH step AS MATERIALIZED (
      SELECT id, accepted_at < $2 OR (accepted_at < $4 AND id <= (SELECT max(id) FROM record) - $3::bigint) AS is_old
      FROM record WHERE id > $1 ORDER BY id LIMIT ${SWEEP_ROWS}),
    gone AS (
      DELETE FROM record USING step WHERE record.id = step.id AND is_old
        AND NOT EXISTS (SELECT FROM payload WHERE payload.id = step.id)
        AND NOT EXISTS (SELECT FROM delivery WHERE delivery.record = step.id))
    SELECT max(id) AS last, count(*) AS seen, count(*) FILTER (WHERE is_old) AS old FROM step`,

  /** Tells that replica $1 is there, named $2. Returns the time of the database, and the last signs of the others by their ids. */
  beat: `
    WITH here AS (
      INSERT INTO replica (id, name, seen_at) VALUES ($1, $2, ${CLOCK})
      ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at RETURNING seen_at)
    SELECT seen_at AS now,
      (SELECT coalesce(json_object_agg(id, replica.seen_at), '{}') FROM replica WHERE id <> $1) AS others FROM here`,
  /** Unless one has given another sign since. */
  forgetReplicas: `
    DELETE FROM replica USING unnest($1::bigint[], $2::bigint[]) AS gone (replica_id, sign)
    WHERE id = replica_id AND seen_at = sign`,
  releaseGone: `
    ${NAMES}, released AS (
      ${release('AND NOT EXISTS (SELECT FROM replica WHERE id = head.owner)')} RETURNING delivery.backend)
    SELECT backend, count(*) AS records FROM released GROUP BY backend`,
  release: `${NAMES} ${release('AND head.owner = $1')}`,
  releaseBackend: `WITH names (backend) AS (SELECT $2) ${release('AND head.owner = $1')}`,
  leave: 'DELETE FROM replica WHERE id = $1',
};
