const BYTES_OF_ROW = 54;

/** One number for each row, and two where each side of a call has its own. */
export class CallColumns {
  readonly capacity: number;
  /** Negative once the call is gone. */
  readonly numbers: Float64Array;
  readonly startedAt: Float64Array;
  readonly doneAt: Float64Array;
  /** 1 for a call whose record needs no more notes; how many there are, and a row that none of them is before. */
  readonly #complete: Uint8Array;
  #completeRows = 0;
  #firstComplete = 0;
  readonly reported: Uint8Array;
  readonly hashes: Uint32Array;
  /** First row of a hash, and the row after each; -1 is none. */
  readonly heads: Int32Array;
  readonly next: Int32Array;
  /** Place of the note of a side, plus one; 0 is none. And how many there were. */
  readonly places: Uint32Array;
  readonly counts: Uint32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.numbers = new Float64Array(capacity);
    this.startedAt = new Float64Array(capacity);
    this.doneAt = new Float64Array(capacity);
    this.#complete = new Uint8Array(capacity);
    this.reported = new Uint8Array(capacity);
    this.hashes = new Uint32Array(capacity);
    this.heads = new Int32Array(capacity).fill(-1);
    this.next = new Int32Array(capacity);
    this.places = new Uint32Array(2 * capacity);
    this.counts = new Uint32Array(2 * capacity);
  }

  /** All of them. */
  get bytes(): number {
    return BYTES_OF_ROW * this.capacity;
  }

  isComplete(row: number): boolean {
    return this.#complete[row] === 1;
  }

  setComplete(row: number, isComplete: boolean): void {
    this.#completeRows += Number(isComplete) - Number(this.isComplete(row));
    this.#complete[row] = Number(isComplete);
    if (isComplete) this.#firstComplete = Math.min(this.#firstComplete, row);
  }

  /** The row of the oldest call whose record is complete. */
  oldestComplete(): number | undefined {
    if (this.#completeRows === 0) return undefined;
    while (!this.isComplete(this.#firstComplete)) this.#firstComplete++;
    return this.#firstComplete;
  }

  begin(row: number, number: number, hash: number, startedAt: number): void {
    this.numbers[row] = number;
    this.startedAt[row] = startedAt;
    this.hashes[row] = hash;
    this.next[row] = this.heads[hash % this.capacity] as number;
    this.heads[hash % this.capacity] = row;
  }

  /** Takes a row out of those with its hash. */
  unlink(row: number): void {
    const { heads, next } = this;
    const bucket = (this.hashes[row] as number) % this.capacity;
    if (heads[bucket] === row) heads[bucket] = next[row] as number;
    else {
      let before = heads[bucket] as number;
      while (next[before] !== row) before = next[before] as number;
      next[before] = next[row] as number;
    }
  }

  /** Takes a row over from others, but for its notes. */
  take(row: number, before: CallColumns, from: number): void {
    this.begin(
      row,
      before.numbers[from] as number,
      before.hashes[from] as number,
      before.startedAt[from] as number,
    );
    this.doneAt[row] = before.doneAt[from] as number;
    this.setComplete(row, before.isComplete(from));
    this.reported[row] = before.reported[from] as number;
    for (const side of [0, 1]) this.counts[2 * row + side] = before.counts[2 * from + side] as number;
  }
}
