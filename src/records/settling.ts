import type { Fields, InputType } from '../guardrail/call.ts';
import { memoryBytes } from '../guardrail/memory.ts';
import type { CallRecord, VerdictNote } from '../guardrail/record.ts';
import type { EventFacts } from '../litellm/log-event.ts';
import { type Entry, OutboxError, type SharedNotes } from '../outbox/contract.ts';
import type { OtherReplicas } from './other-replicas.ts';
import { notesOf, type PendingCalls } from './pending-calls.ts';
import type { Clues } from './same-id.ts';

/** An event of a call that ended within this time can be here before its last note: some milliseconds, and clocks that differ. */
const YOUNG_MS = 2000;
/** From an event to the second look for what was said of its call, from there to a third where something is still missing, and to its delivery. */
const LOOK_AGAIN_MS = 600;
const LAST_LOOK_MS = 1400;
const HOLD_MS = 2500;
/** Looks are made together. */
const TICK_MS = 20;
/** Verdicts on a side of calls are expected for so long after one was seen. */
const USUAL_MS = 10 * 60_000;
/** Records that wait for the second look, and their characters; others are delivered as they are. */
const MAX_WAITING = 5000;
const MAX_CHARS = memoryBytes('early records') / 2;

export type SettlingOptions = {
  readonly notes: Pick<SharedNotes, 'amend'>;
  readonly others: Pick<OtherReplicas, 'join'>;
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

type Waiting = Early & { readonly entry: Entry; readonly until: number; readonly isLast?: true };

/**
 * Looks a second time for the notes on calls whose event was quicker than they. The event is stored at once, as LiteLLM is to wait for nothing,
 * and its record is delivered 2.5 s later; what has come meanwhile is put into it.
 */
export class Settling {
  readonly #options: SettlingOptions;
  /** When a verdict on each side was seen last, Unix milliseconds. */
  readonly #seenAt: Record<InputType, number>;
  #waiting: Waiting[] = [];
  #chars = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param now Unix milliseconds: at first both sides are expected */
  constructor(options: SettlingOptions, now: number) {
    this.#options = options;
    this.#seenAt = { request: now, response: now };
  }

  /** Undefined if all notes are here that can be expected. */
  early(event: Fields, facts: EventFacts, verdicts: readonly VerdictNote[], now: number): Early | undefined {
    const { callId, endedAt, outcome, key, trace, startedAt } = facts;
    for (const { input_type: side } of verdicts) this.#seenAt[side] = now;
    if (callId === undefined || endedAt < now - YOUNG_MS) return undefined;
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

  /** An early event is stored. */
  stored(entry: Entry, early: Early): void {
    this.#wait({ ...early, entry, until: performance.now() + LOOK_AGAIN_MS });
  }

  #wait(one: Waiting): void {
    const chars = one.entry.payload.length;
    if (this.#waiting.length >= MAX_WAITING || this.#chars + chars > MAX_CHARS) return;
    this.#chars += chars;
    this.#waiting.push(one);
    this.#plan();
  }

  /** Looks at all that wait, now. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
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
    const { others, notes, events } = this.#options;
    for (const { entry } of due) this.#chars -= entry.payload.length;
    const idsOf = (some: readonly Waiting[]) => [...new Set(some.map(({ callId }) => callId))];
    await others.join(idsOf(due), idsOf(due.filter(({ isStream }) => isStream)));
    let amended = 0;
    for (const one of due) {
      const { payload, missing, isRestored } = this.#completed(one);
      const entry = payload === undefined ? one.entry : { ...one.entry, payload };
      const again = {
        ...one,
        entry,
        missing,
        until: performance.now() + LAST_LOOK_MS,
        isLast: true,
      } as const;
      const isDone = missing.length === 0 && (isRestored || !one.isStream);
      if (!isDone && one.isLast !== true) this.#wait(again);
      if (payload === undefined) continue;
      try {
        await notes.amend(entry);
        amended++;
      } catch (error) {
        if (!(error instanceof OutboxError)) throw error;
        events.unjoined(1);
      }
    }
    if (amended > 0) events.amended(amended);
  }

  /** The content of a record with what has come since, undefined if that is nothing; and the sides that are missing still. */
  #completed({ entry, callId, clues, isStream, missing }: Waiting): Completed {
    const { pendingCalls, restore } = this.#options;
    const call = pendingCalls.find(callId, clues);
    if (call === undefined) return { payload: undefined, missing, isRestored: false };
    const record = JSON.parse(entry.payload) as Unsent;
    const verdicts = notesOf(call);
    const hasChanged = JSON.stringify(verdicts) !== JSON.stringify(record.verdicts);
    const completed = { ...record, verdicts };
    const restored = isStream ? restore(call.number, completed) : undefined;
    return {
      payload: hasChanged || restored !== undefined ? JSON.stringify(restored ?? completed) : undefined,
      missing: missing.filter((side) => call[side] === undefined),
      isRestored: restored !== undefined,
    };
  }
}

type Completed = {
  readonly payload: string | undefined;
  readonly missing: readonly InputType[];
  readonly isRestored: boolean;
};
