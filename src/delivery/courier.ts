import type { Sink } from '../backends/backend.ts';
import { BackendQueue } from './backend-queue.ts';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import type { DeliveryOptions } from './deliver.ts';

/*
 * The courier takes records from the outbox to the backends. Each backend has a queue with a loop of its own, so that none
 * waits for another, and is in one of four states:
 *
 * idle        Nothing is due. It looks again when it is woken, and once a second.
 * delivering  Batches go out, the oldest first, several at once: as many as lane.ts finds that the backend can take. A
 *             failure among them is the record's.
 * waiting     The outbox failed, or the backend: it cannot be reached, or failed eight times in a row. A backend is tried
 *             again after a random part of 1 s, 2 s, 4 s … up to 5 min, or after the `Retry-After` it sent (up to 1 h), by
 *             one delivery at a time until one is taken. Then it is delivering again, with few at once in the beginning.
 *             The outbox is tried again after 1 s, 2 s … up to 30 s, and told first what was delivered that it does not
 *             know of.
 * held        The backend refuses our token (401, 403). One record after 1 min, 2 min, 4 min … up to 10 min tests
 *             whether the token was mended; when it is taken, the backend is delivering again.
 *
 * Replicas that share an outbox share the last two states: shared-backoff.ts.
 *
 * The result of a failed delivery for its record:
 *
 * - nothing, where the backend is in trouble (no connection, 429, 502, 503, 504, a redirect): it waits by itself while others
 *   are taken, and none are while 500 records wait so; else it stays the head of its queue, and is sent alone until the
 *   backend takes it. To give it up for its age is the outbox's.
 * - counted, where it may be to blame (another 5xx or 4xx, no reply in time, a reply that is none). After three attempts
 *   it is a poison record. A record that fails alone waits for itself, up to an hour, and the others go on,
 *   unless eight such records fail and none is taken: then it is the backend.
 * - sent alone, where a batch was refused (400, 422) or could not be made (a mistake of ours): it is a poison record too.
 *   Of poison records one at a time is under way, and between two of them something else. A batch that is too large (413)
 *   goes out as smaller ones.
 * - a dead letter, where it is refused alone (400, 413, 422, a mistake of ours).
 *
 * Results are stored in groups, within 10 ms, or 250 ms on a slow disk. Nothing else of this is kept but the count and the
 * time of a record: after a restart every backend is taken to be well, and what was under way, or taken and not stored, is
 * delivered again, under the same `record_id`.
 */

const DEFAULTS = {
  timeoutMs: 30_000,
  maxAgeMs: Number.POSITIVE_INFINITY,
  clock: SYSTEM_CLOCK,
  random: Math.random,
  onFreed: () => {},
};

/** A field without a default is required. */
export type CourierOptions = Partial<DeliveryOptions> & Omit<DeliveryOptions, keyof typeof DEFAULTS>;

/** A backend that takes records. */
export type NamedSink = { readonly name: string; readonly sink: Sink };

/** Delivers what is in the outbox, from its construction on. */
export class Courier {
  readonly #options: DeliveryOptions;
  readonly #clock: Clock;
  #sinks: readonly NamedSink[] = [];
  /** By the names of their backends. */
  readonly #queues = new Map<string, BackendQueue>();
  /** Those of backends that are gone, as long as something is under way. */
  readonly #leaving = new Map<string, BackendQueue>();
  #isClosed = false;

  constructor(sinks: readonly NamedSink[], options: CourierOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#clock = this.#options.clock;
    this.update(sinks);
  }

  /**
   * Delivers to these backends from now on. One that is known by its name keeps its state, and is tried at once with what changed. Of
   * one that is gone only what is under way ends; the rest stays in the outbox.
   */
  update(sinks: readonly NamedSink[]): void {
    this.#sinks = sinks;
    const { bug } = this.#options.events;
    for (const [name, queue] of this.#queues) {
      if (sinks.some((one) => one.name === name)) continue;
      this.#queues.delete(name);
      this.#leaving.set(name, queue);
      const left = () => {
        this.#leaving.delete(name);
        this.#open();
      };
      queue.leave().then(left).catch(bug);
    }
    this.#open();
  }

  /** A backend that is back is waited for: two queues would deliver the same records. */
  #open(): void {
    if (this.#isClosed) return;
    for (const { name, sink } of this.#sinks) {
      const known = this.#queues.get(name);
      if (known !== undefined) known.change(sink);
      else if (!this.#leaving.has(name)) this.#queues.set(name, new BackendQueue(name, sink, this.#options));
    }
  }

  /** Deliveries that may be under way at once to each backend, by its name; below 1 it is the part of the time in which one is. */
  widths(): ReadonlyMap<string, number> {
    return new Map([...this.#queues].map(([name, { width }]) => [name, width]));
  }

  /** Has all queues look for what is due. */
  wake(): void {
    for (const queue of this.#queues.values()) queue.wake();
  }

  /** The outbox can be used again. */
  outboxIsBack(): void {
    for (const queue of this.#queues.values()) queue.outboxIsBack();
  }

  /** Forgets all waits, as an operator wants everything to be tried now. */
  retryNow(): void {
    for (const queue of this.#queues.values()) queue.retryNow();
  }

  /**
   * Delivers what is due, except to backends that have to be waited for, for at most this long. Then gives up what is under
   * way, which stays in the outbox.
   */
  async close(drainMs: number): Promise<void> {
    this.#isClosed = true;
    const queues = [...this.#queues.values(), ...this.#leaving.values()];
    const limit = new AbortController();
    const drained = Promise.all(queues.map((queue) => queue.drain()));
    await Promise.race([drained, this.#clock.sleep(drainMs, limit.signal)]);
    limit.abort();
    await Promise.all(queues.map((queue) => queue.stop()));
  }
}
