import type { Database, Queries } from '../database/database.ts';
import { DatabaseError } from '../database/database-error.ts';
import {
  countReasons,
  type Delivery,
  type DeliveryKey,
  firstRecordsOf,
  isId,
  isSelected,
  MAX_FOUND,
  MAX_REASONS,
  type NamedCall,
  type OutboxAdmin,
  type Prospect,
  type RecordOfCall,
  type Selection,
  type StoredRecord,
  statesOf,
} from './admin.ts';
import { type Packed, unpack } from './packing.ts';
import { CLOCK, POSTGRES_SQL } from './postgres-queries.ts';
import { PostgresTally } from './postgres-tally.ts';
import type { Backlog } from './queries.ts';
import { DEAD, READY, WAITING } from './schema.ts';

/** A replica that was seen within this time is running. */
const SEEN_MS = 60_000;
/** Times that a change is run which was in a replica's way. */
const TRIES = 5;

const RECORD_ID = `coalesce(replace(record_id::text, '-', ''), '')`;
const COLUMNS = `
  backend, state, record, due_at AS "dueAt", attempts, reason, ${RECORD_ID} AS "recordId",
  coalesce(call_key, '') AS "callKey", coalesce(outcome, '') AS outcome, coalesce(accepted_at, 0) AS "acceptedAt",
  coalesce(held_until, 0) AS "heldUntil"`;
const KEYS = 'unnest($1::text[], $2::smallint[], $3::bigint[]) AS key (backend, state, record)';
const IS_KEY =
  'delivery.record = key.record AND delivery.backend = key.backend AND delivery.state = key.state';

const RECORD = `id, ${RECORD_ID} AS "recordId", outcome, started_at AS "startedAt", ended_at AS "endedAt", accepted_at AS "acceptedAt", trace`;

const SQL = {
  isServed: `SELECT EXISTS (
    SELECT FROM replica WHERE seen_at > ${CLOCK} - ${SEEN_MS}) AS served`,
  backlogs: `
    WITH queue AS (
      SELECT backend,
        count(*) FILTER (WHERE state = ${READY} OR (state = ${WAITING} AND due_at <= $1)) AS due,
        count(*) FILTER (WHERE state = ${WAITING} AND due_at > $1) AS waiting,
        count(*) FILTER (WHERE state = ${DEAD}) AS dead,
        min(record) FILTER (WHERE state <> ${DEAD}) AS first, min(record) FILTER (WHERE state = ${DEAD}) AS first_dead
      FROM delivery GROUP BY backend)
    SELECT backend, due, waiting, dead, oldest.accepted_at AS "oldestAt", oldest_dead.accepted_at AS "oldestDeadAt"
    FROM queue LEFT JOIN record AS oldest ON oldest.id = first LEFT JOIN record AS oldest_dead ON oldest_dead.id = first_dead
    ORDER BY backend`,
  nextTries: `SELECT backend, min(due_at) AS at FROM delivery WHERE state = ${WAITING} GROUP BY backend`,
  reasons: `
    SELECT name AS backend, reason FROM unnest($1::text[]) AS wanted (name) CROSS JOIN LATERAL (
      SELECT reason FROM delivery WHERE backend = name AND state = ${DEAD} LIMIT ${MAX_REASONS}) AS found`,
  page: `
    SELECT ${COLUMNS}
    FROM unnest($1::text[]) AS wanted (name) CROSS JOIN unnest($2::smallint[]) AS of (kind) CROSS JOIN LATERAL (
      SELECT * FROM delivery WHERE backend = name AND state = kind AND record > $3 ORDER BY record LIMIT $4) AS found
    LEFT JOIN record ON id = record ORDER BY record, backend`,
  ofRecord: `SELECT ${COLUMNS} FROM delivery LEFT JOIN record ON id = record WHERE record = $1 ORDER BY backend`,
  byId: 'SELECT id FROM record WHERE id = $1',
  byRecordId: `SELECT id FROM record WHERE record_id BETWEEN $1::uuid AND $2::uuid ORDER BY id LIMIT ${MAX_FOUND}`,
  ofCall: `
    SELECT ${RECORD} FROM record
    WHERE hashtextextended(call_key, 0) = hashtextextended($1, 0) AND call_key = $1 AND NOT absorbed
    UNION SELECT ${RECORD} FROM record
    WHERE ref IS NOT NULL AND hashtextextended(ref, 0) = hashtextextended($2, 0) AND ref = $2 AND NOT absorbed
    ORDER BY "endedAt" DESC LIMIT ${MAX_FOUND}`,
  load: `
    SELECT id, ${RECORD_ID} AS "recordId", call_key AS "callKey", outcome, started_at AS "startedAt", ended_at AS "endedAt",
      accepted_at AS "acceptedAt", codec, checksum, body
    FROM record LEFT JOIN payload USING (id) WHERE id = $1`,
  // What is ready is due already, and may be under way; what is held can give way to another event of its call
  retry: `
    UPDATE delivery SET state = ${READY}, due_at = $4, attempts = 0, reason = NULL FROM ${KEYS}
    WHERE ${IS_KEY} AND delivery.state <> ${READY} AND (delivery.state = ${DEAD} OR NOT EXISTS (
      SELECT FROM record WHERE id = delivery.record AND held_until > ${CLOCK}))
    RETURNING delivery.backend, delivery.record`,
  drop: `DELETE FROM delivery USING ${KEYS} WHERE ${IS_KEY} RETURNING delivery.backend, delivery.record`,
  dropContents: `
    DELETE FROM payload WHERE id = ANY ($1) AND NOT EXISTS (SELECT FROM delivery WHERE record = payload.id)`,
  tell: `UPDATE signal SET version = version + 1 WHERE name = 'deliveries'`,
};

type Changed = { readonly backend: string; readonly record: number };

/** The outbox in the database that replicas share, which they go on using. Replicas notice what it changes within a second. */
export class PostgresAdmin implements OutboxAdmin {
  readonly #database: Database;

  /** @param database is closed with it */
  constructor(database: Database) {
    this.#database = database;
  }

  async isServed(): Promise<boolean> {
    const [row] = await this.#database.query<{ served: boolean }>(SQL.isServed);
    return row?.served === true;
  }

  async usedBytes(): Promise<number> {
    const tally = new PostgresTally(this.#database, { backends: [], maxBytes: 0 });
    return (await tally.stats()).usedBytes;
  }

  async backends(): Promise<string[]> {
    const rows = await this.#database.query<{ backend: string }>(POSTGRES_SQL.backends);
    return rows.map(({ backend }) => backend);
  }

  async backlogs(now: number): Promise<Backlog[]> {
    const rows = await this.#database.query<
      Backlog & { oldestAt: number | null; oldestDeadAt: number | null }
    >(SQL.backlogs, [now]);
    return rows.map(({ oldestAt, oldestDeadAt, ...counts }) => ({
      ...counts,
      oldestAt: oldestAt ?? undefined,
      oldestDeadAt: oldestDeadAt ?? undefined,
    }));
  }

  async prospects(): Promise<Prospect[]> {
    const names = await this.backends();
    const tries = await this.#database.query<{ backend: string; at: number }>(SQL.nextTries);
    const reasons = await this.#database.query<{ backend: string; reason: string | null }>(SQL.reasons, [
      names,
    ]);
    return names.map((name) => ({
      backend: name,
      nextTryAt: tries.find(({ backend }) => backend === name)?.at,
      deadBy: countReasons(reasons.flatMap(({ backend, reason }) => (backend === name ? reason : []))),
    }));
  }

  async page(selection: Selection, after: number, limit: number): Promise<Delivery[]> {
    const states = statesOf(selection);
    const { backend } = selection;
    const backends = backend === undefined ? await this.backends() : [backend];
    return firstRecordsOf(
      await this.#database.query<Delivery>(SQL.page, [backends, states, after, limit]),
      limit,
    );
  }

  async deliveriesOf(id: number, selection: Selection = {}): Promise<Delivery[]> {
    const all = await this.#database.query<Delivery>(SQL.ofRecord, [id]);
    return all.filter((one) => isSelected(one, selection));
  }

  async find(word: string): Promise<number[]> {
    type Found = { readonly id: number };
    const exact = isId(word) ? await this.#database.query<Found>(SQL.byId, [Number(word)]) : [];
    const range = [word.padEnd(32, '0'), word.padEnd(32, 'f')];
    const found = exact.length > 0 ? exact : await this.#database.query<Found>(SQL.byRecordId, range);
    return found.map(({ id }) => id);
  }

  ofCall({ callId, ref }: NamedCall): Promise<RecordOfCall[]> {
    return this.#database.query<RecordOfCall>(SQL.ofCall, [callId, ref]);
  }

  async load(id: number): Promise<StoredRecord | undefined> {
    type Row = Omit<StoredRecord, 'body' | 'intact'> & (Packed | { readonly body: null });
    const [row] = await this.#database.query<Row>(SQL.load, [id]);
    if (row === undefined) return undefined;
    const { recordId, callKey, outcome, startedAt, endedAt, acceptedAt } = row;
    const text = row.body === null ? undefined : unpack(row);
    return {
      ...{ id, recordId, callKey, outcome, startedAt, endedAt, acceptedAt },
      // Of what is damaged nothing can be shown
      body: row.body === null ? undefined : (text ?? ''),
      intact: text !== undefined,
    };
  }

  retry<Key extends DeliveryKey>(keys: readonly Key[], now: number): Promise<Key[]> {
    return this.#change(keys, (tx) => tx.query<Changed>(SQL.retry, [...columnsOf(keys), now]));
  }

  drop<Key extends DeliveryKey>(keys: readonly Key[]): Promise<Key[]> {
    const ids = keys.map(({ record }) => record);
    return this.#change(keys, async (tx) => {
      await tx.query(POSTGRES_SQL.lockContents, [ids]);
      const dropped = await tx.query<Changed>(SQL.drop, columnsOf(keys));
      await tx.query(SQL.dropContents, [ids]);
      return dropped;
    });
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  async #change<Key extends DeliveryKey>(
    keys: readonly Key[],
    run: (tx: Queries) => Promise<readonly Changed[]>,
  ): Promise<Key[]> {
    for (let tries = 1; ; tries++) {
      try {
        const changed = await this.#database.transaction(async (tx) => {
          const rows = await run(tx);
          if (rows.length > 0) await tx.query(SQL.tell);
          return new Set(rows.map(({ backend, record }) => `${record} ${backend}`));
        });
        return keys.filter(({ backend, record }) => changed.has(`${record} ${backend}`));
      } catch (error) {
        if (!(error instanceof DatabaseError && error.isConflict) || tries === TRIES) throw error;
      }
    }
  }
}

function columnsOf(keys: readonly DeliveryKey[]): [string[], number[], number[]] {
  return [
    keys.map(({ backend }) => backend),
    keys.map(({ state }) => state),
    keys.map(({ record }) => record),
  ];
}
