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
/** One that gave no sign in the time of so many is silent. */
const BEATS_TO_MISS = 2;
/** A measurement of the clock that took that much longer than the best one is not used, unless there was none for so many signs. */
const WORSE = 2;
const BEATS_TO_MEASURE = 12;

/** A sign of another replica, in milliseconds of the database, and when it was first seen, by `performance.now()`. */
type Sign = { readonly at: number; readonly seenAt: number };

/** A replica among others: tells them that it is there, takes what those held that are gone, and knows the clock that all go by. */
export class Presence {
  readonly #database: Database;
  readonly #options: PresenceOptions;
  readonly #leaseMs: number;
  #timer: NodeJS.Timeout | undefined;
  #here: Promise<void> | undefined;
  #beats = 0;
  /** By the ids of the others. Time is measured here, as the clock of the database can jump; after an outage all of them look gone, so it begins anew. */
  readonly #signs = new Map<string, Sign>();
  #isOneSilent = false;
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

  /**
   * Milliseconds that what waits waits longer: while a replica is silent, and not yet taken to be gone, it can bring what it holds of the same
   * calls, as it was killed and is started again, or has lost the way to the database.
   */
  get graceMs(): number {
    return this.#isOneSilent ? this.#leaseMs : 0;
  }

  async #beat(): Promise<void> {
    const { replica, name } = this.#options;
    const startedAt = performance.now();
    try {
      const [row] = await this.#database.query<{ now: number; others: Record<string, number> }>(
        ...[POSTGRES_SQL.beat, [replica, name], 'outbox beat'],
      );
      if (row === undefined) return;
      this.#beats++;
      this.#measure(row.now, startedAt);
      const gone = this.#look(row.others);
      if (gone.length > 0 || this.#beats % BEATS_TO_LOOK === 0) await this.#takeOver(gone);
    } catch (error) {
      this.#signs.clear();
      this.#isOneSilent = false;
      throw error;
    }
  }

  /** The database reads its clock at the end of what took so long: a lock, or the first use of it. So this one can be behind, and is not ahead. */
  #measure(now: number, startedAt: number): void {
    const endedAt = performance.now();
    const ms = endedAt - startedAt;
    if (ms > WORSE * this.#measured.ms && this.#beats - this.#measured.beat < BEATS_TO_MEASURE) return;
    this.#origin = now - endedAt;
    this.#measured = { ms, beat: this.#beats };
  }

  /** @returns those that have been silent for the time of a lease */
  #look(others: Readonly<Record<string, number>>): [id: string, at: number][] {
    const now = performance.now();
    for (const id of this.#signs.keys()) if (others[id] === undefined) this.#signs.delete(id);
    for (const [id, at] of Object.entries(others))
      if (this.#signs.get(id)?.at !== at) this.#signs.set(id, { at, seenAt: now });
    const silentFor = (ms: number) => [...this.#signs].filter(([, { seenAt }]) => now - seenAt >= ms);
    this.#isOneSilent = silentFor((BEATS_TO_MISS * this.#leaseMs) / BEATS).length > 0;
    return silentFor(this.#leaseMs).map(([id, { at }]) => [id, at]);
  }

  /** Releases what replicas hold that are gone, by their last signs, and what belongs to none. */
  async #takeOver(gone: readonly [id: string, at: number][]): Promise<void> {
    const released = await this.#database.transaction(async (tx) => {
      await tx.query(POSTGRES_SQL.forgetReplicas, [gone.map(([id]) => id), gone.map(([, at]) => at)]);
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
