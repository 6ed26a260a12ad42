import type { Sink } from '../backends/backend.ts';
import type { Http } from '../backends/http.ts';
import type { Failure } from '../guardrail/failure.ts';
import type { Verdict } from '../guardrail/verdict.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { BackendQueue } from './backend-queue.ts';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';

/*
 * The courier takes records from the outbox to the backends. Each backend has a queue with a loop of its own, so that none
 * waits for another, and is in one of four states:
 *
 * idle        Nothing is due. It looks again when it is woken, and once a second.
 * delivering  Batches go out, the oldest first, several at once.
 * waiting     The backend, or the outbox, failed. A backend is tried again after a random part of 1 s, 2 s, 4 s … up to
 *             5 min, or after the `Retry-After` it sent (up to 1 h), by one delivery at a time until one is taken. Then
 *             it is delivering again. The outbox is tried again after 1 s, 2 s … up to 30 s, and told first what was
 *             delivered that it does not know of.
 * held        The backend refuses our token (401, 403). One record after 1 min, 2 min, 4 min … up to 10 min tests
 *             whether the token was mended; when it is taken, the backend is delivering again.
 *
 * What becomes of a record whose delivery failed:
 *
 * - nothing, where the backend is in trouble (no connection, 429, 502, 503, 504, a redirect): it stays the head of its
 *   queue, and is sent alone until the backend takes it. To give it up for its age is the outbox's.
 * - counted, where it may be to blame (another 5xx or 4xx, no reply in time, a reply that is none). After three attempts
 *   it is a poison record. A record that fails alone waits for itself, up to an hour, and the others go on.
 * - sent alone, where a batch was refused (400, 422) or could not be made (a mistake of ours): it is a poison record too.
 *   Of poison records one at a time is under way, and between two of them something else. A batch that is too large (413)
 *   goes out as smaller ones.
 * - a dead letter, where it is refused alone (400, 413, 422, a mistake of ours).
 *
 * Nothing of this is kept but the count and the time of a record: after a restart every backend is taken to be well, and
 * what was under way is delivered again, under the same `record_id`.
 */

/** Events of deliveries. None holds content of a record or of a vendor's reply. */
export type CourierEvents = {
  /** `verdicts` are of a backend that judged the records now. */
  delivered(backend: string, records: number, verdicts: readonly Verdict[]): void;
  retried(backend: string, records: number, failure: Failure, delayMs: number): void;
  /** `kind` is that of the failure. */
  dead(backend: string, records: number, kind: Failure['kind']): void;
  /** The backend begins to refuse our token, or takes records again. Told once each time. */
  held(backend: string, isHeld: boolean, failure?: Failure): void;
  /** The outbox failed. */
  storage(error: unknown): void;
};

export type CourierOptions = {
  readonly outbox: Pick<Outbox, 'due' | 'ack'>;
  readonly sinks: readonly { readonly name: string; readonly sink: Sink }[];
  readonly http: Http;
  /** Deliveries at once to one backend. Default 4. */
  readonly concurrency?: number;
  /** Limit of one delivery. Default 30 s. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly events: CourierEvents;
};

/** Delivers what is in the outbox, from its construction on. */
export class Courier {
  readonly #queues: readonly BackendQueue[];
  readonly #clock: Clock;
  #closed: Promise<void> | undefined;

  constructor({ sinks, ...rest }: CourierOptions) {
    const options = { concurrency: 4, timeoutMs: 30_000, clock: SYSTEM_CLOCK, random: Math.random, ...rest };
    this.#clock = options.clock;
    this.#queues = sinks.map(({ name, sink }) => new BackendQueue({ ...options, name, sink }));
  }

  /** Has all queues look for what is due. */
  wake(): void {
    for (const queue of this.#queues) queue.wake();
  }

  /** Forgets all waits, as an operator wants everything to be tried now. */
  retryNow(): void {
    for (const queue of this.#queues) queue.retryNow();
  }

  /**
   * Delivers what is due, except to backends that have to be waited for, for at most this long. Then gives up what is under
   * way, which stays in the outbox.
   */
  close(drainMs: number): Promise<void> {
    this.#closed ??= this.#close(drainMs);
    return this.#closed;
  }

  async #close(drainMs: number): Promise<void> {
    const limit = new AbortController();
    const drained = Promise.all(this.#queues.map((queue) => queue.drain()));
    await Promise.race([drained, this.#clock.sleep(drainMs, limit.signal)]);
    limit.abort();
    await Promise.all(this.#queues.map((queue) => queue.stop()));
  }
}
