import type { Queries } from '../database/database.ts';
import type { DecisionPlace, DecisionRange, DecisionSource } from './local-decisions.ts';
import { callNumber } from './packed-row.ts';
import type { StoredDecision } from './row.ts';

/** Of a row with its places in the indexes, beside what is packed: 280 were measured. */
const ROW_BYTES = 300;
const BYTES = `octet_length(packed) + ${ROW_BYTES}`;
/** Rows of one statement, so that none holds others up. */
const CHUNK = 1000;
/** Pages that are looked at to tell how much there is. */
const SAMPLED_PAGES = 1000;
const DAY_MS = 86_400_000;

const COLUMNS = 'origin, id, at, verdict, call, ref, rounds, ended, packed AS "row"';

const PUT = `
  INSERT INTO decision (origin, id, at, verdict, call, ref, rounds, ended, packed)
  SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::integer[], $8::text[], $9::text[])
  ON CONFLICT (origin, id) DO UPDATE SET
    at = excluded.at, verdict = excluded.verdict, ref = excluded.ref, rounds = excluded.rounds,
    ended = excluded.ended, packed = excluded.packed`;

const OLD = `
  DELETE FROM decision WHERE (origin, id) IN (
    SELECT origin, id FROM decision WHERE at < $1 ORDER BY at LIMIT ${CHUNK}
  ) RETURNING 1`;

/** The oldest of all, or of those that are allowed. */
const OLDEST = `
  DELETE FROM decision WHERE (origin, id) IN (
    SELECT origin, id FROM decision WHERE $1 OR verdict = 'allow' ORDER BY at LIMIT ${CHUNK}
  ) RETURNING ${BYTES} AS bytes`;

/** Decisions of all replicas in Postgres. */
export class DecisionTable implements DecisionSource {
  readonly #queries: Queries;
  readonly #close: () => Promise<void>;

  /** @param close called at the end */
  constructor(queries: Queries, close: () => Promise<void>) {
    this.#queries = queries;
    this.#close = close;
  }

  /** Adds rows, or brings them to where they are now; as often as they come. @throws DatabaseError */
  async put(rows: readonly StoredDecision[]): Promise<void> {
    const columns = (['origin', 'id', 'at', 'verdict', 'call', 'ref', 'rounds', 'ended', 'row'] as const).map(
      (name) => rows.map((row) => row[name]),
    );
    await this.#queries.query(PUT, columns, 'decisions put');
  }

  byWord(word: string): Promise<StoredDecision[]> {
    return this.#queries.query<StoredDecision>(
      `SELECT ${COLUMNS} FROM decision WHERE ref = $1
       UNION ALL (SELECT ${COLUMNS} FROM decision WHERE call = $2 ORDER BY at DESC LIMIT 100)`,
      [word, callNumber(word)],
    );
  }

  page(before: DecisionPlace, { since, verdict }: DecisionRange, limit: number): Promise<StoredDecision[]> {
    return this.#queries.query<StoredDecision>(
      `SELECT ${COLUMNS} FROM decision
       WHERE (at, origin, id) < ($1::bigint, $2::uuid, $3::bigint) AND at >= $4 AND ($5::text IS NULL OR verdict = $5)
       ORDER BY at DESC, origin DESC, id DESC LIMIT $6`,
      [before.at, before.origin, before.id, since, verdict, limit],
    );
  }

  async oldest(verdict: 'allow' | null): Promise<number | undefined> {
    const [row] = await this.#queries.query<{ at: number }>(
      'SELECT at FROM decision WHERE $1::text IS NULL OR verdict = $1 ORDER BY at LIMIT 1',
      [verdict],
    );
    return row?.at;
  }

  /**
   * Removes what is too old by the clock of this process, and beyond a bound the oldest allowed calls, and then the oldest.
   *
   * @throws DatabaseError
   */
  async sweep(days: number, maxBytes: number): Promise<void> {
    const before = Math.floor(Date.now() - days * DAY_MS);
    while ((await this.#queries.query(OLD, [before])).length === CHUNK);
    let excess = (await this.#bytes()) - maxBytes;
    for (const isAny of [false, true]) {
      for (let freed = 1; excess > 0 && freed > 0; excess -= freed) {
        const gone = await this.#queries.query<{ bytes: number }>(OLDEST, [isAny]);
        freed = gone.reduce((sum, { bytes }) => sum + bytes, 0);
      }
    }
  }

  close(): Promise<void> {
    return this.#close();
  }

  /** Measured where there is little, and estimated by a part of it where there is much. */
  async #bytes(): Promise<number> {
    const [table] = await this.#queries.query<{ pages: number }>(
      `SELECT pg_relation_size('decision') / current_setting('block_size')::int AS pages`,
    );
    const percent = Math.min(100, (100 * SAMPLED_PAGES) / Math.max(1, table?.pages ?? 1));
    const [sample] = await this.#queries.query<{ bytes: number }>(
      `SELECT coalesce(sum(${BYTES}), 0)::float8 AS bytes FROM decision TABLESAMPLE SYSTEM ($1::float4)`,
      [percent],
    );
    return ((sample?.bytes ?? 0) * 100) / percent;
  }
}
