import { LRUCache } from 'lru-cache';
import { fieldsOf, type InputType, textOf } from '../guardrail/call.ts';
import { parseInner } from '../guardrail/json.ts';
import type { CheckNote, NotedCall, VerdictNote } from '../guardrail/record.ts';
import { OutboxError } from '../outbox/contract.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { CheckLine, NoteLine, VerdictLine } from './protocol.ts';

export type PendingCallsOptions = {
  /** Calls kept; the oldest are forgotten beyond that. Default 200,000. */
  readonly max?: number;
  /** Called for each call that is forgotten because there are too many. */
  readonly onForgotten?: () => void;
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number;
};

/** A call that was judged, with one note for its request and one for its response. */
export type PendingCall = { readonly startedAt: number; readonly trace: string | null } & Partial<
  Record<InputType, VerdictNote>
>;

type NamedCall = PendingCall & {
  readonly callId: string;
  readonly key: string | undefined;
  /** @see VerdictLine */
  readonly words: number | undefined;
};
type MutableCall = { -readonly [Name in keyof NamedCall]: NamedCall[Name] };

/** Tells an event of a call from one of another call under the same id. */
export type Clues = {
  readonly key: string | undefined;
  readonly trace: string | undefined;
  words(): number;
  readonly startedAt: number;
};

/** Check notes that arrive before their call has one. */
const MAX_EARLY_CALLS = 10_000;
const MAX_EARLY_CHECKS = 10;
/** Longer than any backend's deadline. */
const EARLY_MS = 10 * 60_000;
/** Calls of one id: a client can give it to all of its calls, and each event is compared with them. */
const MAX_SAME_ID = 100;

/**
 * Notes on the calls that the bridge judged, by `litellm_call_id`, trace and virtual key, until LiteLLM logs how they ended. In
 * memory; the thread also appends each note to the outbox, and reads them from there after a restart.
 */
export class PendingCalls {
  readonly #max: number;
  readonly #onForgotten: () => void;
  /**
   * By call id. In the order in which calls began, so that what is too old stands at the head. A Map: lru-cache would reserve
   * 8 MB for this bound at the start, and reading must not make a call younger.
   */
  readonly #calls = new Map<string, MutableCall[]>();
  #size = 0;
  /** Calls without a log event, which have not been reported as missing; in the same order. */
  readonly #unlogged = new Set<NamedCall>();
  /** Checks of an observing backend that was quicker than the decision. */
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

  /**
   * The call that an event is about. Clues are asked where several calls have the id; one that fits none of them says nothing,
   * as LiteLLM logs some calls under another trace, and others without their words.
   */
  find(callId: string, { key, trace, words, startedAt }: Clues): PendingCall | undefined {
    const calls = this.#calls.get(callId) ?? [];
    if (calls.length < 2) return calls[0];
    const ofKey = narrowed(calls, (call) => call.key !== undefined && key?.startsWith(call.key) === true);
    const ofTrace = narrowed(ofKey, (call) => call.trace === trace);
    const ofWords = narrowed(ofTrace, (call) => call.words === words());
    const distance = (call: PendingCall) => Math.abs(call.startedAt - startedAt);
    return ofWords.reduce((best, call) => (distance(call) < distance(best) ? call : best));
  }

  /** The call that a note is about. */
  get(noted: Omit<NotedCall, 'input_type'>): PendingCall | undefined {
    return this.#find(noted);
  }

  #find({ litellm_call_id, litellm_trace_id, key }: Omit<NotedCall, 'input_type'>): MutableCall | undefined {
    return this.#calls
      .get(litellm_call_id ?? '')
      ?.find((call) => call.trace === litellm_trace_id && isSameKey(call.key, key));
  }

  /** Adds a note; the same note again, as a new thread is handed it, changes nothing. */
  add({ words, ...note }: VerdictLine): void {
    const { litellm_call_id: callId, input_type } = note;
    if (callId === null) return;
    const call = this.#find(note) ?? this.#begin(callId, note);
    if (words !== undefined) call.words = words;
    const before = call[input_type];
    if (before === undefined) call[input_type] = note;
    else if (before.at !== note.at || before.ms !== note.ms) {
      call[input_type] = { ...note, calls: (before.calls ?? 1) + 1 };
    }
    const early = this.#early.get(earlyKey(note)) ?? [];
    this.#early.delete(earlyKey(note));
    for (const check of early) this.addCheck({ ...note, check });
  }

  /** Adds the result of a check that ended after the decision, or just before it. */
  addCheck(line: CheckLine): void {
    const { input_type, check } = line;
    const call = this.#find(line);
    const note = call?.[input_type];
    if (call !== undefined && note !== undefined) {
      call[input_type] = { ...note, checks: [...note.checks, check] };
      return;
    }
    const early = this.#early.get(earlyKey(line)) ?? [];
    this.#early.set(earlyKey(line), [...early.slice(0, MAX_EARLY_CHECKS - 1), check]);
  }

  /** Adds {@link NoteLine}s, one JSON text a line, and skips lines that a disk damaged. @returns their call ids */
  addLines(lines: string): readonly string[] {
    const callIds: string[] = [];
    for (const text of lines.split('\n')) {
      const line = parseInner(text) as NoteLine;
      const callId = textOf(fieldsOf(line).litellm_call_id);
      if (callId === undefined) continue;
      callIds.push(callId);
      if ('check' in line) this.addCheck(line);
      else this.add(line);
    }
    return callIds;
  }

  /** Reads the notes of the time before a restart; an outbox that cannot be read has none. */
  async restore(outbox: Pick<Outbox, 'notes' | 'known'>): Promise<void> {
    try {
      const callIds = (await outbox.notes()).flatMap((chunk) => this.addLines(chunk));
      for (const callId of await outbox.known([...new Set(callIds)])) {
        for (const call of this.#calls.get(callId) ?? []) this.logged(call);
      }
    } catch (error) {
      if (!(error instanceof OutboxError)) throw error;
    }
  }

  /** Marks that LiteLLM has logged an event of this call. */
  logged(call: PendingCall): void {
    this.#unlogged.delete(call as NamedCall);
  }

  /** Counts the calls that began before a time, have no log event and were not blocked; each is counted once. */
  missing(before: number): number {
    let missing = 0;
    for (const call of this.#unlogged) {
      if (call.startedAt >= before) break;
      if (notesOf(call).every(({ action }) => action !== 'BLOCKED')) missing++;
      this.#unlogged.delete(call);
    }
    return missing;
  }

  /** Forgets the calls that began before a time. */
  forget(before: number): void {
    for (const [callId, calls] of this.#calls) {
      const [first] = calls;
      if (first !== undefined && first.startedAt >= before) break;
      for (const call of calls) if (call.startedAt < before) this.#remove(call);
      const younger = this.#calls.get(callId);
      if (younger === undefined) continue;
      // Behind those that began before them
      this.#calls.delete(callId);
      this.#calls.set(callId, younger);
    }
  }

  #begin(callId: string, { litellm_trace_id: trace, key, at: startedAt }: VerdictNote): MutableCall {
    const call: MutableCall = { callId, trace, key, words: undefined, startedAt };
    const calls = this.#calls.get(callId);
    if (calls === undefined) this.#calls.set(callId, [call]);
    else calls.push(call);
    this.#size++;
    this.#unlogged.add(call);
    const isCrowded = calls !== undefined && calls.length > MAX_SAME_ID;
    const oldest = isCrowded ? calls[0] : this.#calls.values().next().value?.[0];
    if (oldest !== undefined && (isCrowded || this.#size > this.#max)) {
      this.#remove(oldest);
      this.#onForgotten();
    }
    return call;
  }

  #remove(call: NamedCall): void {
    const kept = (this.#calls.get(call.callId) ?? []).filter((one) => one !== call);
    if (kept.length === 0) this.#calls.delete(call.callId);
    else this.#calls.set(call.callId, kept);
    this.#size--;
    this.#unlogged.delete(call);
  }
}

/** The notes on a call: on its request and on its response; of a streamed response the last, with their number. */
export function notesOf({ request, response }: PendingCall): readonly VerdictNote[] {
  return [request, response].filter((note) => note !== undefined);
}

/** Lines of verdicts as they are stored. In a text of theirs a backslash stands before each quote. */
export function storable(lines: string): string {
  return lines.replaceAll(/"words":\d+,/g, '');
}

/** Those that fit; all of them if none does. */
function narrowed<One>(all: readonly One[], fits: (one: One) => boolean): readonly One[] {
  if (all.length < 2) return all;
  const fitting = all.filter(fits);
  return fitting.length > 0 ? fitting : all;
}

/** A response can come without the key of its request. */
function isSameKey(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}

function earlyKey({ input_type, litellm_call_id, litellm_trace_id }: NotedCall): string {
  return `${input_type}|${litellm_call_id}|${litellm_trace_id}`;
}
