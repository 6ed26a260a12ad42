/** Longest that a record counts: a disk that hangs keeps nobody from a verdict. */
const MOST_MS = 1000;

/** The bytes of large blocked calls whose records are being stored: memory that the next large call waits for. */
export class UnstoredRecords {
  readonly #onLess: () => void;
  #bytes = 0;

  /** @param onLess called when there are less */
  constructor(onLess: () => void) {
    this.#onLess = onLess;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Returns a function to call when the record is stored, or needs no memory any more for another reason. */
  add(bytes: number): () => void {
    this.#bytes += bytes;
    let left = bytes;
    const end = () => {
      clearTimeout(timer);
      this.#bytes -= left;
      left = 0;
      this.#onLess();
    };
    const timer = setTimeout(end, MOST_MS).unref();
    return end;
  }
}
