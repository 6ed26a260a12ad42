import type { Batch } from '../backends/backend.ts';
import type { Ack, Due } from '../outbox/contract.ts';
import type { Clock } from './clock.ts';
import type { Ledger } from './ledger.ts';

/** A record with this many attempts is sent alone. */
const TRUSTED_ATTEMPTS = 3;
/** Records read at once: for single ones a query each costs more than the rest, and some of them need not be sent alone. */
const READ_AHEAD = 100;
/** Records that rest, from which on the others wait for the first of them: that many the backend has no room for. */
const MAX_RESTING = 500;
/** Part of its full size that a batch gains with each success, after it was too large. */
const REGAIN = 1 / 16;

/**
 * Chooses what is delivered next to one backend. Poison records, which failed before or with which a batch was refused, are
 * sent alone, one at a time, in turn, and every second time at most: however many there are and however long each of them
 * takes, the others go on.
 */
export class Batches {
  readonly #ledger: Pick<Ledger, 'due'>;
  readonly #clock: Clock;
  #full: Batch;
  readonly #maxAgeMs: number;
  /** Bytes of a batch, after some were too large. */
  #bytes: number;
  /** The oldest that were due when they were read, and are not chosen yet. */
  #ahead: readonly Due[] = [];
  /** Ids of what is under way, rests, or whose result is not stored. */
  readonly #taken = new Set<number>();
  /** By id, since when. */
  readonly #poison = new Map<number, number>();
  /** Poison records that had their turn. */
  readonly #tried = new Set<number>();
  /** True if the batch before was a poison record. */
  #wasPoison = false;
  /** Records that the backend had no room for, by id, until when; and how often. */
  readonly #resting = new Map<number, Rest>();

  /** @param maxAgeMs time after which the outbox has given up a record */
  constructor(full: Batch, ledger: Pick<Ledger, 'due'>, clock: Clock, maxAgeMs: number) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#full = full;
    this.#maxAgeMs = maxAgeMs;
    this.#bytes = full.bytes;
  }

  /** Has other batches from now on. */
  resize(full: Batch): void {
    this.#full = full;
    this.#bytes = full.bytes;
  }

  /**
   * Returns the oldest due, without what is taken; one record if it is to be sent alone, and undefined if the outbox fails.
   * Takes nothing.
   */
  async next(isProbe: boolean): Promise<readonly Due[] | undefined> {
    const limit = isProbe ? 1 : this.#full.records;
    const isPoisonUnderWay =
      this.#poison.size > 0 && [...this.#taken].some((id) => this.#poison.has(id) && !this.#isResting(id));
    const sound = isPoisonUnderWay || this.#wasPoison ? await this.#sound(limit) : [];
    return sound === undefined || sound.length > 0 || isPoisonUnderWay ? sound : this.#oldest(limit);
  }

  async #oldest(limit: number): Promise<readonly Due[] | undefined> {
    let due = await this.#due(limit, this.#tried);
    if (due?.length === 0 && this.#tried.size > 0) {
      this.#tried.clear();
      due = await this.#due(limit, this.#tried);
    }
    const head = due?.[0];
    return head !== undefined && this.#isPoison(head) ? [head] : due?.filter((one) => !this.#isPoison(one));
  }

  async #sound(limit: number): Promise<readonly Due[] | undefined> {
    for (;;) {
      const due = await this.#due(Math.max(limit, READ_AHEAD), this.#poison);
      const sound = due?.filter((one) => !this.#isPoison(one));
      if (due === undefined || sound === undefined) return undefined;
      if (sound.length > 0 || due.length === 0) return sound.slice(0, limit);
      this.isolate(due);
    }
  }

  /** The oldest that are neither taken nor among others, as many as go together. */
  async #due(
    records: number,
    others: Pick<ReadonlySet<number>, 'has' | 'keys'>,
  ): Promise<readonly Due[] | undefined> {
    let found = this.#ahead.filter(({ id }) => !others.has(id));
    if (found.length === 0) {
      this.#endRests(this.#clock.now());
      this.#forget(this.#clock.now() - this.#maxAgeMs);
      const limit = { records: Math.max(records, READ_AHEAD), bytes: this.#bytes };
      const read = await this.#ledger.due({ ...limit, except: new Set([...this.#taken, ...others.keys()]) });
      if (read === undefined) return undefined;
      this.#ahead = found = [...read];
    }
    let bytes = 0;
    const end = found.findIndex(({ payload }, i) => {
      bytes += payload.length;
      return i === records || (i > 0 && bytes > this.#bytes);
    });
    return end < 0 ? found : found.slice(0, end);
  }

  /** Keeps a batch from being chosen again until it is released. Returns true if it is a poison record. */
  take(batch: readonly Due[]): boolean {
    for (const { id } of batch) this.#taken.add(id);
    this.#ahead = this.#ahead.filter(({ id }) => !this.#taken.has(id));
    const poison = batch.filter((one) => this.#isPoison(one));
    this.isolate(poison);
    for (const { id } of poison) this.#tried.add(id);
    this.#wasPoison = poison.length > 0;
    return this.#wasPoison;
  }

  /** Lets a batch be chosen again, in its place. */
  release(batch: readonly Due[]): void {
    for (const { id } of batch) this.#taken.delete(id);
    // Read without them
    this.#ahead = [];
  }

  /** The result of records is stored. */
  stored({ kind, ids }: Ack): void {
    const sets = kind === 'retry' ? [this.#taken] : [this.#taken, this.#poison, this.#tried, this.#resting];
    for (const set of sets) for (const id of ids) set.delete(id);
  }

  /**
   * Keeps a batch for a while from being chosen again, without counting that against it.
   *
   * @returns how long, in milliseconds
   */
  rest(batch: readonly Due[], waitMs: (times: number) => number): number {
    const times = 1 + Math.max(...batch.map(({ id }) => this.#resting.get(id)?.times ?? 0));
    const ms = waitMs(times);
    const until = this.#clock.now() + ms;
    for (const { id } of batch) this.#resting.set(id, { until, times, isOver: false });
    return ms;
  }

  /** Milliseconds that nothing is to be chosen, as too many records rest. */
  restsMs(): number {
    if (this.#resting.size < MAX_RESTING) return 0;
    const now = this.#clock.now();
    const ends = [...this.#resting.values()].flatMap(({ until }) => (until > now ? until - now : []));
    return ends.length < MAX_RESTING ? 0 : Math.min(...ends);
  }

  /** Forgets what was read and lets all that rests be chosen, as its backend is waited for, or an operator changed something. */
  startOver(): void {
    this.#endRests(Number.POSITIVE_INFINITY);
    this.#resting.clear();
    this.#ahead = [];
  }

  #endRests(now: number): void {
    for (const [id, rest] of this.#resting) {
      if (rest.until > now || rest.isOver) continue;
      this.#taken.delete(id);
      this.#resting.set(id, { ...rest, isOver: true });
    }
  }

  /** Forgets the ids of records that the outbox has given up as too old: nothing else is told of them. */
  #forget(before: number): void {
    for (const [id, since] of this.#poison) {
      if (since > before) break;
      if (this.#taken.has(id)) continue;
      this.#poison.delete(id);
      this.#tried.delete(id);
    }
    for (const [id, { until, isOver }] of this.#resting) {
      if (isOver && until <= before && !this.#taken.has(id)) this.#resting.delete(id);
    }
  }

  /** True from the beginning of its rest until it may be chosen again. */
  #isResting(id: number): boolean {
    return this.#resting.get(id)?.isOver === false;
  }

  #isPoison({ id, attempts }: Due): boolean {
    return this.#poison.has(id) || attempts >= TRUSTED_ATTEMPTS;
  }

  /** Has each of these records sent alone from now on. */
  isolate(batch: readonly Due[]): void {
    const now = this.#clock.now();
    for (const { id } of batch) if (!this.#poison.has(id)) this.#poison.set(id, now);
  }

  /** Makes batches smaller than one that was too large. */
  shrink(batch: readonly Due[]): void {
    const bytes = batch.reduce((sum, { payload }) => sum + payload.length, 0);
    this.#bytes = Math.min(this.#bytes, bytes / 2);
  }

  grow(): void {
    this.#bytes = Math.min(this.#full.bytes, this.#bytes + this.#full.bytes * REGAIN);
  }
}

/** Until when a record rests; how often it did; true once it may be chosen again. */
type Rest = { readonly until: number; readonly times: number; readonly isOver: boolean };
