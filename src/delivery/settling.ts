import type { Ack, Outbox } from '../outbox/outbox.ts';
import { growing, STORAGE_WAIT } from './backoff.ts';

/** Writes down what became of deliveries, and remembers what could not be written down. */
export type Settling = {
  /** Never throws: what cannot be stored is kept for {@link Settling.catchUp}. */
  settle(settlement: Ack): Promise<void>;
  /** Stores what could not be; returns whether nothing is left. */
  catchUp(): Promise<boolean>;
  /** Runs something that needs the outbox; undefined if that fails. */
  attempt<T>(use: () => Promise<T>): Promise<T | undefined>;
  /** Milliseconds until the outbox is to be asked again. */
  waitMs(): number;
  hurry(): void;
};

export type SettlingOptions = {
  readonly outbox: Pick<Outbox, 'ack'>;
  now(): number;
  onError(error: unknown): void;
  /** Told of what is stored: until then it must not be delivered again. */
  onSettled(settlement: Ack): void;
};

/** Keeps a backend from being handed again what it has taken, while an outbox that fails does not know of it. */
export function createSettling({ outbox, now, onError, onSettled }: SettlingOptions): Settling {
  let unsettled: Ack[] = [];
  let failures = 0;
  let until = Number.NEGATIVE_INFINITY;

  async function attempt<T>(use: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await use();
      failures = 0;
      return result;
    } catch (error) {
      failures++;
      until = now() + growing(STORAGE_WAIT, failures);
      onError(error);
      return undefined;
    }
  }

  async function store(settlements: readonly Ack[]): Promise<void> {
    const stored = await attempt(async () => {
      await outbox.ack(settlements);
      return true;
    });
    if (stored) settlements.forEach(onSettled);
    else unsettled = [...settlements, ...unsettled];
  }

  return {
    attempt,
    settle: (settlement) => store([settlement]),
    async catchUp() {
      if (unsettled.length > 0) await store(unsettled.splice(0));
      return unsettled.length === 0;
    },
    waitMs: () => Math.max(0, until - now()),
    hurry() {
      until = Number.NEGATIVE_INFINITY;
    },
  };
}
