import type { Fields, InputType } from '../guardrail/call.ts';
import { memoryBytes } from '../guardrail/memory.ts';
import type { CallRecord, VerdictNote } from '../guardrail/record.ts';
import type { EventFacts } from '../litellm/log-event.ts';
import { type Entry, OutboxError, type SharedNotes } from '../outbox/contract.ts';
import type { OtherReplicas } from './other-replicas.ts';
import { notesOf } from './pending-call.ts';
import type { PendingCalls } from './pending-calls.ts';
import type { Clues } from './same-id.ts';

/** An event of a call that ended within this time can be here before its last note: some milliseconds, and clocks that differ. */
const YOUNG_MS = 2000;
/** From an event to the second look for what was said of its call, from there to a third where something is still missing, and to its delivery. */
const LOOK_AGAIN_MS = 600;
const LAST_LOOK_MS = 1400;
const HOLD_MS = 2500;
/** Between the looks for a record that waits here for the database; all of them take less time than the notes on its call are kept. */
const LOOK_AT_DEFERRED_MS = 2000;
const DEFERRED_LOOKS = 27;
/** Looks are made together. */
const TICK_MS = 20;
/** Verdicts on a side of calls are expected for so long after one was seen. */
const USUAL_MS = 10 * 60_000;
/** Records that wait for the second look, and their characters; others are delivered as they are. */
const MAX_WAITING = 5000;
const MAX_CHARS = memoryBytes('early records') / 2;

export type SettlingOptions = {
  readonly notes: Pick<SharedNotes, 'amend'>;
  readonly others: Pick<OtherReplicas, 'read' | 'canRead'>;
  readonly pendingCalls: Pick<PendingCalls, 'find'>;
  /** A record with what was delivered of its stream, redacted; undefined if that changes nothing. */
  restore(number: number, record: Unsent): Unsent | undefined;
  readonly events: {
    /** Records were completed after they had been stored. */
    amended(records: number): void;
    unjoined(calls: number): void;
    bug(error: unknown, what: string): void;
  };
};

/** A record as it is stored. */
export type Unsent = Omit<CallRecord, 'record_id'>;

/** A call whose notes may not all be here. */
export type Early = {
  readonly holdMs: number;
  readonly callId: string;
  readonly clues: Clues;
  readonly isStream: boolean;
  /** Sides that nothing is noted on. */
  readonly missing: readonly InputType[];
};

/** `left`: the looks that follow, if it is not complete then. */
type Waiting = Early & {
  readonly entry: Entry;
  readonly until: number;
  readonly left: number;
  readonly isDeferred: boolean;
};

/**
 * Looks a second time for the notes on calls whose event was quicker than they. The event is stored at once, as LiteLLM is to wait for nothing,
 * and its record is delivered 2.5 s later; what has come meanwhile is put into it. While the database is away the record waits on this machine,
 * and the notes of others on theirs: it is looked at until both have come.
 */
export class Settling {
  readonly #options: SettlingOptions;
  /** When a verdict on each side was seen last, Unix milliseconds. */
  readonly #seenAt: Record<InputType, number>;
  #waiting: Waiting[] = [];
  #chars = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param now Unix milliseconds: at first both sides are expected */
  constructor(options: SettlingOptions, now: number) {
    this.#options = options;
    this.#seenAt = { request: now, response: now };
  }

  /** Undefined if all notes are here that can be expected. */
  early(event: Fields, facts: EventFacts, verdicts: readonly VerdictNote[], now: number): Early | undefined {
    const { callId, endedAt, outcome, key, trace, startedAt } = facts;
    for (const { input_type: side } of verdicts) this.#seenAt[side] = now;
    if (callId === undefined) return undefined;
    if (endedAt < now - YOUNG_MS && this.#options.others.canRead) return undefined;
    if (verdicts.some(({ action }) => action === 'BLOCKED')) return undefined;
    // Of a stream the last of several
    const isStream = event.stream === true && this.#isUsual('response', now);
    const sides: readonly InputType[] = outcome === 'failure' ? ['request'] : ['request', 'response'];
    const missing = sides.filter((side) => this.#isMissing(side, verdicts, now));
    if (!isStream && missing.length === 0) return undefined;
    const words = facts.words();
    const clues = { key, trace, startedAt, words: () => words };
    return { holdMs: HOLD_MS, callId, clues, isStream, missing };
  }

  /** The same for a response that was blocked: another replica may have judged its request, just before. */
  earlyBlock(note: VerdictNote, verdicts: readonly VerdictNote[], now: number): Early | undefined {
    const { litellm_call_id: callId, litellm_trace_id: trace, key, at: startedAt } = note;
    if (callId === null || !this.#isMissing('request', verdicts, now)) return undefined;
    const clues = { key, trace: trace ?? undefined, startedAt, words: () => 0 };
    return { holdMs: HOLD_MS, callId, clues, isStream: false, missing: ['request'] };
  }

  #isUsual(side: InputType, now: number): boolean {
    return this.#seenAt[side] > now - USUAL_MS;
  }

  #isMissing(side: InputType, verdicts: readonly VerdictNote[], now: number): boolean {
    return this.#isUsual(side, now) && verdicts.every(({ input_type }) => input_type !== side);
  }

  /** An early event is stored. @param isDeferred true if that is on this machine, until the database is back */
  stored(entry: Entry, early: Early, isDeferred = false): void {
    const left = isDeferred ? DEFERRED_LOOKS : 1;
    this.#wait({ ...early, entry, isDeferred, left, until: performance.now() + LOOK_AGAIN_MS });
  }

  #wait(one: Waiting): void {
    const chars = one.entry.payload.length;
    if (this.#isClosed || this.#waiting.length >= MAX_WAITING || this.#chars + chars > MAX_CHARS) return;
    this.#chars += chars;
    this.#waiting.push(one);
    this.#plan();
  }

  /** Looks at all that wait, now. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#isClosed = true;
    await this.#lookAt(this.#waiting.splice(0));
  }

  #plan(): void {
    if (this.#waiting.length === 0 || this.#timer !== undefined) return;
    const first = Math.min(...this.#waiting.map(({ until }) => until));
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        const now = performance.now();
        const due = this.#waiting.filter(({ until }) => until <= now);
        this.#waiting = this.#waiting.filter(({ until }) => until > now);
        this.#plan();
        this.#lookAt(due).catch((error: unknown) => this.#options.events.bug(error, 'logs'));
      },
      Math.max(TICK_MS, first - performance.now()),
    ).unref();
  }

  async #lookAt(due: readonly Waiting[]): Promise<void> {
    if (due.length === 0) return;
    const { others, events } = this.#options;
    for (const { entry } of due) this.#chars -= entry.payload.length;
    const idsOf = (some: readonly Waiting[]) => [...new Set(some.map(({ callId }) => callId))];
    const isRead = await others.read(idsOf(due), idsOf(due.filter(({ isStream }) => isStream)));
    let [amended, unjoined] = [0, 0];
    for (const one of due) {
      const { amends, next } = isRead ? await this.#complete(one) : { amends: 'not', next: one };
      if (amends === 'done') amended++;
      const { left, isDeferred } = one;
      const afterMs = isDeferred ? LOOK_AT_DEFERRED_MS : LAST_LOOK_MS;
      if (next !== undefined && left > 0)
        this.#wait({ ...next, left: left - 1, until: performance.now() + afterMs });
      else if (amends === 'not') unjoined++;
    }
    if (amended > 0) events.amended(amended);
    if (unjoined > 0) events.unjoined(unjoined);
  }

  /** Puts into a record what has come since. `amends`: none if there is no such record to deliver; `next` is what is to be looked at again. */
  async #complete(one: Waiting): Promise<{ amends: 'done' | 'none' | 'not'; next: Waiting | undefined }> {
    const { payload, missing, isRestored } = this.#completed(one);
    const isDone = missing.length === 0 && (isRestored || !one.isStream);
    if (payload === undefined) return { amends: 'none', next: isDone ? undefined : { ...one, missing } };
    const entry = { ...one.entry, payload };
    try {
      if (!(await this.#options.notes.amend(entry))) return { amends: 'none', next: one };
      return { amends: 'done', next: isDone ? undefined : { ...one, entry, missing } };
    } catch (error) {
      if (!(error instanceof OutboxError)) throw error;
      return { amends: 'not', next: one };
    }
  }

  /** The content of a record with what has come since, undefined if that is nothing; and the sides that are missing still. */
  #completed({ entry, callId, clues, isStream, missing, isDeferred, left }: Waiting): Completed {
    const { pendingCalls, restore } = this.#options;
    const call = pendingCalls.find(callId, clues);
    const still = missing.filter((side) => call?.[side] === undefined);
    // Very many can wait
    const isAsBefore = isDeferred && left > 0 && !isStream && still.length === missing.length;
    if (call === undefined || isAsBefore) return { payload: undefined, missing, isRestored: false };
    const record = JSON.parse(entry.payload) as Unsent;
    const verdicts = notesOf(call);
    const hasChanged = JSON.stringify(verdicts) !== JSON.stringify(record.verdicts);
    const completed = { ...record, verdicts };
    const restored = isStream ? restore(call.number, completed) : undefined;
    return {
      payload: hasChanged || restored !== undefined ? JSON.stringify(restored ?? completed) : undefined,
      missing: still,
      isRestored: restored !== undefined,
    };
  }
}

type Completed = {
  readonly payload: string | undefined;
  readonly missing: readonly InputType[];
  readonly isRestored: boolean;
};
