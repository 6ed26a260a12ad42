import type { Fields } from '../guardrail/call.ts';
import { eventCallId, factsOf } from '../litellm/log-event.ts';
import { OutboxError, type RecordOutbox, type SharedNotes } from '../outbox/contract.ts';
import { idAt, isBlockedAt, isCheckAt, noteBytes, textAt, timeAt, traceAt } from '../outbox/note-bytes.ts';
import type { BlockedResults } from './blocked-results.ts';
import type { PendingCalls } from './pending-calls.ts';
import type { SharedTexts } from './shared-texts.ts';

/** Rows that are held together until the notes of their calls are read, and characters of those that are not in memory anyway. */
const GROUP_ROWS = 512;
const GROUP_CHARS = 2 * 1024 * 1024;
/** Between the clocks of replicas. */
const SKEW_MS = 60_000;

export type OtherReplicasOptions = {
  readonly notes: SharedNotes;
  readonly outbox: Pick<RecordOutbox, 'known'>;
  readonly pendingCalls: PendingCalls;
  readonly blockedResults: Pick<BlockedResults, 'fetch'>;
  readonly sharedTexts: Pick<SharedTexts, 'read'>;
  readonly missingAfterMs: number;
  /** Age at which notes are forgotten. */
  readonly notesMs: number;
  /** Time that the notes on a call are kept after its event, and after one that may not be the last. */
  readonly keptMs: (isComplete: boolean) => number;
  readonly events: {
    /** Calls were judged by any replica, and no event of them came to any. */
    eventsMissing(calls: number): void;
    /** Notes on so many calls went before their event. */
    notesForgotten(calls: number): void;
    /** The notes of others on these calls could not be read. */
    unjoined(calls: number): void;
  };
};

/**
 * Joins what replicas know of one call. Each hands its notes to all others as it makes them; the one to which LiteLLM logs the call reads them
 * before it makes the record, and so does the one that blocks it.
 */
export class OtherReplicas {
  readonly #options: OtherReplicasOptions;
  /** Ids of calls that are finished: nobody needs notes on them. */
  #finished: string[] = [];
  #lookedAt: number;
  #canRead = true;

  /** @param now Unix milliseconds */
  constructor(options: OtherReplicasOptions, now: number) {
    this.#options = options;
    this.#lookedAt = now;
  }

  /** The same rows, each when the notes on its call are here. */
  async *joined<Row extends object>(
    rows: Iterable<Row>,
    eventOf: (row: Row) => Fields | undefined,
  ): AsyncGenerator<Row> {
    let group: Row[] = [];
    let chars = 0;
    for (const row of rows) {
      group.push(row);
      if ('chars' in row) chars += Number(row.chars);
      if (group.length < GROUP_ROWS && chars < GROUP_CHARS) continue;
      await this.#joinAll(group.map(eventOf));
      yield* group;
      group = [];
      chars = 0;
    }
    await this.#joinAll(group.map(eventOf));
    yield* group;
  }

  /** False if notes could not be read when that was tried last. */
  get canRead(): boolean {
    return this.#canRead;
  }

  /** The same as {@link read}, and counts the calls whose notes could not be read. */
  async join(callIds: readonly string[], streamIds?: readonly string[]): Promise<void> {
    if (!(await this.read(callIds, streamIds))) this.#options.events.unjoined(callIds.length);
  }

  /**
   * Reads the notes on calls, and the texts of those that were streamed.
   *
   * @param streamIds the calls among them whose response was streamed
   * @returns false if the notes could not be read
   */
  async read(callIds: readonly string[], streamIds: readonly string[] = []): Promise<boolean> {
    if (callIds.length === 0) return true;
    const { notes, pendingCalls, sharedTexts } = this.#options;
    const found = await notes.about(callIds).catch((error: unknown) => {
      if (!(error instanceof OutboxError)) throw error;
      return undefined;
    });
    this.#canRead = found !== undefined;
    for (const note of found ?? []) pendingCalls.addNotes(note);
    // They belong to calls by the names that their notes have
    await sharedTexts.read(streamIds);
    return found !== undefined;
  }

  async #joinAll(rows: readonly (Fields | undefined)[]): Promise<void> {
    const events = rows.filter((event) => event !== undefined);
    const idsOf = (some: readonly Fields[]) => [
      ...new Set(some.flatMap((event) => eventCallId(event) ?? [])),
    ];
    const refs = events.flatMap((event) => (event.call_type === 'call_mcp_tool' ? (refOf(event) ?? []) : []));
    await this.#options.blockedResults.fetch(refs);
    await this.join(idsOf(events), idsOf(events.filter(({ stream }) => stream === true)));
  }

  /** Called each second: forgets notes on calls that are finished, here or at another replica. */
  async look(now: number): Promise<void> {
    const { notes, outbox, pendingCalls, keptMs } = this.#options;
    pendingCalls.finish(now, (callId) => this.#finished.push(callId));
    const since = this.#lookedAt;
    this.#lookedAt = now;
    const finished = this.#finished.splice(0);
    try {
      await pendingCalls.logElsewhere(outbox, { since, now, keptMs });
      await notes.forget(finished);
    } catch (error) {
      // Calls are asked about again when they are older, and notes forgotten when they are too old
      if (!(error instanceof OutboxError)) throw error;
    }
  }

  /** Counts calls of which no replica got an event, and forgets notes that are too old. */
  async maintain(): Promise<void> {
    const { notes, missingAfterMs, notesMs, events } = this.#options;
    const overdue = await notes.overdue(missingAfterMs);
    const missing = await this.#withoutRecord(overdue);
    if (missing > 0) events.eventsMissing(missing);
    const forgotten = await notes.expire(Math.max(notesMs, missingAfterMs));
    if (forgotten > 0) events.notesForgotten(forgotten);
  }

  /** How many of these calls have no record, each by its first note. */
  async #withoutRecord(firstNotes: readonly Uint8Array[]): Promise<number> {
    const calls = firstNotes.map((bytes) => {
      const note = noteBytes(bytes);
      const trace = traceAt(note, 0);
      return {
        id: textAt(note, idAt(note, 0)),
        trace: trace && textAt(note, trace),
        // A check tells no time
        at: isCheckAt(note, 0) ? 0 : timeAt(note, 0),
        isBlocked: isBlockedAt(note, 0),
      };
    });
    if (calls.length === 0) return 0;
    const known = await this.#options.outbox.known(new Set(calls.map(({ id }) => id)));
    const isOnRecord = ({ id, trace, at }: (typeof calls)[number]) =>
      (known.get(id) ?? []).some(
        (one) => (one.trace === null || one.trace === (trace ?? null)) && one.acceptedAt >= at - SKEW_MS,
      );
    return calls.filter((call) => !call.isBlocked && !isOnRecord(call)).length;
  }
}

const refOf = (event: Fields): string | undefined => factsOf(event, 0).ref;
