import type { Database } from '../database/database.ts';
import { ENTRY_OVERHEAD } from './state-store.ts';

const SWEEP_MS = 10_000;
/** Rows of one statement, so that none holds others up. */
const BATCH = 1000;
/** Pages that are looked at to tell how much there is. */
const SAMPLED_PAGES = 1000;

/** Lets one replica through, which ever comes first once it is time. */
const CLAIM = `
  UPDATE state_common SET swept_at = now()
  WHERE swept_at < now() - $1::float8 * interval '1 ms' RETURNING 1 AS claimed`;

const EXPIRED = `
  DELETE FROM state WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM state WHERE expires_at < now() ORDER BY expires_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
  )) RETURNING 1`;

const BYTES = `octet_length(value) + ${ENTRY_OVERHEAD}`;

/** Deletes the oldest shares of values, or the oldest of all, until so many bytes have been freed. */
const OLDEST = `
  DELETE FROM state WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM (
      SELECT ctid, sum(bytes) OVER (ORDER BY expires_at, ctid) - bytes AS before FROM (
        SELECT ctid, expires_at, ${BYTES} AS bytes FROM state
        WHERE $1 OR part <> '' ORDER BY expires_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
      ) AS found
    ) AS summed WHERE before < $2::float8
  )) RETURNING ${BYTES} AS bytes`;

const PAGES = `SELECT pg_relation_size('state') / current_setting('block_size')::int AS pages`;

/** Deletes values that have expired, and the oldest of single calls beyond a bound: one replica each time. */
export class Sweeps {
  readonly #database: Database;
  readonly #maxBytes: number;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(database: Database, maxBytes: number, everyMs = SWEEP_MS) {
    this.#database = database;
    this.#maxBytes = maxBytes;
    this.#everyMs = everyMs;
  }

  start(): void {
    if (this.#isStopped || this.#timer !== undefined) return;
    // Replicas that start together do not come together
    const delay = this.#everyMs * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => {
      this.sweep()
        .catch(() => {})
        .finally(() => {
          this.#timer = undefined;
          this.start();
        });
    }, delay).unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Sweeps, unless somebody has done so lately. An outage is told of by those who read and write. */
  async sweep(): Promise<void> {
    const [claimed] = await this.#database.query(CLAIM, [this.#everyMs * 0.7]);
    if (claimed === undefined) return;
    while ((await this.#database.query(EXPIRED)).length === BATCH);
    let excess = (await this.#bytes()) - this.#maxBytes;
    // Shares are of one call each; limits and histories go by whole values, which are little in all
    for (const isAny of [false, true]) {
      for (let freed = 1; excess > 0 && freed > 0; excess -= freed) {
        const gone = await this.#database.query<{ bytes: number }>(OLDEST, [isAny, excess]);
        freed = gone.reduce((sum, { bytes }) => sum + bytes, 0);
      }
    }
  }

  /** Measured where there is little, and estimated by a part of it where there is much. */
  async #bytes(): Promise<number> {
    const [table] = await this.#database.query<{ pages: number }>(PAGES);
    const percent = Math.min(100, (100 * SAMPLED_PAGES) / Math.max(1, table?.pages ?? 1));
    const [sample] = await this.#database.query<{ bytes: number }>(
      `SELECT coalesce(sum(${BYTES}), 0)::float8 AS bytes FROM state TABLESAMPLE SYSTEM ($1::float4)`,
      [percent],
    );
    return ((sample?.bytes ?? 0) * 100) / percent;
  }
}
