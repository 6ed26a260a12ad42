import type { InputType } from '../guardrail/call.ts';
import {
  hashOf,
  idAt,
  isBlockedAt,
  isResponseAt,
  isSame,
  keyAt,
  type NoteBytes,
  noteBytes,
  noteLength,
  timeAt,
  traceAt,
} from '../outbox/note-bytes.ts';
import { CallColumns } from './call-columns.ts';

/** Calls and bytes that there is room for at first; both grow, and shrink again. */
const FIRST_CALLS = 4096;
const FIRST_BYTES = 1024 * 1024;
/** Calls of one id: a client can give it to all of its calls, and each event is compared with them. */
const MAX_SAME_ID = 100;

export type NotedCallsOptions = {
  readonly maxCalls: number;
  /** Of notes. */
  readonly maxBytes: number;
  /** Called for each call that is forgotten because there is too much, and whose record is not complete. */
  readonly onForgotten: () => void;
};

/** The sides of a call that a note can be about. */
const SIDES: readonly InputType[] = ['request', 'response'];

/**
 * Calls and the notes on them, off the heap: a table of numbers, found by a hash of the call id, and the bytes of the notes one
 * after the other. As objects of some 2.5 KB a call they cost the garbage collector more than all else that is done for a note.
 *
 * A call has a number that stays, and a row that does not: rows are in the order in which calls began, and close up when no row or
 * no byte is left.
 */
export class NotedCalls {
  readonly #options: NotedCallsOptions;
  #notes = noteBytes(Buffer.alloc(FIRST_BYTES));
  #end = 0;
  #usedBytes = 0;
  #rows = 0;
  #size = 0;
  /** No row before it is in use. */
  #first = 0;
  #lastNumber = 0;
  #columns = new CallColumns(FIRST_CALLS);

  constructor(options: NotedCallsOptions) {
    this.#options = options;
  }

  /** Bytes that are reserved for notes and for the table. */
  get bytes(): number {
    return this.#notes.bytes.length + this.#columns.bytes;
  }

  /** The rows in use, the oldest call first. */
  *rows(): Iterable<number> {
    for (let row = this.#first; row < this.#rows; row++)
      if ((this.#columns.numbers[row] as number) > 0) yield row;
  }

  startedAt(row: number): number {
    return this.#columns.startedAt[row] as number;
  }

  number(row: number): number {
    return this.#columns.numbers[row] as number;
  }

  /** The row of a call by its number; undefined if it is gone. */
  rowOf(number: number): number | undefined {
    const { numbers } = this.#columns;
    // Rows of calls that are gone keep their number, with a minus
    let [low, high] = [0, this.#rows - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (Math.abs(numbers[middle] as number) < number) low = middle + 1;
      else high = middle;
    }
    return numbers[low] === number && low < this.#rows ? low : undefined;
  }

  /** The time from which on a call is not needed; 0 while its event is to come. */
  doneAt(row: number): number {
    return this.#columns.doneAt[row] as number;
  }

  /** @param isComplete true if its record needs no more notes */
  done(row: number, at: number, isComplete: boolean): void {
    this.#columns.doneAt[row] = at;
    this.#columns.setComplete(row, isComplete);
  }

  /** True the first time that this is asked about a call. */
  report(row: number): boolean {
    const isFirst = this.#columns.reported[row] === 0;
    this.#columns.reported[row] = 1;
    return isFirst;
  }

  /** The place of the note on a side of a call, and how many there were. */
  note(
    row: number,
    side: InputType,
  ): { readonly notes: NoteBytes; readonly at: number; readonly count: number } | undefined {
    const column = 2 * row + SIDES.indexOf(side);
    const place = this.#columns.places[column] as number;
    if (place === 0) return undefined;
    return { notes: this.#notes, at: place - 1, count: this.#columns.counts[column] as number };
  }

  /** The note that names a call. */
  named(row: number): { readonly notes: NoteBytes; readonly at: number } {
    return { notes: this.#notes, at: this.#named(row) };
  }

  #named(row: number): number {
    const { places } = this.#columns;
    return ((places[2 * row] as number) || (places[2 * row + 1] as number)) - 1;
  }

  /** Rows of the calls with the id of a note, the oldest first. */
  withId(other: NoteBytes, at: number): number[] {
    const id = idAt(other, at);
    const hash = hashOf(other, id);
    const { heads, hashes, next, capacity } = this.#columns;
    const rows: number[] = [];
    for (let row = heads[hash % capacity] as number; row >= 0; row = next[row] as number) {
      if (hashes[row] === hash && isSame(this.#notes, idAt(this.#notes, this.#named(row)), other, id))
        rows.push(row);
    }
    return rows.reverse();
  }

  /** The row of the call that a note is about. A response can come without the key of its request. */
  find(other: NoteBytes, at: number, rows = this.withId(other, at)): number | undefined {
    if (rows.length === 0) return undefined;
    const [trace, key] = [traceAt(other, at), keyAt(other, at)];
    return rows.find((row) => {
      const own = this.#named(row);
      const ownKey = keyAt(this.#notes, own);
      if (key !== undefined && ownKey !== undefined && !isSame(this.#notes, ownKey, other, key)) return false;
      return isSame(this.#notes, traceAt(this.#notes, own), other, trace);
    });
  }

  /**
   * Keeps a copy of a note; of one that is older than what is kept of its side, the number alone.
   *
   * @returns the row of its call
   */
  add(other: NoteBytes, at: number, length: number): { readonly row: number; readonly isNew: boolean } {
    this.#makeRoom(length);
    const same = this.withId(other, at);
    const known = this.find(other, at, same);
    const row = known ?? this.#begin(other, at);
    const isResponse = isResponseAt(other, at);
    if (known !== undefined && this.#isKept(row, isResponse, timeAt(other, at))) return { row, isNew: false };
    // A client chose the ids of a call before; or it is another attempt
    if (!isResponse && this.doneAt(row) > 0) this.#restart(row, timeAt(other, at));
    // Earlier notes are in its record
    if (isBlockedAt(other, at)) this.#columns.setComplete(row, true);
    // Another replica judged the request, and its note is read after that on the response
    if (!isResponse) this.#columns.startedAt[row] = Math.min(this.startedAt(row), timeAt(other, at));
    const column = 2 * row + Number(isResponse);
    const { places, counts } = this.#columns;
    const place = places[column] as number;
    const isNewest = place === 0 || timeAt(this.#notes, place - 1) <= timeAt(other, at);
    if (isNewest) this.#put(column, other, at, length);
    counts[column] = (counts[column] as number) + 1;
    if (known === undefined) this.#bound(same);
    return { row, isNew: known === undefined };
  }

  /** True for a note that was handed over before: one side of a call is judged once at a time. */
  #isKept(row: number, isResponse: boolean, at: number): boolean {
    const place = this.#columns.places[2 * row + Number(isResponse)] as number;
    return place > 0 && timeAt(this.#notes, place - 1) === at;
  }

  /** Puts another note in the place of one. */
  replace(row: number, side: InputType, other: NoteBytes, length: number): void {
    const number = this.number(row);
    this.#makeRoom(length);
    const moved = this.rowOf(number);
    if (moved !== undefined) this.#put(2 * moved + SIDES.indexOf(side), other, 0, length);
  }

  remove(row: number): void {
    const { numbers, places } = this.#columns;
    this.#columns.unlink(row);
    for (const column of [2 * row, 2 * row + 1]) {
      const place = places[column] as number;
      if (place > 0) this.#usedBytes -= noteLength(this.#notes, place - 1) ?? 0;
    }
    this.#columns.setComplete(row, false);
    numbers[row] = -(numbers[row] as number);
    this.#size--;
    while (this.#first < this.#rows && (numbers[this.#first] as number) < 0) this.#first++;
  }

  /** Gives back room that was needed once. */
  shrink(): void {
    const isWide = this.#notes.bytes.length > FIRST_BYTES && this.#usedBytes * 8 < this.#notes.bytes.length;
    const isLong = this.#columns.capacity > FIRST_CALLS && this.#size * 8 < this.#columns.capacity;
    if (isWide || isLong) this.#closeUp(0);
  }

  /** The hash of the id of a call. */
  hash(row: number): number {
    return this.#columns.hashes[row] as number;
  }

  #put(column: number, other: NoteBytes, at: number, length: number): void {
    const { places } = this.#columns;
    const place = places[column] as number;
    if (place > 0) this.#usedBytes -= noteLength(this.#notes, place - 1) ?? 0;
    other.bytes.copy(this.#notes.bytes, this.#end, at, at + length);
    places[column] = this.#end + 1;
    this.#end += length;
    this.#usedBytes += length;
  }

  #begin(other: NoteBytes, at: number): number {
    const row = this.#rows++;
    this.#columns.begin(row, ++this.#lastNumber, hashOf(other, idAt(other, at)), timeAt(other, at));
    this.#size++;
    return row;
  }

  /** Another event of a call is to come. */
  #restart(row: number, at: number): void {
    this.#columns.startedAt[row] = at;
    this.#columns.reported[row] = 0;
    this.done(row, 0, false);
  }

  /** Forgets a call for a new one, or one of those with its id: one whose record is complete, or else the oldest. */
  #bound(same: readonly number[]): void {
    const isCrowded = same.length >= MAX_SAME_ID;
    if (isCrowded) this.#giveUp(same.find((row) => this.#columns.isComplete(row)) ?? (same[0] as number));
    else if (this.#size > this.#options.maxCalls) this.#giveUp();
  }

  #giveUp(row = this.#columns.oldestComplete() ?? this.#first): void {
    const isLoss = !this.#columns.isComplete(row);
    this.remove(row);
    if (isLoss) this.#options.onForgotten();
  }

  #makeRoom(bytes: number): void {
    const { maxBytes } = this.#options;
    const isFull = this.#end + bytes > this.#notes.bytes.length;
    if (!isFull && this.#rows < this.#columns.capacity) return;
    if (this.#usedBytes + bytes > maxBytes * FULL_SHARE) {
      while (this.#size > 0 && this.#usedBytes + bytes > maxBytes * KEPT_SHARE) this.#giveUp();
    }
    this.#closeUp(bytes);
  }

  /** Moves what is in use together, into as much room as it needs. */
  #closeUp(bytes: number): void {
    const { maxBytes, maxCalls } = this.#options;
    const [before, notes] = [this.#columns, this.#notes];
    const wanted = Math.min(maxBytes, powerOfTwo(2 * this.#usedBytes + bytes));
    this.#notes = noteBytes(Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, this.#usedBytes + bytes, wanted)));
    const most = powerOfTwo(maxCalls + maxCalls / 4);
    this.#columns = new CallColumns(Math.max(FIRST_CALLS, Math.min(most, powerOfTwo(1.5 * this.#size))));
    const last = this.#rows;
    this.#rows = this.#end = this.#usedBytes = 0;
    for (let row = this.#first; row < last; row++) {
      if ((before.numbers[row] as number) <= 0) continue;
      const now = this.#rows++;
      this.#columns.take(now, before, row);
      for (const side of [0, 1]) {
        const at = (before.places[2 * row + side] as number) - 1;
        if (at >= 0) this.#put(2 * now + side, notes, at, noteLength(notes, at) ?? 0);
      }
    }
    this.#first = 0;
  }
}

/** Full is what is used beyond this share of the bound; then so much is kept that the next time is far. */
const FULL_SHARE = 0.9;
const KEPT_SHARE = 0.75;

function powerOfTwo(atLeast: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, atLeast)));
}
