import { LRUCache } from 'lru-cache';
import { fieldsOf, type InputType, textOf } from '../guardrail/call.ts';
import { parseInner } from '../guardrail/json.ts';
import type { CheckNote, VerdictNote } from '../guardrail/record.ts';
import { OutboxError } from '../outbox/contract.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { NoteLine } from './protocol.ts';

export type PendingCallsOptions = {
  /** Calls kept; the oldest are forgotten beyond that. Default 200,000. */
  readonly max?: number;
  /** Called for each call that is forgotten because there are too many. */
  readonly onForgotten?: () => void;
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number;
};

type PendingCall = { readonly startedAt: number } & Partial<Record<InputType, VerdictNote>>;

/** Check notes that arrive before their call has one. */
const MAX_EARLY_CALLS = 10_000;
const MAX_EARLY_CHECKS = 10;
/** Longer than any backend's deadline. */
const EARLY_MS = 10 * 60_000;

/**
 * Notes on the calls that the bridge judged, by `litellm_call_id`, until LiteLLM logs how they ended. In memory; the thread
 * also appends each note to the outbox, and reads them from there after a restart.
 */
export class PendingCalls {
  readonly #max: number;
  readonly #onForgotten: () => void;
  /**
   * In the order in which calls began, so that what is too old stands at the head. A Map: lru-cache would reserve 8 MB
   * for this bound at the start, and reading must not make a call younger.
   */
  readonly #calls = new Map<string, PendingCall>();
  /** Calls without a log event, which have not been reported as missing; in the same order. */
  readonly #unlogged = new Map<string, PendingCall>();
  /** Checks of an observing backend that was quicker than the decision, by input type and call id. */
  readonly #early: LRUCache<string, readonly CheckNote[]>;

  constructor({
    max = 200_000,
    onForgotten = () => {},
    now = () => performance.now(),
  }: PendingCallsOptions = {}) {
    this.#max = max;
    this.#onForgotten = onForgotten;
    this.#early = new LRUCache({ max: MAX_EARLY_CALLS, ttl: EARLY_MS, perf: { now } });
  }

  /** One note for the request of a call and one for its response; of a streamed response the last, with their number. */
  notesOf(callId: string): readonly VerdictNote[] {
    const call = this.#calls.get(callId);
    return [call?.request, call?.response].filter((note) => note !== undefined);
  }

  /** Adds a note; the same note again, as a new thread is handed it, changes nothing. */
  add(note: VerdictNote): void {
    const { litellm_call_id: callId, input_type } = note;
    const call = this.#calls.get(callId) ?? this.#begin(callId, note.at);
    // A client can give all its calls one id
    const isOtherCall = ({ litellm_trace_id }: VerdictNote) => litellm_trace_id !== note.litellm_trace_id;
    if (input_type === 'request' && this.notesOf(callId).some(isOtherCall)) {
      delete call.request;
      delete call.response;
    }
    const before = call[input_type];
    if (before === undefined) call[input_type] = note;
    else if (before.at !== note.at || before.ms !== note.ms) {
      call[input_type] = { ...note, calls: (before.calls ?? 1) + 1 };
    }
    const key = `${input_type}|${callId}`;
    const early = this.#early.get(key) ?? [];
    this.#early.delete(key);
    for (const check of early) this.addCheck(callId, input_type, check);
  }

  /** Adds the result of a check that ended after the decision, or just before it. */
  addCheck(callId: string, inputType: InputType, check: CheckNote): void {
    const call = this.#calls.get(callId);
    const note = call?.[inputType];
    if (call !== undefined && note !== undefined) {
      call[inputType] = { ...note, checks: [...note.checks, check] };
      return;
    }
    const key = `${inputType}|${callId}`;
    const early = this.#early.get(key) ?? [];
    this.#early.set(key, [...early.slice(0, MAX_EARLY_CHECKS - 1), check]);
  }

  /** Adds {@link NoteLine}s, one JSON text a line, and skips lines that a disk damaged. @returns their call ids */
  addLines(lines: string): readonly string[] {
    const callIds: string[] = [];
    for (const text of lines.split('\n')) {
      const line = parseInner(text) as NoteLine;
      if (textOf(fieldsOf(line).litellm_call_id) === undefined) continue;
      callIds.push(line.litellm_call_id);
      if ('check' in line) this.addCheck(line.litellm_call_id, line.input_type, line.check);
      else this.add(line);
    }
    return callIds;
  }

  /** Reads the notes of the time before a restart; an outbox that cannot be read has none. */
  async restore(outbox: Pick<Outbox, 'notes' | 'known'>): Promise<void> {
    try {
      const callIds = (await outbox.notes()).flatMap((chunk) => this.addLines(chunk));
      for (const callId of await outbox.known([...new Set(callIds)])) this.logged(callId);
    } catch (error) {
      if (!(error instanceof OutboxError)) throw error;
    }
  }

  /** Marks that LiteLLM has logged an event of this call. */
  logged(callId: string): void {
    this.#unlogged.delete(callId);
  }

  /** Counts the calls that began before a time, have no log event and were not blocked; each is counted once. */
  missing(before: number): number {
    let missing = 0;
    for (const [callId, call] of this.#unlogged) {
      if (call.startedAt >= before) break;
      if (this.notesOf(callId).every(({ action }) => action !== 'BLOCKED')) missing++;
      this.#unlogged.delete(callId);
    }
    return missing;
  }

  /** Forgets the calls that began before a time. */
  forget(before: number): void {
    for (const [callId, { startedAt }] of this.#calls) {
      if (startedAt >= before) break;
      this.#remove(callId);
    }
  }

  #begin(callId: string, startedAt: number): PendingCall {
    const call: PendingCall = { startedAt };
    this.#calls.set(callId, call);
    this.#unlogged.set(callId, call);
    if (this.#calls.size > this.#max) {
      this.#remove(this.#calls.keys().next().value as string);
      this.#onForgotten();
    }
    return call;
  }

  #remove(callId: string): void {
    this.#calls.delete(callId);
    this.#unlogged.delete(callId);
  }
}
