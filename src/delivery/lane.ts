/** Failures, with no success between them, that are taken for an outage of the backend. */
const OUTAGE = 4;
/** Deliveries that are under way at once in the beginning, and after an outage. */
const FIRST = 4;

/**
 * Decides how many deliveries to a backend may be under way, by how it took the last ones: one more with each success, half as many
 * after some failures in a row, or after one with which the backend asks for less. Any other failure among successes slows nothing
 * down: one in twenty costs no more than its own share.
 */
export class Lane {
  readonly #max: number;
  #width: number;
  /** Failures since the last success. */
  #failures = 0;
  /** True until it was too wide once: then it grows slower. */
  #isOpening = true;

  constructor(max: number) {
    this.#max = max;
    this.#width = Math.min(FIRST, max);
  }

  /** Deliveries that may be under way; while it looks like an outage no more than it takes to tell. */
  get width(): number {
    return Math.min(Math.floor(this.#width), this.#failures === 0 ? this.#max : OUTAGE - this.#failures);
  }

  succeeded(): void {
    this.#failures = 0;
    this.#width = Math.min(this.#max, this.#width + (this.#isOpening ? 1 : 1 / this.#width));
  }

  /** Returns true if that makes an outage. */
  failed(): boolean {
    this.#failures++;
    if (this.#failures === OUTAGE) {
      this.#failures = 0;
      this.#width = Math.min(FIRST, this.#max);
      return true;
    }
    if (this.#failures === OUTAGE - 1) this.narrow();
    return false;
  }

  /** Halves it, as the backend is sent too much. */
  narrow(): void {
    this.#isOpening = false;
    this.#width = Math.max(1, this.#width / 2);
  }
}
