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

const OLDEST = `
  DELETE FROM state WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM state ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
  ))`;

const PAGES = `SELECT pg_relation_size('state') / current_setting('block_size')::int AS pages`;

/** Deletes values that have expired, and the oldest of them beyond a bound: one replica each time. */
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
    const { bytes, rows } = await this.#size();
    if (bytes <= this.#maxBytes) return;
    const excess = Math.ceil(rows * (1 - this.#maxBytes / bytes));
    for (let left = excess; left > 0; left -= BATCH) {
      await this.#database.query(OLDEST, [Math.min(left, BATCH)]);
    }
  }

  /** Measured where there is little, and estimated by a part of it where there is much. */
  async #size(): Promise<{ bytes: number; rows: number }> {
    const [table] = await this.#database.query<{ pages: number }>(PAGES);
    const percent = Math.min(100, (100 * SAMPLED_PAGES) / Math.max(1, table?.pages ?? 1));
    const [sample] = await this.#database.query<{ bytes: number; rows: number }>(
      `SELECT coalesce(sum(octet_length(value) + ${ENTRY_OVERHEAD}), 0)::float8 AS bytes, count(*)::float8 AS rows
      FROM state TABLESAMPLE SYSTEM ($1::float4)`,
      [percent],
    );
    const { bytes = 0, rows = 0 } = sample ?? {};
    return { bytes: (bytes * 100) / percent, rows: (rows * 100) / percent };
  }
}
