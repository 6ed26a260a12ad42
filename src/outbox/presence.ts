import type { Database } from '../database/database.ts';
import { POSTGRES_SQL } from './postgres-queries.ts';

export type PresenceOptions = {
  readonly database: Database;
  /** Tells this run of a replica from all others. */
  readonly replica: number;
  /** For people who look into the table. */
  readonly name: string;
  /** Milliseconds without a sign after which a replica is taken to be gone. Default 30 s. */
  readonly leaseMs?: number | undefined;
  /** Called with what a replica held that is gone, and is any other's now. */
  readonly onReleased: (backend: string, records: number) => void;
};

/** Signs in the time of a lease. */
const BEATS = 6;
/** After so many of its signs a replica looks for leases that nobody has. */
const BEATS_TO_LOOK = 120;
/** A measurement of the clock that took that much longer than the best one is not used, unless there was none for so many signs. */
const WORSE = 2;
const BEATS_TO_MEASURE = 12;

/** A replica among others: tells them that it is there, takes what those held that are gone, and knows the clock that all go by. */
export class Presence {
  readonly #database: Database;
  readonly #options: PresenceOptions;
  readonly #leaseMs: number;
  #timer: NodeJS.Timeout | undefined;
  #here: Promise<void> | undefined;
  #beats = 0;
  /** Since when signs have been given without a failure, by `performance.now()`: after an outage of the database all others look gone. */
  #steadySince: number | undefined;
  /** Time of the database when `performance.now()` was 0. */
  #origin = performance.timeOrigin;
  #measured = { ms: Number.POSITIVE_INFINITY, beat: 0 };

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#database = options.database;
    this.#leaseMs = options.leaseMs ?? 30_000;
  }

  /** Resolves once the others know that this replica is there: before it leases anything. @throws DatabaseError */
  here(): Promise<void> {
    this.#here ??= this.#beat().then(
      () => {
        this.#timer ??= setInterval(() => {
          // The next one tells the others
          this.#beat().catch(() => {});
        }, this.#leaseMs / BEATS).unref();
      },
      (error: unknown) => {
        this.#here = undefined;
        throw error;
      },
    );
    return this.#here;
  }

  /** The time of the database, Unix milliseconds. */
  now(): number {
    return Math.round(this.#origin + performance.now());
  }

  async #beat(): Promise<void> {
    const { replica, name } = this.#options;
    const startedAt = performance.now();
    try {
      const values = [replica, name, this.#leaseMs];
      const [sign] = await this.#database.query<{ now: number; isOneGone: boolean }>(
        ...[POSTGRES_SQL.beat, values, 'outbox beat'],
      );
      if (sign === undefined) return;
      this.#beats++;
      this.#measure(sign.now, startedAt);
      this.#steadySince ??= startedAt;
      const mayJudge = performance.now() - this.#steadySince >= this.#leaseMs;
      if (mayJudge && (sign.isOneGone || this.#beats % BEATS_TO_LOOK === 0)) await this.#takeOver();
    } catch (error) {
      this.#steadySince = undefined;
      throw error;
    }
  }

  #measure(now: number, startedAt: number): void {
    const endedAt = performance.now();
    const ms = endedAt - startedAt;
    if (ms > WORSE * this.#measured.ms && this.#beats - this.#measured.beat < BEATS_TO_MEASURE) return;
    this.#origin = now - (startedAt + endedAt) / 2;
    this.#measured = { ms, beat: this.#beats };
  }

  /** Releases what replicas hold that were not seen for the time of a lease. */
  async #takeOver(): Promise<void> {
    const released = await this.#database.transaction(async (tx) => {
      await tx.query(POSTGRES_SQL.forgetReplicas, [this.#leaseMs]);
      return tx.query<{ backend: string; records: number }>(POSTGRES_SQL.releaseGone);
    });
    for (const { backend, records } of released) this.#options.onReleased(backend, records);
  }

  /** Gives back all that this replica holds. */
  async leave(): Promise<void> {
    if (this.#here === undefined) return;
    await this.#here;
    clearInterval(this.#timer);
    const { replica } = this.#options;
    await this.#database.transaction(async (tx) => {
      await tx.query(POSTGRES_SQL.release, [replica]);
      await tx.query(POSTGRES_SQL.leave, [replica]);
    });
  }
}
