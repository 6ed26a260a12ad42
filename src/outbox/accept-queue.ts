import type { Queries } from '../database/database.ts';
import { acceptAll, type PackedEntry, type PackedRow, packEntry } from './accepting.ts';
import { areUrgent, type BadRow, type Disposition, type Entry, OutboxError } from './contract.ts';
import { Grouping } from './grouping.ts';
import { pack } from './packing.ts';
import type { PostgresTally } from './postgres-tally.ts';

export type AcceptQueueOptions = {
  readonly tally: PostgresTally;
  readonly maxBytes: number;
  /** Runs a transaction at a time of the database's clock. */
  readonly change: <T>(run: (tx: Queries, now: number) => Promise<T>) => Promise<T>;
  /** Milliseconds that what waits is held longer than it says. */
  readonly graceMs: () => number;
  /** Uses the database otherwise. */
  readonly use: <T>(run: () => Promise<T>) => Promise<T>;
  /** A time of this machine by the clock of the database. */
  readonly translated: (time: number) => number;
};

/** Share of the bound for entries that are not urgent. */
const USUAL_SHARE = 0.95;
/** The first of a group waits for so long for others; while a group is committed the next one gathers. */
const GATHER_MS = 2;
const GROUP = { entries: 500, bytes: 4 * 1024 * 1024 };

/** An accept that waits for the next common transaction. */
type Work = {
  readonly packed: readonly PackedEntry[];
  readonly bad: readonly PackedRow[];
  readonly entries: number;
  readonly bytes: number;
  readonly bound: number;
  resolve(dispositions: readonly Disposition[]): void;
  reject(error: unknown): void;
};

/** Accepts entries in common transactions, one after the other, as long as there is room. */
export class AcceptQueue {
  readonly #options: AcceptQueueOptions;
  readonly #grouping: Grouping<Work>;

  constructor(options: AcceptQueueOptions) {
    this.#options = options;
    this.#grouping = new Grouping({ gatherMs: GATHER_MS, most: GROUP, run: (group) => this.#store(group) });
  }

  async accept(entries: readonly Entry[], bad: readonly BadRow[]): Promise<readonly Disposition[]> {
    const { maxBytes } = this.#options;
    const packed = entries.map(packEntry);
    const packedBad = bad.map((row) => ({ row, packed: pack(row.payload) }));
    const bytes = [...packed, ...packedBad].reduce((sum, one) => sum + (one.packed?.body.length ?? 0), 0);
    const bound = areUrgent(entries, bad) ? maxBytes : maxBytes * USUAL_SHARE;
    return new Promise((resolve, reject) => {
      const work = { packed, bad: packedBad, entries: packed.length + bad.length, bytes, bound };
      this.#grouping.add({ ...work, resolve, reject });
    });
  }

  /** Resolves when all that was to be accepted is. */
  end(): Promise<void> {
    return this.#grouping.end();
  }

  /** Commits what finds room of a group. */
  async #store(group: readonly Work[]): Promise<void> {
    const { tally, use } = this.#options;
    const fitting: Work[] = [];
    let bytes = 0;
    try {
      for (const work of group) {
        const hasRoom = await use(() => tally.hasRoom(bytes + work.bytes, work.bound));
        if (hasRoom) {
          bytes += work.bytes;
          fitting.push(work);
        } else work.reject(new OutboxError('full'));
      }
    } catch (error) {
      for (const work of group) work.reject(error);
      return;
    }
    if (fitting.length > 0) await this.#commit(fitting);
  }

  /** Commits a group together or, where one of its works is to blame, each alone. */
  async #commit(group: readonly Work[]): Promise<void> {
    const { tally, change, graceMs } = this.#options;
    const entries = group.flatMap(({ packed }) => packed);
    const bad = group.flatMap((work) => work.bad);
    try {
      const dispositions = await change((tx, now) =>
        acceptAll(tx, this.#dated(entries, now), bad, { now, heldAt: now - graceMs() }),
      );
      tally.add(group.reduce((sum, { bytes }) => sum + bytes, 0));
      let at = 0;
      for (const work of group) {
        work.resolve(dispositions.slice(at, at + work.packed.length));
        at += work.packed.length;
      }
    } catch (error) {
      if (group.length > 1 && !(error instanceof OutboxError))
        for (const work of group) await this.#commit([work]);
      else for (const work of group) work.reject(error);
    }
  }

  /** Entries that another outbox kept for a while, by the clock of the database. */
  #dated(entries: readonly PackedEntry[], now: number): readonly PackedEntry[] {
    return entries.map((one) => {
      const { acceptedAt } = one.entry;
      if (acceptedAt === undefined) return one;
      return {
        ...one,
        entry: { ...one.entry, acceptedAt: Math.min(now, this.#options.translated(acceptedAt)) },
      };
    });
  }
}
