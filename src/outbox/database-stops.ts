import type { Database } from '../database/database.ts';
import type { SharedStop, SharedStops } from './contract.ts';

/** A replica that may try a backend has this long to tell how it went: more than the limit of a delivery. */
const PROBE_MS = 40_000;

const SQL = {
  // Replicas that find out at the same time tell of one failure
  stopped: `
    INSERT INTO backend_stop (backend, until, failures, is_held)
    VALUES ($1, now() + $2 * interval '1 ms', $3, $4)
    ON CONFLICT (backend) DO UPDATE SET
      until = greatest(backend_stop.until, excluded.until),
      failures = greatest(backend_stop.failures, excluded.failures),
      is_held = backend_stop.is_held OR excluded.is_held,
      prober = NULL`,
  state: `
    SELECT greatest(0, ceil(extract(epoch FROM until - now()) * 1000))::int AS "waitMs", failures, is_held AS "isHeld"
    FROM backend_stop WHERE backend = $1`,
  mayProbe: `
    UPDATE backend_stop SET prober = $2, probe_until = now() + ${PROBE_MS} * interval '1 ms'
    WHERE backend = $1 AND until <= now() AND (prober IS NULL OR prober = $2 OR probe_until < now())
    RETURNING backend`,
  letGo: 'UPDATE backend_stop SET prober = NULL WHERE backend = $1 AND prober = $2',
  tryNow: 'UPDATE backend_stop SET until = now(), failures = 0 WHERE backend = $1',
  recovered: 'DELETE FROM backend_stop WHERE backend = $1',
};

/** Stops of backends in Postgres. Times are told as waits: the clocks of replicas differ. */
export class DatabaseStops implements SharedStops {
  readonly #database: Database;
  readonly #replica: number;

  /** @param replica tells this run of a replica from all others */
  constructor(database: Database, replica: number) {
    this.#database = database;
    this.#replica = replica;
  }

  async stopped(backend: string, { waitMs, failures, isHeld }: SharedStop): Promise<void> {
    await this.#database.query(SQL.stopped, [backend, Math.ceil(waitMs), failures, isHeld]);
  }

  async state(backend: string): Promise<SharedStop | undefined> {
    const [stop] = await this.#database.query<SharedStop>(SQL.state, [backend], 'stop state');
    return stop;
  }

  async mayProbe(backend: string): Promise<boolean> {
    const rows = await this.#database.query(SQL.mayProbe, [backend, this.#replica]);
    return rows.length > 0;
  }

  async letGo(backend: string): Promise<void> {
    await this.#database.query(SQL.letGo, [backend, this.#replica]);
  }

  async tryNow(backend: string): Promise<void> {
    await this.#database.query(SQL.tryNow, [backend]);
  }

  async recovered(backend: string): Promise<void> {
    await this.#database.query(SQL.recovered, [backend]);
  }
}
