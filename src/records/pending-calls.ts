import { memoryBytes } from '../guardrail/memory.ts';
import { KEY_CHARS, type NotedCall } from '../guardrail/record.ts';
import { OutboxError, type RecordOutbox } from '../outbox/contract.ts';
import type { CheckLine, VerdictLine } from '../outbox/note-bytes.ts';
import {
  hashOf,
  idAt,
  isCheckAt,
  isResponseAt,
  keyAt,
  type NoteBytes,
  noteBytes,
  noteLength,
  readNote,
  traceAt,
} from '../outbox/note-bytes.ts';
import { EarlyChecks } from './early-checks.ts';
import { FinishedCalls, type Traits } from './finished-calls.ts';
import { KnownChunks } from './known-chunks.ts';
import { NoteWriter } from './note-writer.ts';
import { NotedCalls } from './noted-calls.ts';
import { idOfCall, lastAsked, notesOf, type PendingCall, pendingCallOf, traitsOf } from './pending-call.ts';
import { type Candidate, type Clues, chosenOf } from './same-id.ts';

export type PendingCallsOptions = {
  /** Calls kept; the oldest are forgotten beyond that. Default 200,000. */
  readonly max?: number;
  /** Bytes of notes kept, likewise. Default `notes` of MEMORY_MB, those of as many calls. */
  readonly maxBytes?: number;
  /** Called for each call that is forgotten because there are too many. */
  readonly onForgotten?: () => void;
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number;
};

/** From a success to what else can come of its call: its last check, another note, or LiteLLM's failure event about a block. */
export const LATE_MS = 60_000;

/** Ages at which a call is asked about whose event has not come to this replica: most come within seconds. */
const ASKED_AT_MS = [15, 60, 300, 900, 3600].map((seconds) => 1000 * seconds);
/** Between the clocks of replicas. */
const SKEW_MS = 60_000;

/** The call that a note is about, on either side. */
type Named = Omit<NotedCall, 'input_type'>;

/**
 * Notes on the calls that the bridge judged, by `litellm_call_id`, trace and virtual key, until LiteLLM logs how they ended. In
 * memory; the thread also appends each note to the outbox, and reads them from there after a restart.
 */
export class PendingCalls {
  readonly #calls: NotedCalls;
  readonly #finished = new FinishedCalls();
  readonly #known = new KnownChunks();
  readonly #early: EarlyChecks;
  readonly #writer = new NoteWriter();

  constructor({
    max = 200_000,
    maxBytes = memoryBytes('notes'),
    onForgotten = () => {},
    now = () => performance.now(),
  }: PendingCallsOptions = {}) {
    this.#calls = new NotedCalls({ maxCalls: max, maxBytes, onForgotten });
    this.#early = new EarlyChecks(now);
  }

  /** Bytes that are reserved for calls and notes. */
  get bytes(): number {
    return this.#calls.bytes;
  }

  /**
   * The call that an event is about. Clues are asked where several calls have the id; one that fits none of them says nothing,
   * as LiteLLM logs some calls under another trace, and others without their words.
   */
  find(callId: string, { key, trace, words, startedAt }: Clues): PendingCall | undefined {
    const event = this.#written({
      litellm_call_id: callId,
      litellm_trace_id: trace ?? null,
      ...(key !== undefined && { key: key.slice(0, KEY_CHARS) }),
    });
    const rows = this.#calls.withId(event, 0);
    const finished = rows.length === 0 ? [] : this.#finished.of(hashOf(event, idAt(event, 0)));
    if (rows.length + finished.length < 2)
      return rows[0] === undefined ? undefined : pendingCallOf(this.#calls, rows[0]);
    const all: Candidate[] = [
      ...rows.map((row) => ({ ...traitsOf(this.#calls, row), row })),
      ...finished.map((traits) => ({ ...traits, row: undefined })),
    ];
    const [keyHash, traceHash] = [hashOf(event, keyAt(event, 0)), hashOf(event, traceAt(event, 0))];
    const { row } = chosenOf(all, { key: keyHash, trace: traceHash, words, startedAt });
    return row === undefined ? undefined : pendingCallOf(this.#calls, row);
  }

  /** The call that a note is about. */
  get(named: Named): PendingCall | undefined {
    const row = this.#find(named);
    return row === undefined ? undefined : pendingCallOf(this.#calls, row);
  }

  #find(named: Named): number | undefined {
    return named.litellm_call_id === null ? undefined : this.#calls.find(this.#written(named), 0);
  }

  /** The number of the call that a note is about, which it has until it is forgotten. */
  numberOf(named: Named): number | undefined {
    const row = this.#find(named);
    return row === undefined ? undefined : this.#calls.number(row);
  }

  /** True until a call is forgotten. */
  has(number: number): boolean {
    return this.#calls.rowOf(number) !== undefined;
  }

  /** Adds a note; the same note again changes nothing. */
  add(note: VerdictLine): void {
    this.#writer.write(note);
    this.addNotes(this.#writer.take());
  }

  /** Adds the result of a check that ended after the decision, or just before it. */
  addCheck(line: CheckLine): void {
    const { input_type: side, check } = line;
    const row = this.#find(line);
    const found = row === undefined ? undefined : this.#calls.note(row, side);
    const note = found && (readNote(found.notes, found.at) as VerdictLine | undefined);
    if (row !== undefined && note !== undefined) {
      this.#writer.write({ ...note, checks: [...note.checks, check] });
      const bytes = this.#writer.take();
      this.#calls.replace(row, side, noteBytes(bytes), bytes.length);
      return;
    }
    this.#early.add(line, check);
  }

  /**
   * Adds notes as a {@link NoteWriter} writes them; the same notes again, as a new thread is handed them, change nothing. Behind one that a
   * disk damaged nothing can be read.
   */
  addNotes(bytes: Uint8Array): void {
    if (!this.#known.isNew(bytes)) return;
    const notes = noteBytes(bytes);
    for (let at = 0, length = 0; at < bytes.length; at += length) {
      const known = noteLength(notes, at);
      if (known === undefined) return;
      length = known;
      if (isCheckAt(notes, at)) {
        const line = readNote(notes, at);
        if (line !== undefined) this.addCheck(line as CheckLine);
      } else this.#add(notes, at, length);
    }
  }

  #add(notes: NoteBytes, at: number, length: number): void {
    const { row, isNew } = this.#calls.add(notes, at, length);
    // A response can be judged long after its event: it is not missing
    if (isNew && isResponseAt(notes, at) && this.#isFinished(row)) {
      this.#calls.done(row, this.#calls.startedAt(row) + LATE_MS, true);
    }
    if (this.#early.size === 0) return;
    const named = readNote(notes, at) as VerdictLine | undefined;
    if (named === undefined) return;
    for (const check of this.#early.take(named)) this.addCheck({ ...named, check });
  }

  /**
   * Reads the notes of the time before a restart; an outbox that cannot be read has none.
   *
   * @param doneAt the time until which calls are kept that have anything on record
   */
  async restore(outbox: Pick<RecordOutbox, 'notes' | 'known'>, doneAt: number): Promise<void> {
    try {
      for (const chunk of await outbox.notes()) this.addNotes(chunk);
      await this.#markLogged(outbox, [...this.#calls.rows()], () => doneAt, 0);
    } catch (error) {
      if (!(error instanceof OutboxError)) throw error;
    }
  }

  /** Marks the calls whose event came to another replica: of those that reached an age since it was asked about them last. */
  async logElsewhere(
    outbox: Pick<RecordOutbox, 'known'>,
    { since, now, keptMs }: { since: number; now: number; keptMs: (isComplete: boolean) => number },
  ): Promise<void> {
    const rows = [...this.#calls.rows()].filter((row) => {
      const startedAt = this.#calls.startedAt(row);
      return (
        this.#calls.doneAt(row) === 0 &&
        ASKED_AT_MS.some((age) => startedAt + age > since && startedAt + age <= now)
      );
    });
    if (rows.length > 0)
      await this.#markLogged(outbox, rows, (isComplete) => now + keptMs(isComplete), SKEW_MS);
  }

  /** @param skewMs between the clocks of replicas */
  async #markLogged(
    outbox: Pick<RecordOutbox, 'known'>,
    rows: readonly number[],
    doneAt: (isComplete: boolean) => number,
    skewMs: number,
  ): Promise<void> {
    // Rows move meanwhile
    const asked = rows.map((row) => ({ number: this.#calls.number(row), id: idOfCall(this.#calls, row) }));
    const known = await outbox.known(new Set(asked.map(({ id }) => id)));
    for (const { number, id } of asked) {
      const row = this.#calls.rowOf(number);
      if (row === undefined) continue;
      const { startedAt, trace } = lastAsked(this.#calls, row);
      // One that was accepted before is of another call under the same id
      const own = (known.get(id) ?? []).filter(
        (one) => (one.trace ?? trace) === trace && one.acceptedAt >= startedAt - skewMs,
      );
      const isComplete = own.some(({ outcome }) => outcome !== 'failure');
      if (own.length > 0) this.#calls.done(row, doneAt(isComplete), isComplete);
    }
  }

  /**
   * Marks that LiteLLM has logged an event of this call.
   *
   * @param doneAt the time until which the call is kept, as another event or note of it can follow
   * @param isComplete true if its record needs no more notes: it goes first where there is too much
   */
  logged({ number }: Pick<PendingCall, 'number'>, doneAt: number, isComplete = true): void {
    const row = this.#calls.rowOf(number);
    if (row !== undefined) this.#calls.done(row, doneAt, isComplete);
  }

  /** Counts the calls that began before a time, have no log event and were not blocked; each is counted once. */
  missing(before: number): number {
    let missing = 0;
    for (const row of this.#calls.rows()) {
      const isLate = this.#calls.doneAt(row) === 0 && this.#calls.startedAt(row) < before;
      if (!isLate || !this.#calls.report(row)) continue;
      if (notesOf(pendingCallOf(this.#calls, row)).every(({ action }) => action !== 'BLOCKED')) missing++;
    }
    return missing;
  }

  /**
   * Forgets the notes of calls whose events have come; what tells such a call from others stays a while.
   *
   * @param onFinished told of the id of each
   */
  finish(now: number, onFinished?: (callId: string) => void): void {
    for (const row of this.#calls.rows()) {
      const doneAt = this.#calls.doneAt(row);
      if (doneAt === 0 || doneAt > now) continue;
      this.#finished.add(this.#calls.hash(row), traitsOf(this.#calls, row));
      onFinished?.(idOfCall(this.#calls, row));
      this.#calls.remove(row);
    }
    this.#calls.shrink();
  }

  /** Forgets the calls that began before a time. */
  forget(before: number): void {
    for (const row of this.#calls.rows()) if (this.#calls.startedAt(row) < before) this.#calls.remove(row);
    this.#calls.shrink();
  }

  /** Names as bytes, to be compared with those of notes. */
  #written(named: Named): NoteBytes {
    this.#writer.write({ ...NOTHING_NOTED, ...named });
    return noteBytes(this.#writer.take());
  }

  #isFinished(row: number): boolean {
    const { trace, key } = traitsOf(this.#calls, row);
    const isSameKey = (other: Traits) => other.key === key || other.key === 0 || key === 0;
    return this.#finished.of(this.#calls.hash(row)).some((one) => one.trace === trace && isSameKey(one));
  }
}

const NOTHING_NOTED = { input_type: 'request', action: 'NONE', by: null, at: 0, ms: 0, checks: [] } as const;
