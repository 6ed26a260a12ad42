import { isDeepStrictEqual } from 'node:util';
import type { Sink } from '../backends/backend.ts';
import type { Failure } from '../guardrail/failure.ts';
import type { Verdict } from '../guardrail/verdict.ts';
import type { Due } from '../outbox/contract.ts';
import { BACKEND_WAIT, Backoff, type Epoch, honoured, jittered, RECORD_WAIT } from './backoff.ts';
import { Batches } from './batches.ts';
import { WakeSignal } from './clock.ts';
import { type Delivered, type DeliveryOptions, deliver } from './deliver.ts';
import { Lane } from './lane.ts';
import { Ledger } from './ledger.ts';
import { pressureOf, remedyFor } from './remedy.ts';
import { SHARED_LOOK_MS, SharedBackoff } from './shared-backoff.ts';

/** Work can become due without anybody saying so: records that waited, and those that an operator put back. */
const POLL_MS = 1000;
/** Poison records that may fail in a row before that is the backend's. */
const MAX_ALONE = 8;
/** Bytes of records under way from which on no other delivery begins: each takes several times as much in memory. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The deliveries to one backend; courier.ts says in which states they can be. */
export class BackendQueue {
  readonly name: string;
  #sink: Sink;
  readonly #options: DeliveryOptions;
  readonly #wakeSignal: WakeSignal;
  readonly #backoff: Backoff;
  /** Undefined where the bridge is alone. */
  readonly #shared: SharedBackoff | undefined;
  readonly #ledger: Ledger;
  readonly #batches: Batches;
  #lane: Lane;
  /** Gives up what is under way. */
  readonly #closing = new AbortController();
  #underWay = 0;
  #bytesUnderWay = 0;
  /** Deliveries under way when their bytes held up the last one; no bound if more were since. */
  #boundByBytes = Number.POSITIVE_INFINITY;
  /** Failures of poison records since the last delivery that was taken. */
  #alone = 0;
  /** True if the last failure was the backend's, so that one record tells as much as many. */
  #isOutage = false;
  /** True while it is told that the backend takes nothing; a hold is told by itself. */
  #isStopped = false;
  /** True once nothing more is waited for. */
  #isDraining = false;
  /** True once nothing more is begun. */
  #isLeaving = false;
  readonly #running: Promise<void>;

  constructor(name: string, sink: Sink, options: DeliveryOptions) {
    this.name = name;
    this.#sink = sink;
    this.#options = options;
    this.#wakeSignal = new WakeSignal(options.clock);
    this.#backoff = new Backoff(options.clock.now, options.random);
    this.#shared = this.#share();
    this.#ledger = new Ledger(name, options, (ack) => {
      this.#batches.stored(ack);
      this.#wakeSignal.ring();
    });
    this.#batches = new Batches(sink.batch, this.#ledger, options.clock, options.maxAgeMs);
    this.#lane = new Lane(sink.concurrency, options.clock.now);
    this.#running = this.#run();
  }

  #share(): SharedBackoff | undefined {
    const { clock, events, outbox } = this.#options;
    if (outbox.stops === undefined) return undefined;
    return new SharedBackoff({
      ...{ backend: this.name, stops: outbox.stops, backoff: this.#backoff, clock },
      onHeld: (isHeld) => events.held(this.name, isHeld),
      onStopped: () => {
        this.#isOutage = true;
        this.#batches.startOver();
      },
      onBug: (error) => events.bug(error),
    });
  }

  /** Deliveries that may be under way at once, as far as the backend is well. */
  get width(): number {
    return this.#backoff.isProbing ? 1 : Math.min(this.#lane.exactWidth, this.#boundByBytes);
  }

  wake(): void {
    this.#wakeSignal.ring();
  }

  /** Forgets all waits. */
  retryNow(): void {
    this.#backoff.reset();
    this.#shared?.tryNow();
    this.#ledger.backoff.reset();
    this.#batches.startOver();
    this.#wakeSignal.ring();
  }

  /** Asks the outbox now: it can be used again. The backend is left alone as long as it is to be. */
  outboxIsBack(): void {
    this.#ledger.backoff.reset();
    this.#wakeSignal.ring();
  }

  /** Delivers by another configuration from now on, and tries it at once. What is under way ends as it began. */
  change(sink: Sink): void {
    if (sink === this.#sink) return;
    const { batch, concurrency } = this.#sink;
    this.#sink = sink;
    if (sink.concurrency !== concurrency) this.#lane = new Lane(sink.concurrency, this.#options.clock.now);
    if (!isDeepStrictEqual(sink.batch, batch)) this.#batches.resize(sink.batch);
    this.retryNow();
  }

  /** Begins nothing more; resolves when what is under way has ended. */
  leave(): Promise<void> {
    this.#isLeaving = true;
    this.#wakeSignal.ring();
    return this.#running;
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
    const storage = this.#ledger.backoff;
    while (!signal.aborted && !this.#isLeaving) {
      this.#tellStop();
      const waitMs = Math.max(this.#backoff.waitMs(), storage.waitMs(), this.#batches.restsMs());
      if (waitMs > 0) {
        await this.#wait(waitMs);
        continue;
      }
      if (storage.isProbing && !(await this.#ledger.flush())) continue;
      const { isProbing, epoch } = this.#backoff;
      const isFull = this.#underWay >= (isProbing ? 1 : this.#lane.width);
      if (isFull || this.#bytesUnderWay > MAX_BYTES) {
        if (!isFull) this.#boundByBytes = this.#underWay;
        await this.#pause(Number.POSITIVE_INFINITY);
        continue;
      }
      const gapMs = this.#underWay === 0 ? this.#lane.waitMs() : 0;
      if (gapMs > 0) {
        await this.#wakeSignal.sleep(gapMs);
        continue;
      }
      const batch = await this.#batches.next(this.#isOutage && isProbing);
      if (batch?.length === 0) await this.#wait(POLL_MS);
      else if (batch && this.#shared && !(await this.#shared.mayBegin())) await this.#wait(POLL_MS);
      // A delivery under way can have failed meanwhile
      else if (batch && epoch === this.#backoff.epoch && !signal.aborted && !this.#isLeaving)
        this.#begin(batch, epoch);
    }
    while (this.#underWay > 0) await this.#wakeSignal.sleep(Number.POSITIVE_INFINITY);
    await this.#ledger.flush();
    if (this.#backoff.isProbing) this.#shared?.letGo();
    await this.#shared?.settled();
  }

  /** Pauses so long, or until another replica finds that the backend is well. */
  async #wait(ms: number): Promise<void> {
    if (this.#shared === undefined || !this.#backoff.isProbing) return this.#pause(ms);
    await this.#pause(Math.min(ms, SHARED_LOOK_MS));
    await this.#shared.look();
  }

  /** Waits until there can be something to do; while draining only for what is under way. */
  async #pause(ms: number): Promise<void> {
    if (this.#underWay === 0 && !this.#ledger.backoff.isProbing) await this.#ledger.flush();
    if (!this.#isDraining) await this.#wakeSignal.sleep(ms);
    else if (this.#underWay > 0) await this.#wakeSignal.sleep(Number.POSITIVE_INFINITY);
    else this.#closing.abort();
  }

  #begin(batch: readonly Due[], epoch: Epoch): void {
    const bytes = batch.reduce((sum, { payload }) => sum + payload.length, 0);
    this.#underWay++;
    this.#lane.began(this.#underWay);
    if (this.#underWay > this.#boundByBytes) this.#boundByBytes = Number.POSITIVE_INFINITY;
    this.#bytesUnderWay += bytes;
    this.#deliver(batch, epoch)
      .catch((error: unknown) => this.#options.events.bug(error))
      .finally(() => {
        this.#underWay--;
        this.#bytesUnderWay -= bytes;
        this.#options.onFreed(bytes);
        this.#wakeSignal.ring();
      });
  }

  async #deliver(batch: readonly Due[], epoch: Epoch): Promise<void> {
    const isPoison = this.#batches.take(batch);
    // Sent alone for what happened to it before, while the backend takes others
    const isSingledOut = isPoison && !this.#backoff.isProbing;
    const startedAt = performance.now();
    const result = await deliver(batch, this.#sink, this.#options, this.#closing.signal);
    const [waitedMs, failedIn] = [this.#backoff.waitMs(), this.#backoff.epoch];
    if (result.kind === 'aborted') this.#batches.release(batch);
    else if (result.kind === 'failed') {
      this.#failed(batch, epoch, isSingledOut, result);
      this.#tellStop(result.failure);
      if (this.#backoff.epoch !== failedIn || this.#backoff.waitMs() > waitedMs) this.#shared?.stopped();
    } else this.#taken(batch, epoch, result.verdicts, performance.now() - startedAt);
  }

  #taken(batch: readonly Due[], epoch: Epoch, verdicts: readonly Verdict[], ms: number): void {
    const { events } = this.#options;
    const { isProbing } = this.#backoff;
    if (this.#backoff.succeeded(epoch)) events.held(this.name, false);
    this.#tellStop();
    if (isProbing && !this.#backoff.isProbing) this.#shared?.recovered();
    this.#lane.succeeded(ms);
    this.#alone = 0;
    this.#batches.grow();
    this.#ledger.note(batch, { kind: 'delivered' });
    events.delivered(this.name, batch.length, verdicts);
  }

  /** Another replica can have stopped it, or found that it is well. */
  #tellStop(failure?: Failure): void {
    const isStopped = this.#backoff.isProbing && !this.#backoff.isHeld;
    if (isStopped === this.#isStopped) return;
    this.#isStopped = isStopped;
    if (isStopped) this.#options.events.stopped(this.name, failure);
    else if (!this.#backoff.isHeld) this.#options.events.resumed(this.name);
  }

  #failed(
    batch: readonly Due[],
    epoch: Epoch,
    isSingledOut: boolean,
    { failure, refusal }: Delivered & { kind: 'failed' },
  ): void {
    const { events, clock, random } = this.#options;
    const backend = this.name;
    const remedy = remedyFor(failure, { records: batch.length, isSingledOut }, refusal);
    const pressure = pressureOf(failure, refusal);
    switch (remedy.kind) {
      case 'again': {
        if (remedy.mayBePassing && !this.#backoff.isProbing && !this.#lane.failed(pressure)) {
          const delayMs = this.#batches.rest(batch, (times) =>
            Math.max(jittered(BACKEND_WAIT, times, random), honoured(refusal.retryAfterMs)),
          );
          events.retried(backend, batch.length, failure, delayMs);
          return;
        }
        this.#isOutage = true;
        this.#backoff.failed(epoch, refusal.retryAfterMs);
        this.#batches.startOver();
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
        if (!isSingledOut || ++this.#alone > MAX_ALONE) {
          this.#isOutage = false;
          if (this.#backoff.isProbing || this.#lane.failed(pressure))
            this.#backoff.failed(epoch, refusal.retryAfterMs);
        }
        const attempts = (batch[0]?.attempts ?? 0) + 1;
        const aloneMs = Math.max(jittered(RECORD_WAIT, attempts, random), honoured(refusal.retryAfterMs));
        const delayMs = batch.length > 1 ? this.#backoff.waitMs() || aloneMs : aloneMs;
        this.#ledger.note(batch, { kind: 'retry', dueAt: clock.now() + delayMs });
        events.retried(backend, batch.length, failure, delayMs);
        return;
      }
      case 'shrink':
        this.#batches.shrink(batch);
        break;
      case 'isolate':
        this.#batches.isolate(batch);
        break;
      case 'dead':
        this.#ledger.note(batch, { kind: 'dead', reason: remedy.reason });
        events.dead(backend, batch.length, failure.kind);
        return;
    }
    this.#batches.release(batch);
    events.retried(backend, batch.length, failure, this.#backoff.waitMs());
  }
}
