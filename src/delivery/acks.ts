import type { Ack, Outbox } from '../outbox/outbox.ts';
import { growing, STORAGE_WAIT } from './backoff.ts';

export type AcksOptions = {
  readonly outbox: Pick<Outbox, 'ack'>;
  now(): number;
  onError(error: unknown): void;
  /** Told of what is stored: until then it must not be delivered again. */
  onStored(ack: Ack): void;
};

/**
 * Stores the results of deliveries, and remembers those that could not be stored: a backend is not handed again what it has
 * taken, while an outbox that fails does not know of it.
 */
export class Acks {
  readonly #options: AcksOptions;
  /** Oldest first. */
  #unstored: Ack[] = [];
  /** Failures of the outbox in a row. */
  #failures = 0;
  /** The outbox is left alone until this time. */
  #until = Number.NEGATIVE_INFINITY;

  constructor(options: AcksOptions) {
    this.#options = options;
  }

  /** Never throws: what cannot be stored is kept for {@link Acks.catchUp}. */
  async store(...acks: readonly Ack[]): Promise<void> {
    const stored = await this.attempt(async () => {
      await this.#options.outbox.ack(acks);
      return true;
    });
    if (stored) for (const ack of acks) this.#options.onStored(ack);
    else this.#unstored.unshift(...acks);
  }

  /** Stores what could not be; resolves with true if nothing is left. */
  async catchUp(): Promise<boolean> {
    if (this.#unstored.length > 0) await this.store(...this.#unstored.splice(0));
    return this.#unstored.length === 0;
  }

  /** Runs something that needs the outbox; undefined if that fails. */
  async attempt<T>(use: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await use();
      this.#failures = 0;
      return result;
    } catch (error) {
      this.#failures++;
      this.#until = this.#options.now() + growing(STORAGE_WAIT, this.#failures);
      this.#options.onError(error);
      return undefined;
    }
  }

  /** Milliseconds until the outbox is to be tried again. */
  waitMs(): number {
    return Math.max(0, this.#until - this.#options.now());
  }

  /** Forgets the wait. */
  retryNow(): void {
    this.#until = Number.NEGATIVE_INFINITY;
  }
}
