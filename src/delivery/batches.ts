import type { Batch } from '../backends/backend.ts';
import type { Due, Outbox } from '../outbox/outbox.ts';

/** A record with this many attempts is sent alone. */
const TRUSTED_ATTEMPTS = 3;
/** Records looked at for some that need not be sent alone. */
const LOOK_AHEAD = 100;
/** Part of its full size that a batch gains with each success, after it was too large. */
const REGAIN = 1 / 16;

/**
 * Chooses what is delivered next to one backend. Poison records, which failed before or with which a batch was refused, are
 * sent alone, one at a time, in turn, and every second time at most: however many there are and however long each of them
 * takes, the others go on.
 */
export class Batches {
  readonly #outbox: Pick<Outbox, 'due'>;
  readonly #backend: string;
  readonly #full: Batch;
  /** Bytes of a batch, after some were too large. */
  #bytes: number;
  /** Ids of what is under way. */
  readonly #taken = new Set<number>();
  readonly #poison = new Set<number>();
  /** Poison records that had their turn. */
  readonly #tried = new Set<number>();
  /** The poison record that is under way. */
  #takenPoison: number | undefined;
  /** True if the batch before was a poison record. */
  #wasPoison = false;

  constructor(outbox: Pick<Outbox, 'due'>, backend: string, full: Batch) {
    this.#outbox = outbox;
    this.#backend = backend;
    this.#full = full;
    this.#bytes = full.bytes;
  }

  /** Returns the oldest due, without what is taken; one record if it is to be sent alone. Takes nothing. @throws OutboxError */
  async next(isProbe: boolean): Promise<readonly Due[]> {
    const limit = isProbe ? 1 : this.#full.records;
    if (this.#takenPoison === undefined && !this.#wasPoison) return this.#oldest(limit);
    const sound = await this.#sound(limit);
    return sound.length === 0 && this.#takenPoison === undefined ? this.#oldest(limit) : sound;
  }

  async #oldest(limit: number): Promise<readonly Due[]> {
    let due = await this.#due(limit, [...this.#taken, ...this.#tried]);
    if (due.length === 0 && this.#tried.size > 0) {
      this.#tried.clear();
      due = await this.#due(limit, [...this.#taken]);
    }
    const [head] = due;
    return head !== undefined && this.isPoison(head) ? [head] : due.filter((one) => !this.isPoison(one));
  }

  async #sound(limit: number): Promise<readonly Due[]> {
    for (;;) {
      const due = await this.#due(Math.max(limit, LOOK_AHEAD), [...this.#taken, ...this.#poison]);
      const sound = due.filter((one) => !this.isPoison(one));
      if (sound.length > 0 || due.length === 0) return sound.slice(0, limit);
      for (const { id } of due) this.#poison.add(id);
    }
  }

  #due(records: number, except: readonly number[]): Promise<readonly Due[]> {
    return this.#outbox.due(this.#backend, { records, bytes: this.#bytes, except: new Set(except) });
  }

  /** Keeps a batch from being chosen again until it is released. */
  take(batch: readonly Due[]): void {
    for (const { id } of batch) this.#taken.add(id);
    const [head] = batch;
    this.#wasPoison = this.isPoison(head);
    if (head === undefined || !this.#wasPoison) return;
    this.#takenPoison = head.id;
    this.#tried.add(head.id);
  }

  release(ids: readonly number[]): void {
    for (const id of ids) this.#taken.delete(id);
    if (this.#takenPoison !== undefined && ids.includes(this.#takenPoison)) this.#takenPoison = undefined;
  }

  /** True if a record is sent alone for what happened to it before. */
  isPoison(record: Due | undefined): boolean {
    return record !== undefined && (this.#poison.has(record.id) || record.attempts >= TRUSTED_ATTEMPTS);
  }

  /** Has each of these records sent alone from now on. */
  isolate(ids: readonly number[]): void {
    for (const id of ids) this.#poison.add(id);
  }

  /** Forgets records that are delivered or dead. */
  forget(ids: readonly number[]): void {
    for (const id of ids) {
      this.#poison.delete(id);
      this.#tried.delete(id);
    }
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
