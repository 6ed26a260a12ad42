import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Fields } from '../guardrail/call.ts';
import type { JsonLimits } from '../guardrail/json-nodes.ts';
import { type LogRow, logRowsIn } from '../litellm/log-rows.ts';
import { type TurnedRow, type TurnedSource, turnedRows } from '../litellm/turned-rows.ts';
import type { BadRow, Entry, RecordOutbox } from '../outbox/contract.ts';
import type { Receivers } from '../policies/receivers.ts';
import { EntryMaker, type EntryMakerOptions } from './entry-maker.ts';
import type { OtherReplicas } from './other-replicas.ts';
import { freeBody, newPostedRows, type PostedRows, type Receipt } from './posted-rows.ts';

export type IntakeOptions = EntryMakerOptions & {
  readonly outbox: Pick<RecordOutbox, 'accept'>;
  /** Undefined where the bridge is alone. */
  readonly others?: Pick<OtherReplicas, 'joined'>;
  /** Of a guardrail call. */
  readonly limits: JsonLimits;
  /** Called when what was made of so many bytes is not needed any more. */
  readonly onFreed: (bytes: number) => void;
  /** Called with what was stored of each POST, the whole of it or not. */
  readonly onReceipt: (receipt: Receipt) => void;
};

/** Time in which rows are read before others have their turn: a row of a usual size takes a tenth of a millisecond. */
const SLICE_MS = 20;

/** Characters and rows that are stored together: those of a usual POST. */
const GROUP_CHARS = 8 * 1024 * 1024;
const GROUP_ROWS = 1000;

/** Stores what is posted about calls, as an {@link EntryMaker} makes entries of it. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly entries: EntryMaker;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.entries = new EntryMaker(options);
  }

  /**
   * Stores the rows of one POST, a group of them at a time, so that others are stored meanwhile. The body is freed once it is read.
   *
   * @throws OutboxError if they could not be stored: then none of the last group is, nor any that cannot be read, and those before are
   * known when they are sent again
   */
  async logs(body: Buffer): Promise<Receipt> {
    const { onFreed, onReceipt } = this.#options;
    const bytes = body.length;
    const post = newPostedRows();
    const { skipped } = post;
    try {
      await this.#read(body, post);
      freeBody(body);
      onFreed(bytes);
      await this.#accept(post, this.#isWatching ? [] : post.bad);
      Object.assign(post.receipt, { ...skipped, bad: post.bad.length });
    } finally {
      onReceipt(post.receipt);
      onFreed(bytes);
    }
    return post.receipt;
  }

  /**
   * Stores what another vendor's integration tells of calls.
   *
   * @throws OutboxError if it could not be stored
   */
  async turned(body: Buffer, source: TurnedSource): Promise<Receipt> {
    const { limits, now, onReceipt } = this.#options;
    const post = newPostedRows();
    try {
      let sliceEnd = performance.now() + SLICE_MS;
      const eventOf = (row: TurnedRow) => (row.kind === 'bad' ? undefined : row.turned.event);
      for await (const row of this.#withNotes(turnedRows(body, source, limits, now), eventOf)) {
        // Between rows alone: the parts of a stream are to be stored in the order in which they came
        if (post.entries.length > 0 && performance.now() > sliceEnd) {
          await nextTurn();
          sliceEnd = performance.now() + SLICE_MS;
        }
        if (row.kind === 'bad') post.bad.push(this.entries.badRow(row));
        else {
          const { turned } = row;
          this.#addEntry(turned.event, post, (receivers) => this.entries.turnedEntry(turned, receivers));
        }
      }
      await this.#accept(post, post.bad);
      Object.assign(post.receipt, { unrecorded: post.skipped.unrecorded, bad: post.bad.length });
    } finally {
      onReceipt(post.receipt);
    }
    return post.receipt;
  }

  /** True if no backend takes records: log events only tell how calls ended. */
  get #isWatching(): boolean {
    return this.#options.inForce.sinks.length === 0;
  }

  async #read(body: Buffer, post: PostedRows): Promise<void> {
    let sliceEnd = performance.now() + SLICE_MS;
    const eventOf = (row: LogRow) => (row.kind === 'event' ? row.event : undefined);
    for await (const row of this.#withNotes(logRowsIn(body, this.#options.limits), eventOf)) {
      if (row.kind === 'event')
        this.#addEntry(row.event, post, (receivers) => this.entries.logEntry(row.event, receivers));
      else if (row.kind === 'bad') post.bad.push(this.entries.badRow(row));
      else if (row.kind !== 'more') post.skipped[row.kind]++;
      const isGroup = post.chars > GROUP_CHARS || post.entries.length >= GROUP_ROWS;
      if (isGroup) await this.#accept(post);
      else if (performance.now() < sliceEnd) continue;
      else await nextTurn();
      sliceEnd = performance.now() + SLICE_MS;
    }
  }

  /** Rows whose calls have the notes of other replicas; as they are where there are none. */
  #withNotes<Row extends object>(rows: Iterable<Row>, eventOf: (row: Row) => Fields | undefined) {
    const { others } = this.#options;
    return others === undefined ? rows : others.joined(rows, eventOf);
  }

  async #accept(post: PostedRows, bad: readonly BadRow[] = []): Promise<void> {
    const entries = post.entries.splice(0);
    post.chars = 0;
    if (entries.length + bad.length === 0) return;
    const { receipt } = post;
    const accepted = await this.#options.outbox.accept(entries, bad);
    for (const one of accepted) receipt[one] = (receipt[one] ?? 0) + 1;
    this.entries.accepted(entries, accepted);
  }

  #addEntry(event: Fields, post: PostedRows, make: (receivers: Receivers) => Entry): void {
    try {
      if (this.#isWatching) {
        this.entries.watch(event);
        post.skipped.unrecorded++;
        return;
      }
      const receivers = this.#options.inForce.rules.receivers(event);
      if (receivers?.length === 0) {
        this.entries.leaveOut(event);
        post.skipped.unrecorded++;
        return;
      }
      const entry = make(receivers);
      post.entries.push(entry);
      post.chars += entry.payload.length;
    } catch (error) {
      // One row must not cost the others
      this.#options.onBug(error);
      const reason = `bug: ${error instanceof Error ? error.name : 'unknown'}`;
      const text = JSON.stringify(event);
      post.bad.push(this.entries.badRow({ reason, text, chars: text.length }));
    }
  }
}
