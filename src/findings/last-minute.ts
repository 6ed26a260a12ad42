const MINUTE_MS = 60_000;
const SECOND_MS = 1000;

/** Counts the calls of the last minute, each at its own time. */
export class LastMinute {
  /** By second. */
  readonly #seconds = new Map<number, number>();

  add(calls: number, at: number): void {
    const second = Math.floor(at / SECOND_MS);
    this.#seconds.set(second, (this.#seconds.get(second) ?? 0) + calls);
  }

  /** Calls of the minute before `now`. */
  total(now: number): number {
    let total = 0;
    for (const [second, calls] of this.#seconds) {
      if (second * SECOND_MS <= now - MINUTE_MS) this.#seconds.delete(second);
      else total += calls;
    }
    return total;
  }

  /** When the first of them was, Unix milliseconds; undefined without any. */
  get firstAt(): number | undefined {
    return this.#seconds.size === 0 ? undefined : Math.min(...this.#seconds.keys()) * SECOND_MS;
  }
}
