import type { Sink } from '../backends/backend.ts';
import type { Due } from '../outbox/outbox.ts';
import { honoured, jittered, RECORD_WAIT } from './backoff.ts';
import { createBatches } from './batches.ts';
import { createBell } from './clock.ts';
import type { CourierOptions, CourierState } from './courier.ts';
import { remedyFor } from './delivery.ts';
import { handOver } from './hand-over.ts';
import { createPace, type Era } from './pace.ts';
import { createSettling } from './settling.ts';

/** The deliveries to one backend. */
export type Lane = {
  wake(): void;
  poke(): void;
  state(): CourierState;
  /** Resolves when nothing is left that is due, or the backend has to be waited for, or `stop` is called. */
  drain(): Promise<void>;
  /** Gives up what is under way; resolves when it is over. */
  stop(): Promise<void>;
};

export type LaneOptions = Required<Omit<CourierOptions, 'sinks'>> & {
  readonly name: string;
  readonly sink: Sink;
};

/** Work can become due without anybody saying so: records that waited, and those that an operator put back. */
const POLL_MS = 1000;

/** Starts the loop of one backend; courier.ts says in which states it can be. */
export function createLane(options: LaneOptions): Lane {
  const { name, sink, http, outbox, clock, random, concurrency, timeoutMs, events } = options;
  const bell = createBell(clock);
  const pace = createPace(clock.now, random);
  const batches = createBatches(outbox, name, sink.batch);
  const settling = createSettling({
    outbox,
    now: clock.now,
    onError: events.storage,
    onSettled({ kind, ids }) {
      batches.release(ids);
      if (kind !== 'retry') batches.forget(ids);
    },
  });
  const closing = new AbortController();
  let underWay = 0;
  /** Whether the last failure was the backend's, so that one record tells as much as many. */
  let isOutage = false;
  let isDraining = false;

  const waitMs = () => Math.max(pace.waitMs(), settling.waitMs());

  /** Begins a delivery if there is one to begin. Returns how long there will be none, unless the bell rings. */
  async function step(): Promise<number> {
    if (waitMs() > 0) return waitMs();
    if (!(await settling.catchUp())) return waitMs();
    if (underWay >= (pace.isProbing() ? 1 : concurrency)) return Number.POSITIVE_INFINITY;
    const era = pace.era();
    const batch = await settling.attempt(() => batches.next(isOutage && pace.isProbing()));
    if (batch === undefined) return waitMs();
    if (batch.length === 0) return POLL_MS;
    // One under way can have failed meanwhile
    if (era === pace.era() && !closing.signal.aborted) void deliver(batch, era);
    return 0;
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      const idleMs = await step();
      if (idleMs === 0) continue;
      if (isDraining && underWay === 0) break;
      await bell.sleep(isDraining ? Number.POSITIVE_INFINITY : idleMs);
    }
    while (underWay > 0) await bell.sleep(Number.POSITIVE_INFINITY);
    await settling.catchUp();
  }

  async function deliver(batch: readonly Due[], era: Era): Promise<void> {
    underWay++;
    batches.take(batch);
    await conclude(batch, era);
    underWay--;
    bell.ring();
  }

  async function conclude(batch: readonly Due[], era: Era): Promise<void> {
    const ids = batch.map(({ id }) => id);
    const [head] = batch as [Due];
    const isSingledOut = batches.isSuspect(head) && !pace.isProbing();
    const result = await handOver(batch, { sink, http, timeoutMs }, closing.signal);
    if (result.kind === 'aborted') return batches.release(ids);
    if (result.kind === 'taken') {
      if (pace.succeeded(era)) events.held(name, false);
      batches.grow();
      await settling.settle({ kind: 'delivered', backend: name, ids });
      const oldestAt = Math.min(...batch.map(({ acceptedAt }) => acceptedAt));
      return events.delivered(name, ids.length, result.verdicts, Math.max(0, clock.now() - oldestAt));
    }

    const { failure, refusal } = result;
    const remedy = remedyFor(failure, { records: ids.length, isSingledOut }, refusal);
    switch (remedy.kind) {
      case 'again':
        isOutage = true;
        pace.failed(era, refusal.retryAfterMs);
        break;
      case 'hold':
        isOutage = true;
        if (pace.refused(era, refusal.retryAfterMs)) events.held(name, true, failure);
        // Should one of them be to blame, others are tried too
        if (remedy.mayBeRecord) batches.isolate(ids);
        break;
      case 'suspect': {
        // What a suspect runs into, while others are taken, says nothing of the backend
        if (!isSingledOut) {
          isOutage = false;
          pace.failed(era, refusal.retryAfterMs);
        }
        const ownMs =
          ids.length > 1
            ? pace.waitMs()
            : Math.max(jittered(RECORD_WAIT, head.attempts + 1, random), honoured(refusal.retryAfterMs));
        await settling.settle({ kind: 'retry', backend: name, ids, dueAt: clock.now() + ownMs });
        return events.retried(name, ids.length, failure, ownMs);
      }
      case 'shrink':
        batches.shrink(batch);
        break;
      case 'isolate':
        batches.isolate(ids);
        break;
      case 'dead':
        await settling.settle({ kind: 'dead', backend: name, ids, reason: remedy.reason });
        return events.dead(name, ids.length, failure.kind);
    }
    batches.release(ids);
    events.retried(name, ids.length, failure, pace.waitMs());
  }

  const running = run();

  return {
    wake: bell.ring,
    poke() {
      pace.hurry();
      settling.hurry();
      bell.ring();
    },
    state() {
      if (pace.isHeld()) return 'held';
      if (waitMs() > 0) return 'waiting';
      return underWay > 0 ? 'delivering' : 'idle';
    },
    drain() {
      isDraining = true;
      bell.ring();
      return running;
    },
    stop() {
      closing.abort();
      bell.ring();
      return running;
    },
  };
}
