const BYTES_OF_ROW = 53;

/** One number for each row, and two where each side of a call has its own. */
export class CallColumns {
  readonly capacity: number;
  /** Negative once the call is gone. */
  readonly numbers: Float64Array;
  readonly startedAt: Float64Array;
  readonly doneAt: Float64Array;
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

  begin(row: number, number: number, hash: number, startedAt: number): void {
    this.numbers[row] = number;
    this.startedAt[row] = startedAt;
    this.hashes[row] = hash;
    this.next[row] = this.heads[hash % this.capacity] as number;
    this.heads[hash % this.capacity] = row;
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
    this.reported[row] = before.reported[from] as number;
    for (const side of [0, 1]) this.counts[2 * row + side] = before.counts[2 * from + side] as number;
  }
}
