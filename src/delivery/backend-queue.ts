import type { Sink } from '../backends/backend.ts';
import type { Verdict } from '../guardrail/verdict.ts';
import type { Due } from '../outbox/outbox.ts';
import { Acks } from './acks.ts';
import { Backoff, type Epoch, honoured, jittered, RECORD_WAIT } from './backoff.ts';
import { Batches } from './batches.ts';
import { WakeSignal } from './clock.ts';
import type { CourierOptions } from './courier.ts';
import { type Delivered, deliver } from './deliver.ts';
import { remedyFor } from './remedy.ts';

export type BackendQueueOptions = Required<Omit<CourierOptions, 'sinks'>> & {
  readonly name: string;
  readonly sink: Sink;
};

/** A delivery under way. */
type Delivery = {
  readonly batch: readonly Due[];
  readonly ids: readonly number[];
  readonly epoch: Epoch;
  /** True if it is one record, sent alone for what happened to it before, while the backend takes others. */
  readonly isSingledOut: boolean;
};

/** Work can become due without anybody saying so: records that waited, and those that an operator put back. */
const POLL_MS = 1000;

/** The deliveries to one backend; courier.ts says in which states they can be. */
export class BackendQueue {
  readonly #options: BackendQueueOptions;
  readonly #wakeSignal: WakeSignal;
  readonly #backoff: Backoff;
  readonly #batches: Batches;
  readonly #acks: Acks;
  /** Gives up what is under way. */
  readonly #closing = new AbortController();
  #underWay = 0;
  /** True if the last failure was the backend's, so that one record tells as much as many. */
  #isOutage = false;
  /** True once nothing more is waited for. */
  #isDraining = false;
  readonly #running: Promise<void>;

  constructor(options: BackendQueueOptions) {
    const { name, sink, outbox, clock, random, events } = options;
    this.#options = options;
    this.#wakeSignal = new WakeSignal(clock);
    this.#backoff = new Backoff(clock.now, random);
    this.#batches = new Batches(outbox, name, sink.batch);
    this.#acks = new Acks({
      outbox,
      now: clock.now,
      onError: events.storage,
      onStored: ({ kind, ids }) => {
        this.#batches.release(ids);
        if (kind !== 'retry') this.#batches.forget(ids);
      },
    });
    this.#running = this.#run();
  }

  wake(): void {
    this.#wakeSignal.ring();
  }

  /** Forgets all waits. */
  retryNow(): void {
    this.#backoff.reset();
    this.#acks.retryNow();
    this.#wakeSignal.ring();
  }

  /** Resolves when nothing is left that is due, or the backend has to be waited for, or `stop` is called. */
  drain(): Promise<void> {
    this.#isDraining = true;
    this.#wakeSignal.ring();
    return this.#running;
  }

  /** Gives up what is under way; resolves when it is over. */
  stop(): Promise<void> {
    this.#closing.abort();
    this.#wakeSignal.ring();
    return this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const idleMs = await this.#beginDelivery();
      if (idleMs === 0) continue;
      if (this.#isDraining && this.#underWay === 0) break;
      await this.#wakeSignal.sleep(this.#isDraining ? Number.POSITIVE_INFINITY : idleMs);
    }
    while (this.#underWay > 0) await this.#wakeSignal.sleep(Number.POSITIVE_INFINITY);
    await this.#acks.catchUp();
  }

  /** Begins a delivery if there is one to begin. Returns how long there will be none, unless it is woken. */
  async #beginDelivery(): Promise<number> {
    if (this.#waitMs() > 0) return this.#waitMs();
    if (!(await this.#acks.catchUp())) return this.#waitMs();
    const { isProbing, epoch } = this.#backoff;
    if (this.#underWay >= (isProbing ? 1 : this.#options.concurrency)) return Number.POSITIVE_INFINITY;
    const batch = await this.#acks.attempt(() => this.#batches.next(this.#isOutage && isProbing));
    if (batch === undefined) return this.#waitMs();
    if (batch.length === 0) return POLL_MS;
    // One under way can have failed meanwhile
    if (epoch === this.#backoff.epoch && !this.#closing.signal.aborted) void this.#deliver(batch, epoch);
    return 0;
  }

  #waitMs(): number {
    return Math.max(this.#backoff.waitMs(), this.#acks.waitMs());
  }

  async #deliver(batch: readonly Due[], epoch: Epoch): Promise<void> {
    this.#underWay++;
    this.#batches.take(batch);
    const delivery: Delivery = {
      batch,
      ids: batch.map(({ id }) => id),
      epoch,
      isSingledOut: this.#batches.isPoison(batch[0]) && !this.#backoff.isProbing,
    };
    const delivered = await deliver(batch, this.#options, this.#closing.signal);
    if (delivered.kind === 'aborted') this.#batches.release(delivery.ids);
    else if (delivered.kind === 'taken') await this.#taken(delivery, delivered.verdicts);
    else await this.#failed(delivery, delivered);
    this.#underWay--;
    this.#wakeSignal.ring();
  }

  async #taken({ ids, epoch }: Delivery, verdicts: readonly Verdict[]): Promise<void> {
    const { name: backend, events } = this.#options;
    if (this.#backoff.succeeded(epoch)) events.held(backend, false);
    this.#batches.grow();
    await this.#acks.store({ kind: 'delivered', backend, ids });
    events.delivered(backend, ids.length, verdicts);
  }

  async #failed(delivery: Delivery, { failure, refusal }: Delivered & { kind: 'failed' }): Promise<void> {
    const { name: backend, events } = this.#options;
    const { batch, ids, epoch, isSingledOut } = delivery;
    const remedy = remedyFor(failure, { records: ids.length, isSingledOut }, refusal);
    switch (remedy.kind) {
      case 'again':
        this.#isOutage = true;
        this.#backoff.failed(epoch, refusal.retryAfterMs);
        break;
      case 'hold':
        this.#isOutage = true;
        if (this.#backoff.refused(epoch, refusal.retryAfterMs)) events.held(backend, true, failure);
        // Should one of them be to blame, others are tried too
        if (remedy.mayBeRecord) this.#batches.isolate(ids);
        break;
      case 'count': {
        const delayMs = await this.#count(delivery, refusal.retryAfterMs);
        return events.retried(backend, ids.length, failure, delayMs);
      }
      case 'shrink':
        this.#batches.shrink(batch);
        break;
      case 'isolate':
        this.#batches.isolate(ids);
        break;
      case 'dead':
        await this.#acks.store({ kind: 'dead', backend, ids, reason: remedy.reason });
        return events.dead(backend, ids.length, failure.kind);
    }
    this.#batches.release(ids);
    events.retried(backend, ids.length, failure, this.#backoff.waitMs());
  }

  /** Counts an attempt of records that may be to blame; returns how long they wait. */
  async #count({ batch, ids, epoch, isSingledOut }: Delivery, retryAfterMs?: number): Promise<number> {
    const { name: backend, clock, random } = this.#options;
    // The failure of a poison record, while others are taken, says nothing of the backend
    if (!isSingledOut) {
      this.#isOutage = false;
      this.#backoff.failed(epoch, retryAfterMs);
    }
    const attempts = (batch[0]?.attempts ?? 0) + 1;
    const delayMs =
      ids.length > 1
        ? this.#backoff.waitMs()
        : Math.max(jittered(RECORD_WAIT, attempts, random), honoured(retryAfterMs));
    await this.#acks.store({ kind: 'retry', backend, ids, dueAt: clock.now() + delayMs });
    return delayMs;
  }
}
