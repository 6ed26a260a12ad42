import type { Ack, DeliveryResult, Due, DueLimit } from '../outbox/contract.ts';
import { Backoff, STORAGE_WAIT } from './backoff.ts';
import type { DeliveryOptions } from './deliver.ts';

/**
 * Results that come within this time are stored together, and on a slow disk within as many times what the last flush took: nothing else
 * goes on in this thread meanwhile.
 */
const GATHER_MS = 10;
const GATHER_FLUSHES = 4;
const MAX_GATHER_MS = 250;
/** Records whose results are not gathered any longer: each query of the outbox passes over them. */
const MAX_GATHERED = 200;

/**
 * Reads what is due for one backend from the outbox, and stores the results of its deliveries. What the outbox could not do is tried again when
 * `backoff` says so.
 */
export class Ledger {
  readonly #backend: string;
  readonly #options: Pick<DeliveryOptions, 'outbox' | 'clock' | 'events'>;
  readonly #onStored: (ack: Ack) => void;
  readonly backoff: Backoff;
  /** Results that the outbox does not know of, the oldest first. */
  #unstored: Ack[] = [];
  #timer: NodeJS.Timeout | undefined;
  #gatherMs = GATHER_MS;
  /** One after another. */
  #flushing: Promise<boolean> = Promise.resolve(true);

  /** @param onStored told of each result once it is durable */
  constructor(
    backend: string,
    options: Pick<DeliveryOptions, 'outbox' | 'clock' | 'events'>,
    onStored: (ack: Ack) => void,
  ) {
    this.#backend = backend;
    this.#options = options;
    this.#onStored = onStored;
    this.backoff = new Backoff(options.clock.now, () => 1, STORAGE_WAIT);
  }

  /** The oldest due; undefined if the outbox fails. */
  due(limit: DueLimit): Promise<readonly Due[] | undefined> {
    return this.#attempt(() => this.#options.outbox.due(this.#backend, limit));
  }

  /** Stores a result, soon. */
  note(batch: readonly Due[], result: DeliveryResult): void {
    this.#unstored.push({ ...result, backend: this.#backend, ids: batch.map(({ id }) => id) });
    // Earlier failures are stored by who waits for the outbox
    if (this.backoff.isProbing) return;
    const flush = () => {
      this.flush().catch((error: unknown) => this.#options.events.bug(error));
    };
    const gathered = this.#unstored.reduce((sum, { ids }) => sum + ids.length, 0);
    if (gathered >= MAX_GATHERED) flush();
    else this.#timer ??= setTimeout(flush, this.#gatherMs);
  }

  /** Stores all results now; resolves with true if nothing is left. */
  flush(): Promise<boolean> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const flushed = this.#flushing.then(() => this.#flush());
    this.#flushing = flushed.catch(() => false);
    return flushed;
  }

  async #flush(): Promise<boolean> {
    const acks = this.#unstored.splice(0);
    if (acks.length === 0) return true;
    const startedAt = performance.now();
    const isStored = await this.#attempt(async () => {
      await this.#options.outbox.ack(acks);
      return true;
    });
    const slowly = GATHER_FLUSHES * (performance.now() - startedAt);
    this.#gatherMs = Math.min(MAX_GATHER_MS, Math.max(GATHER_MS, slowly));
    if (isStored) for (const ack of acks) this.#onStored(ack);
    else this.#unstored.unshift(...acks);
    return isStored === true;
  }

  async #attempt<T>(use: () => Promise<T>): Promise<T | undefined> {
    const { epoch } = this.backoff;
    try {
      const result = await use();
      this.backoff.succeeded(epoch);
      return result;
    } catch (error) {
      this.backoff.failed(this.backoff.epoch);
      this.#options.events.storage(error);
      return undefined;
    }
  }
}
