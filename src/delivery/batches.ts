import type { Batch } from '../backends/backend.ts';
import type { Ack, DeliveryResult, Due } from '../outbox/contract.ts';
import { Backoff, STORAGE_WAIT } from './backoff.ts';
import type { DeliveryOptions } from './deliver.ts';

/** A record with this many attempts is sent alone. */
const TRUSTED_ATTEMPTS = 3;
/** Records looked at for some that need not be sent alone. */
const LOOK_AHEAD = 100;
/** Records that rest, from which on the others wait for the first of them: that many the backend has no room for. */
const MAX_RESTING = 500;
/** Part of its full size that a batch gains with each success, after it was too large. */
const REGAIN = 1 / 16;

/**
 * Chooses what is delivered next to one backend, and stores the results. Poison records, which failed before or with which a
 * batch was refused, are sent alone, one at a time, in turn, and every second time at most: however many there are and
 * however long each of them takes, the others go on.
 */
export class Batches {
  readonly #options: Pick<DeliveryOptions, 'outbox' | 'clock' | 'events'>;
  readonly #backend: string;
  readonly #full: Batch;
  /** How the outbox is; what fails in it is tried again when that says so. */
  readonly storage: Backoff;
  /** Bytes of a batch, after some were too large. */
  #bytes: number;
  /** Ids of what is under way, or whose result is not stored. */
  readonly #taken = new Set<number>();
  readonly #poison = new Set<number>();
  /** Poison records that had their turn. */
  readonly #tried = new Set<number>();
  /** True if the batch before was a poison record. */
  #wasPoison = false;
  /** Records that the backend had no room for, by id, until when; and how often. */
  readonly #resting = new Map<number, { readonly until: number; readonly times: number }>();
  /** Results that the outbox, which failed, does not know of. Oldest first. */
  #unstored: Ack[] = [];

  constructor(backend: string, full: Batch, options: Pick<DeliveryOptions, 'outbox' | 'clock' | 'events'>) {
    this.#options = options;
    this.#backend = backend;
    this.#full = full;
    this.#bytes = full.bytes;
    this.storage = new Backoff(options.clock.now, () => 1, STORAGE_WAIT);
  }

  /**
   * Returns the oldest due, without what is taken; one record if it is to be sent alone, and undefined if the outbox fails.
   * Takes nothing.
   */
  next(isProbe: boolean): Promise<readonly Due[] | undefined> {
    this.#endRests(this.#options.clock.now());
    const limit = isProbe ? 1 : this.#full.records;
    return this.#attempt(async () => {
      const isPoisonTaken = [...this.#taken].some((id) => this.#poison.has(id));
      const sound = isPoisonTaken || this.#wasPoison ? await this.#sound(limit) : [];
      return sound.length > 0 || isPoisonTaken ? sound : this.#oldest(limit);
    });
  }

  async #oldest(limit: number): Promise<readonly Due[]> {
    let due = await this.#due(limit, [...this.#taken, ...this.#tried]);
    if (due.length === 0 && this.#tried.size > 0) {
      this.#tried.clear();
      due = await this.#due(limit, [...this.#taken]);
    }
    const [head] = due;
    return head !== undefined && this.#isPoison(head) ? [head] : due.filter((one) => !this.#isPoison(one));
  }

  async #sound(limit: number): Promise<readonly Due[]> {
    for (;;) {
      const due = await this.#due(Math.max(limit, LOOK_AHEAD), [...this.#taken, ...this.#poison]);
      const sound = due.filter((one) => !this.#isPoison(one));
      if (sound.length > 0 || due.length === 0) return sound.slice(0, limit);
      this.isolate(due);
    }
  }

  #due(records: number, except: readonly number[]): Promise<readonly Due[]> {
    const limit = { records, bytes: this.#bytes, except: new Set(except) };
    return this.#options.outbox.due(this.#backend, limit);
  }

  /** Keeps a batch from being chosen again until it is released. Returns true if it is a poison record. */
  take(batch: readonly Due[]): boolean {
    for (const { id } of batch) this.#taken.add(id);
    const poison = batch.filter((one) => this.#isPoison(one));
    this.isolate(poison);
    for (const { id } of poison) this.#tried.add(id);
    this.#wasPoison = poison.length > 0;
    return this.#wasPoison;
  }

  release(batch: readonly Due[]): void {
    for (const { id } of batch) this.#taken.delete(id);
  }

  /**
   * Keeps a batch for a while from being chosen again, without counting that against it.
   *
   * @returns how long, in milliseconds
   */
  rest(batch: readonly Due[], waitMs: (times: number) => number): number {
    const times = 1 + Math.max(...batch.map(({ id }) => this.#resting.get(id)?.times ?? 0));
    const ms = waitMs(times);
    for (const { id } of batch) this.#resting.set(id, { until: this.#options.clock.now() + ms, times });
    return ms;
  }

  /** Milliseconds that nothing is to be chosen, as too many records rest. */
  restsMs(): number {
    if (this.#resting.size < MAX_RESTING) return 0;
    const now = this.#options.clock.now();
    const ends = [...this.#resting.values()].flatMap(({ until }) => (until > now ? until - now : []));
    return ends.length < MAX_RESTING ? 0 : Math.min(...ends);
  }

  /** Lets all that rests be chosen, as its backend is waited for. */
  endRests(): void {
    this.#endRests(Number.POSITIVE_INFINITY);
    this.#resting.clear();
  }

  #endRests(now: number): void {
    for (const [id, { until, times }] of this.#resting) {
      if (until > now || until === 0) continue;
      this.#taken.delete(id);
      this.#resting.set(id, { until: 0, times });
    }
  }

  #isPoison({ id, attempts }: Due): boolean {
    return this.#poison.has(id) || attempts >= TRUSTED_ATTEMPTS;
  }

  /** Has each of these records sent alone from now on. */
  isolate(batch: readonly Due[]): void {
    for (const { id } of batch) this.#poison.add(id);
  }

  /** Makes batches smaller than one that was too large. */
  shrink(batch: readonly Due[]): void {
    const bytes = batch.reduce((sum, { payload }) => sum + payload.length, 0);
    this.#bytes = Math.min(this.#bytes, bytes / 2);
  }

  grow(): void {
    this.#bytes = Math.min(this.#full.bytes, this.#bytes + this.#full.bytes * REGAIN);
  }

  /** Stores a result and releases the records. Until it can be stored they stay taken: no backend gets them twice. */
  store(batch: readonly Due[], result: DeliveryResult): Promise<void> {
    return this.#store([{ ...result, backend: this.#backend, ids: batch.map(({ id }) => id) }]);
  }

  /** Stores what could not be; resolves with true if nothing is left. */
  async catchUp(): Promise<boolean> {
    if (this.#unstored.length > 0) await this.#store(this.#unstored.splice(0));
    return this.#unstored.length === 0;
  }

  async #store(acks: readonly Ack[]): Promise<void> {
    const stored = await this.#attempt(async () => {
      await this.#options.outbox.ack(acks);
      return acks;
    });
    if (stored === undefined) this.#unstored.unshift(...acks);
    for (const { kind, ids } of stored ?? []) {
      const sets = kind === 'retry' ? [this.#taken] : [this.#taken, this.#poison, this.#tried, this.#resting];
      for (const set of sets) for (const id of ids) set.delete(id);
    }
  }

  /** Uses the outbox; undefined if that fails. */
  async #attempt<T>(use: () => Promise<T>): Promise<T | undefined> {
    const { epoch } = this.storage;
    try {
      const result = await use();
      this.storage.succeeded(epoch);
      return result;
    } catch (error) {
      this.storage.failed(this.storage.epoch);
      this.#options.events.storage(error);
      return undefined;
    }
  }
}
