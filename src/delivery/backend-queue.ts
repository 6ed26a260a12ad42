import type { Sink } from '../backends/backend.ts';
import type { Verdict } from '../guardrail/verdict.ts';
import type { Due } from '../outbox/contract.ts';
import { BACKEND_WAIT, Backoff, type Epoch, honoured, jittered, RECORD_WAIT } from './backoff.ts';
import { Batches } from './batches.ts';
import { WakeSignal } from './clock.ts';
import { type Delivered, type DeliveryOptions, deliver } from './deliver.ts';
import { Lane } from './lane.ts';
import { remedyFor } from './remedy.ts';

/** Work can become due without anybody saying so: records that waited, and those that an operator put back. */
const POLL_MS = 1000;
/** A batch of many records takes several times its bytes in memory: few of them are under way at once. */
const MAX_BATCHES = 4;
/** Bytes of records under way from which on no other delivery begins. */
const MAX_BYTES = 8 * 1024 * 1024;

/** The deliveries to one backend; courier.ts says in which states they can be. */
export class BackendQueue {
  readonly #name: string;
  readonly #sink: Sink;
  readonly #options: DeliveryOptions;
  readonly #wakeSignal: WakeSignal;
  readonly #backoff: Backoff;
  readonly #batches: Batches;
  readonly #lane: Lane;
  /** Gives up what is under way. */
  readonly #closing = new AbortController();
  #underWay = 0;
  #bytesUnderWay = 0;
  /** True if the last failure was the backend's, so that one record tells as much as many. */
  #isOutage = false;
  /** True once nothing more is waited for. */
  #isDraining = false;
  readonly #running: Promise<void>;

  constructor(name: string, sink: Sink, options: DeliveryOptions) {
    this.#name = name;
    this.#sink = sink;
    this.#options = options;
    this.#wakeSignal = new WakeSignal(options.clock);
    this.#backoff = new Backoff(options.clock.now, options.random);
    this.#batches = new Batches(name, sink.batch, options);
    const { concurrency } = options;
    this.#lane = new Lane(sink.batch.records === 1 ? concurrency : Math.min(MAX_BATCHES, concurrency));
    this.#running = this.#run();
  }

  wake(): void {
    this.#wakeSignal.ring();
  }

  /** Forgets all waits. */
  retryNow(): void {
    this.#backoff.reset();
    this.#batches.storage.reset();
    this.#batches.endRests();
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
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const waitMs = Math.max(
        this.#backoff.waitMs(),
        this.#batches.storage.waitMs(),
        this.#batches.restsMs(),
      );
      if (waitMs > 0) {
        await this.#pause(waitMs);
        continue;
      }
      if (!(await this.#batches.catchUp())) continue;
      const { isProbing, epoch } = this.#backoff;
      if (this.#underWay >= (isProbing ? 1 : this.#lane.width) || this.#bytesUnderWay > MAX_BYTES) {
        await this.#pause(Number.POSITIVE_INFINITY);
        continue;
      }
      const batch = await this.#batches.next(this.#isOutage && isProbing);
      if (batch?.length === 0) await this.#pause(POLL_MS);
      // A delivery under way can have failed meanwhile
      else if (batch && epoch === this.#backoff.epoch && !signal.aborted) this.#begin(batch, epoch);
    }
    while (this.#underWay > 0) await this.#wakeSignal.sleep(Number.POSITIVE_INFINITY);
    await this.#batches.catchUp();
  }

  /** Waits until there can be something to do; while draining only for what is under way. */
  async #pause(ms: number): Promise<void> {
    if (!this.#isDraining) await this.#wakeSignal.sleep(ms);
    else if (this.#underWay > 0) await this.#wakeSignal.sleep(Number.POSITIVE_INFINITY);
    else this.#closing.abort();
  }

  #begin(batch: readonly Due[], epoch: Epoch): void {
    const bytes = batch.reduce((sum, { payload }) => sum + payload.length, 0);
    this.#underWay++;
    this.#bytesUnderWay += bytes;
    this.#deliver(batch, epoch)
      .catch((error: unknown) => this.#options.events.bug(error))
      .finally(() => {
        this.#underWay--;
        this.#bytesUnderWay -= bytes;
        this.#wakeSignal.ring();
      });
  }

  async #deliver(batch: readonly Due[], epoch: Epoch): Promise<void> {
    const isPoison = this.#batches.take(batch);
    // Sent alone for what happened to it before, while the backend takes others
    const isSingledOut = isPoison && !this.#backoff.isProbing;
    const result = await deliver(batch, this.#sink, this.#options, this.#closing.signal);
    if (result.kind === 'aborted') this.#batches.release(batch);
    else if (result.kind === 'taken') await this.#taken(batch, epoch, result.verdicts);
    else await this.#failed(batch, epoch, isSingledOut, result);
  }

  async #taken(batch: readonly Due[], epoch: Epoch, verdicts: readonly Verdict[]): Promise<void> {
    const { events } = this.#options;
    if (this.#backoff.succeeded(epoch)) events.held(this.#name, false);
    this.#lane.succeeded();
    this.#batches.grow();
    await this.#batches.store(batch, { kind: 'delivered' });
    events.delivered(this.#name, batch.length, verdicts);
  }

  async #failed(
    batch: readonly Due[],
    epoch: Epoch,
    isSingledOut: boolean,
    { failure, refusal }: Delivered & { kind: 'failed' },
  ): Promise<void> {
    const { events, clock, random } = this.#options;
    const backend = this.#name;
    const remedy = remedyFor(failure, { records: batch.length, isSingledOut }, refusal);
    switch (remedy.kind) {
      case 'again': {
        if (remedy.mayBePassing && !this.#backoff.isProbing && !this.#lane.failed()) {
          const delayMs = this.#batches.rest(batch, (times) =>
            Math.max(jittered(BACKEND_WAIT, times, random), honoured(refusal.retryAfterMs)),
          );
          if (honoured(refusal.retryAfterMs) > 0) this.#lane.narrow();
          return events.retried(backend, batch.length, failure, delayMs);
        }
        this.#isOutage = true;
        this.#backoff.failed(epoch, refusal.retryAfterMs);
        this.#batches.endRests();
        break;
      }
      case 'hold':
        this.#isOutage = true;
        if (this.#backoff.refused(epoch, refusal.retryAfterMs)) events.held(backend, true, failure);
        // Should one of them be to blame, others are tried too
        if (remedy.mayBeRecord) this.#batches.isolate(batch);
        break;
      case 'count': {
        // The failure of a poison record, while others are taken, says nothing of the backend
        if (!isSingledOut) {
          this.#isOutage = false;
          if (this.#backoff.isProbing || this.#lane.failed())
            this.#backoff.failed(epoch, refusal.retryAfterMs);
        }
        const attempts = (batch[0]?.attempts ?? 0) + 1;
        const aloneMs = Math.max(jittered(RECORD_WAIT, attempts, random), honoured(refusal.retryAfterMs));
        const delayMs = batch.length > 1 ? this.#backoff.waitMs() || aloneMs : aloneMs;
        await this.#batches.store(batch, { kind: 'retry', dueAt: clock.now() + delayMs });
        return events.retried(backend, batch.length, failure, delayMs);
      }
      case 'shrink':
        this.#batches.shrink(batch);
        break;
      case 'isolate':
        this.#batches.isolate(batch);
        break;
      case 'dead':
        await this.#batches.store(batch, { kind: 'dead', reason: remedy.reason });
        return events.dead(backend, batch.length, failure.kind);
    }
    this.#batches.release(batch);
    events.retried(backend, batch.length, failure, this.#backoff.waitMs());
  }
}
