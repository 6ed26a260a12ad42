import { within } from '../guardrail/within.ts';
import {
  type Accepted,
  type Ack,
  type BackendBacklog,
  type BadRow,
  type Due,
  type DueLimit,
  type Entry,
  type OnRecord,
  OutboxError,
  type OutboxStats,
  type RecordOutbox,
  type SharedNotes,
  type SharedStops,
} from './contract.ts';
import { DEFERRED, deferredBadRow, deferredEntry } from './deferred.ts';
import type { EmbeddedOutbox } from './embedded-outbox.ts';
import { type HandedOver, Handover } from './handover.ts';
import { type OutageEvents, Outages } from './outages.ts';
import { settling } from './settling.ts';
import { notesInTime, PATIENCE_MS, stopsInTime } from './shared-in-time.ts';

/** Receives what happens with the database that replicas share. */
export type DatabaseEvents = OutageEvents & {
  /** It has taken entries that waited for it. */
  handedOver(results: readonly HandedOver[]): void;
  /** It takes nothing more for now: nothing waits, or something went wrong. */
  handoverEnded(): void;
  /** A mistake of ours. */
  bug(error: unknown): void;
};

export type FallbackOptions = {
  /** The one in the database. */
  readonly shared: RecordOutbox;
  /** The one of this machine. */
  readonly local: EmbeddedOutbox;
  readonly events: DatabaseEvents;
  /** Milliseconds between two tries while the database cannot be used. Default 1000. */
  readonly retryMs?: number;
  /** Milliseconds that a record waits for other replicas. Default 2000. */
  readonly settleMs?: number;
  readonly now?: () => number;
};

/** A record waits so long for what comes of its call to other replicas, and for what they keep for the database. */
const SETTLE_MS = 2000;
/** For so many times as long after an outage, and so many times in it: others hand over then, and some have to be started again. */
const AFTER_OUTAGE = 15;
/** Time that the record of a blocked call does: its caller waits 50 ms for it. */
const BLOCK_PATIENCE_MS = 30;
/** Time that a handover under way is given at the end. */
const CLOSE_MS = 1000;

const NOTHING: BackendBacklog = { records: 0, dead: 0, oldestAt: undefined };

/**
 * The outbox in the database that replicas share, and beside it the one of this machine, for the times in which the database is down, slow or
 * full. What comes then waits here, goes to no backend from here, and is handed over when the database is back, so that each backend gets
 * one record of each call all the same.
 *
 * Entries whose fate is unknown, as the connection was lost or the patience was over while they were committed, wait here too: handed over
 * they are duplicates. What this machine's outbox holds of the time before the database is delivered from there, ahead of the rest.
 */
export class FallbackOutbox implements RecordOutbox {
  readonly #shared: RecordOutbox;
  readonly #local: EmbeddedOutbox;
  readonly #events: DatabaseEvents;
  readonly #retryMs: number;
  readonly #settleMs: number;
  readonly #now: () => number;
  readonly #handover: Handover;
  readonly #outages: Outages;
  readonly sharedNotes: SharedNotes | undefined;
  readonly stops: SharedStops | undefined;
  /** False once nothing waits here. */
  #mayWait = true;
  #timer: NodeJS.Timeout | undefined;
  #trying: Promise<void> | undefined;
  #isClosed = false;

  constructor({
    shared,
    local,
    events,
    retryMs = 1000,
    settleMs = SETTLE_MS,
    now = Date.now,
  }: FallbackOptions) {
    this.#shared = shared;
    this.#local = local;
    this.#events = events;
    this.#retryMs = retryMs;
    this.#settleMs = settleMs;
    this.#now = now;
    this.#outages = new Outages(events, () => this.#plan(0));
    const { sharedNotes, stops } = shared;
    this.sharedNotes = sharedNotes && notesInTime(sharedNotes, this.#outages);
    this.stops = stops && stopsInTime(stops, this.#outages);
    this.#handover = new Handover({
      ...{ local, shared, settleMs: AFTER_OUTAGE * settleMs, now },
      onTaken: (results) => {
        this.#outages.recovered();
        events.handedOver(results);
      },
    });
    this.#plan(0);
  }

  async accept(entries: readonly Entry[], bad: readonly BadRow[] = []): Promise<readonly Accepted[]> {
    const isUrgent = bad.length === 0 && entries.every(({ outcome }) => outcome === 'blocked');
    if (this.#outages.current === undefined) {
      try {
        const longMs = AFTER_OUTAGE * this.#settleMs;
        const settleMs = this.#outages.isRecent(longMs) ? longMs : this.#settleMs;
        const accepting = this.#shared.accept(
          entries.map((entry) => settling(entry, settleMs)),
          bad,
        );
        const accepted = await within(isUrgent ? BLOCK_PATIENCE_MS : PATIENCE_MS, accepting);
        if (accepted !== undefined) return accepted;
        if (isUrgent) this.#outages.slow();
        else this.#outages.timedOut();
      } catch (error) {
        this.#outages.failed(error);
      }
    }
    return this.#defer(entries, bad);
  }

  async #defer(entries: readonly Entry[], bad: readonly BadRow[]): Promise<readonly Accepted[]> {
    const now = this.#now();
    const kept = await this.#local.accept([
      ...entries.map((entry) => deferredEntry(entry, now)),
      ...bad.map((row) => deferredBadRow(row, now)),
    ]);
    const outage = this.#outages.current;
    if (outage !== undefined) outage.deferred += kept.filter((one) => one !== 'duplicate').length;
    this.#waits();
    return kept.slice(0, entries.length).map((one) => (one === 'duplicate' ? one : 'deferred'));
  }

  async due(backend: string, limit: DueLimit): Promise<readonly Due[]> {
    const ofHere = new Set([...limit.except].flatMap((id) => (id < 0 ? [-id] : [])));
    const due = await this.#here((local) => local.due(backend, { ...limit, except: ofHere }));
    if (due !== undefined && due.length > 0) return due.map((one) => ({ ...one, id: -one.id }));
    const except = new Set([...limit.except].filter((id) => id > 0));
    return this.#outages.use(() => this.#shared.due(backend, { ...limit, except }));
  }

  async ack(acks: readonly Ack[]): Promise<void> {
    const ofHere = acks.flatMap((ack) => idsOnly(ack, (id) => (id < 0 ? [-id] : [])));
    if (ofHere.length > 0) await this.#local.ack(ofHere);
    const ofThere = acks.flatMap((ack) => idsOnly(ack, (id) => (id > 0 ? [id] : [])));
    if (ofThere.length > 0) await this.#outages.use(() => this.#shared.ack(ofThere));
  }

  async known(callKeys: Iterable<string>): Promise<ReadonlyMap<string, readonly OnRecord[]>> {
    const keys = [...callKeys];
    const there = await this.#outages.inTime(PATIENCE_MS, () => this.#shared.known(keys));
    const here = await this.#here((local) => local.known(keys));
    const both = new Map(there);
    for (const [key, records] of here ?? []) both.set(key, [...(both.get(key) ?? []), ...records]);
    return both;
  }

  async appendNotes(chunk: Uint8Array): Promise<void> {
    const isThere = await this.#there(async (shared) => {
      await shared.appendNotes(chunk);
      return true;
    });
    if (isThere) return;
    await this.#local.appendNotes(chunk);
    this.#waits();
  }

  async notes(): Promise<readonly Uint8Array[]> {
    const there = await this.#there((shared) => shared.notes());
    const here = await this.#here((local) => local.notes());
    return [...(there ?? []), ...(here ?? [])];
  }

  /** Without the database the numbers of this machine alone. */
  async stats(): Promise<OutboxStats> {
    const there = await this.#there((shared) => shared.stats());
    const here = await this.#here((local) => local.stats());
    if (here === undefined) {
      if (there === undefined) throw new OutboxError('unavailable');
      return there;
    }
    const { usedBytes, maxBytes } = here;
    const { [DEFERRED]: deferred = NOTHING, ...others } = here.backends;
    const backends = { ...there?.backends };
    for (const [name, backlog] of Object.entries(others)) {
      // Without the database, zero is not known
      if (backlog.records + backlog.dead > 0) backends[name] = sumOf(backlog, backends[name]);
    }
    return {
      ...(there ?? { usedBytes, maxBytes }),
      backends,
      fallback: { ...deferred, usedBytes, maxBytes },
    };
  }

  async maintain(): Promise<void> {
    await this.#here((local) => local.maintain());
    await this.#outages.use(() => this.#shared.maintain());
  }

  async changedElsewhere(): Promise<boolean> {
    const here = await this.#here((local) => local.changedElsewhere());
    const there = await this.#there((shared) => shared.changedElsewhere());
    // A command can have put back what the database refused
    if (here) this.#waits();
    return here === true || there === true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#outages.close();
    clearTimeout(this.#timer);
    // What waits here for a moment only must not wait for the next start, which can be on another machine
    if (this.#trying !== undefined) await within(CLOSE_MS, this.#trying);
    if (this.#trying === undefined && this.#mayWait)
      await within(CLOSE_MS, this.#try().catch(this.#events.bug));
    await this.#shared.close();
    await this.#local.close();
  }

  /** For what can be left out: undefined where the database cannot be used, or not soon. */
  #there<T>(use: (shared: RecordOutbox) => Promise<T>): Promise<T | undefined> {
    return orNothing(this.#outages.inTime(PATIENCE_MS, () => use(this.#shared)));
  }

  /** The same for this machine's outbox. */
  #here<T>(use: (local: EmbeddedOutbox) => Promise<T>): Promise<T | undefined> {
    return orNothing(use(this.#local));
  }

  #waits(): void {
    this.#mayWait = true;
    this.#plan(this.#retryMs);
  }

  /** Tries to hand over after a time, unless that is about to happen. */
  #plan(ms: number): void {
    if (this.#isClosed || this.#timer !== undefined || this.#trying !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#trying = this.#try()
        .catch(this.#events.bug)
        .finally(() => {
          this.#trying = undefined;
          if (this.#outages.current !== undefined || this.#mayWait) this.#plan(this.#retryMs);
        });
    }, ms).unref();
  }

  async #try(): Promise<void> {
    this.#mayWait = false;
    try {
      const { hasTaken, isAll } = await this.#handover.run();
      if (!isAll) this.#mayWait = true;
      // It writes: a standby that cannot is not back
      if (!hasTaken && this.#outages.current !== undefined) await this.#shared.maintain();
      this.#outages.recovered();
    } catch (error) {
      this.#mayWait = true;
      this.#outages.failed(error);
    } finally {
      this.#events.handoverEnded();
    }
  }
}

async function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof OutboxError)) throw error;
    return undefined;
  }
}

function sumOf(a: BackendBacklog, b: BackendBacklog = NOTHING): BackendBacklog {
  const oldest = [a.oldestAt, b.oldestAt].filter((at) => at !== undefined);
  return {
    ...{ records: a.records + b.records, dead: a.dead + b.dead },
    oldestAt: oldest.length === 0 ? undefined : Math.min(...oldest),
  };
}

/** An ack of some of its ids, as the function gives them; none where it gives none. */
function idsOnly(ack: Ack, pick: (id: number) => number[]): Ack[] {
  const ids = ack.ids.flatMap(pick);
  return ids.length === 0 ? [] : [{ ...ack, ids }];
}
