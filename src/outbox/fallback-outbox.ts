import { within } from '../guardrail/within.ts';
import { statsOfBoth } from './both-stats.ts';
import {
  type Accepted,
  type Ack,
  areUrgent,
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
import { deferredBadRow, deferredEntry } from './deferred.ts';
import type { EmbeddedOutbox } from './embedded-outbox.ts';
import { type HandedOver, Handover } from './handover.ts';
import { type OutageEvents, Outages } from './outages.ts';
import { settling } from './settling.ts';
import { PATIENCE_MS, sharedInTime } from './shared-in-time.ts';

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
/** Time for maintenance, which goes on behind it. */
const MAINTAIN_MS = 60_000;
/** Time that a handover under way is given at the end. */
const CLOSE_MS = 1000;

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
    this.sharedNotes = sharedNotes && sharedInTime(sharedNotes, this.#outages);
    this.stops = stops && sharedInTime(stops, this.#outages);
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
    if (this.#outages.current !== undefined) return this.#defer(entries, bad);
    const startedAt = performance.now();
    try {
      const longMs = AFTER_OUTAGE * this.#settleMs;
      const settleMs = this.#outages.isRecent(longMs) ? longMs : this.#settleMs;
      const accepting = this.#shared.accept(
        entries.map((entry) => settling(entry, settleMs)),
        bad,
      );
      const isUrgent = areUrgent(entries, bad);
      const accepted = await within(isUrgent ? BLOCK_PATIENCE_MS : PATIENCE_MS, accepting);
      if (accepted !== undefined) return accepted;
      if (isUrgent) this.#outages.slow();
      else this.#outages.timedOut(startedAt);
      return this.#defer(entries, bad, accepting);
    } catch (error) {
      this.#outages.failed(error, startedAt);
    }
    return this.#defer(entries, bad);
  }

  /** @param accepting by the database, which may still take them: then nothing is to be handed over */
  async #defer(
    entries: readonly Entry[],
    bad: readonly BadRow[],
    accepting?: Promise<unknown>,
  ): Promise<readonly Accepted[]> {
    const now = this.#now();
    const waiting = [
      ...entries.map((entry) => deferredEntry(entry, now)),
      ...bad.map((row) => deferredBadRow(row, now)),
    ];
    const kept = await this.#local.accept(waiting);
    const outage = this.#outages.current;
    if (outage !== undefined) outage.deferred += kept.filter((one) => one !== 'duplicate').length;
    this.#waits();
    // Where that fails they are handed over, as duplicates
    accepting?.then(() => this.#local.forget(waiting)).catch(() => {});
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
    return statsOfBoth(there, here);
  }

  async maintain(): Promise<void> {
    await this.#here((local) => local.maintain());
    await this.#outages.inTime(MAINTAIN_MS, () => this.#shared.maintain());
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
    const startedAt = performance.now();
    try {
      const { hasTaken, isAll } = await this.#handover.run();
      if (!isAll) this.#mayWait = true;
      // It writes: a standby that cannot is not back
      if (!hasTaken && this.#outages.current !== undefined) await this.#shared.maintain();
      this.#outages.recovered();
    } catch (error) {
      this.#mayWait = true;
      this.#outages.failed(error, startedAt);
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

/** An ack of some of its ids, as the function gives them; none where it gives none. */
function idsOnly(ack: Ack, pick: (id: number) => number[]): Ack[] {
  const ids = ack.ids.flatMap(pick);
  return ids.length === 0 ? [] : [{ ...ack, ids }];
}
