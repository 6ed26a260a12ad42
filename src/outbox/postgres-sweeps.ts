import type { Database, Queries } from '../database/database.ts';
import type { OutboxEvents } from './contract.ts';
import { JOINED_MS } from './one-record.ts';
import { POSTGRES_SQL, SWEEP_ROWS } from './postgres-queries.ts';
import { DEAD, INTAKE, READY, WAITING } from './schema.ts';

export type SweepOptions = {
  readonly maxAgeMs: number;
  readonly historyMs: number;
  readonly events: OutboxEvents;
};

/** Records among others that are remembered are passed over for this long. */
const PASS_OVER_MS = 600_000;

type Swept = { readonly expired: Map<string, number>; readonly crowded: number; readonly forgotten: number };

/** Gives up and forgets what is too old or too much: one replica at a time, a step at a time. */
export class PostgresSweeps {
  readonly #database: Database;
  readonly #options: SweepOptions;
  /** All events up to it are forgotten or still needed. */
  #forgottenTo = 0;
  /** By `performance.now()`. */
  #beganAt = 0;

  constructor(database: Database, options: SweepOptions) {
    this.#database = database;
    this.#options = options;
  }

  /** @param room events that may be remembered */
  async sweep(now: number, room: number): Promise<void> {
    const { events } = this.#options;
    if (performance.now() - this.#beganAt > PASS_OVER_MS) {
      this.#beganAt = performance.now();
      this.#forgottenTo = 0;
    }
    for (;;) {
      const swept = await this.#database.transaction((tx) => this.#step(tx, now, room));
      if (swept === undefined) return;
      for (const [backend, records] of swept.expired) events.expired(backend, records);
      if (swept.crowded > 0) events.crowded(swept.crowded);
      if (Math.max(swept.forgotten, swept.crowded, ...swept.expired.values()) < SWEEP_ROWS) return;
    }
  }

  /** Undefined while another replica is at it. */
  async #step(tx: Queries, now: number, room: number): Promise<Swept | undefined> {
    const [lock] = await tx.query<{ may: boolean }>(POSTGRES_SQL.mayMaintain);
    if (lock?.may !== true) return undefined;
    const expired = await this.#expire(tx, now - this.#options.maxAgeMs);
    const crowded = await give(tx, INTAKE, await recordsOf(tx, POSTGRES_SQL.crowded, []));
    return { expired, crowded, forgotten: await this.#forget(tx, now, room) };
  }

  async #expire(tx: Queries, before: number): Promise<Map<string, number>> {
    const expired = new Map<string, number>();
    for (const { backend } of await tx.query<{ backend: string }>(POSTGRES_SQL.backends)) {
      for (const state of [READY, WAITING, DEAD]) {
        const old = await recordsOf(tx, POSTGRES_SQL.old, [backend, state, before]);
        const given = await give(tx, backend, old);
        if (given > 0) expired.set(backend, (expired.get(backend) ?? 0) + given);
      }
    }
    return expired;
  }

  /** @returns events of the step, if it went on with old ones to its end */
  async #forget(tx: Queries, now: number, room: number): Promise<number> {
    const before = now - this.#options.historyMs;
    const [step] = await tx.query<{ last: number | null; seen: number; old: number }>(POSTGRES_SQL.forget, [
      ...[this.#forgottenTo, before, room, now - JOINED_MS],
    ]);
    if (step === undefined || step.last === null || step.old < step.seen) return 0;
    this.#forgottenTo = step.last;
    return step.seen;
  }
}

async function recordsOf(tx: Queries, text: string, values: readonly unknown[]): Promise<number[]> {
  const rows = await tx.query<{ record: number }>(text, values);
  return rows.map(({ record }) => record);
}

/** Gives deliveries up. @returns how many there were */
async function give(tx: Queries, backend: string, records: readonly number[]): Promise<number> {
  if (records.length === 0) return 0;
  await tx.query(POSTGRES_SQL.lockContents, [records]);
  const gone = await tx.query(POSTGRES_SQL.drop, [backend, records, null]);
  return gone.length;
}
