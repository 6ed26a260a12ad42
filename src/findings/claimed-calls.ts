/** Calls that we judged, and nearly no others, before any stand out. */
const MIN_JUDGED = 20;
const MAX_CLAIMED = 0.03;
/** A run of calls stands out if it is so long, in both. */
const MIN_RUN = 10;
const MIN_RUN_MS = 10_000;
const MAX_COUNTED = 1000;
const MAX_TIMES = 100;

/**
 * Calls of which LiteLLM says that a guardrail judged them, and that no bridge knows of: it says so too where `fail_open` let them pass. As a rule
 * another bridge did, that does not share our database: so they stand out only where there was none, and nothing is judged here any more.
 */
export class ClaimedCalls {
  #judged = 0;
  #claimed = 0;
  #run = 0;
  #beganAt = 0;
  #times: number[] = [];

  judged(): void {
    this.#judged++;
    this.#claimed += this.#run;
    this.#run = 0;
    this.#times = [];
    if (this.#judged + this.#claimed <= MAX_COUNTED) return;
    this.#judged /= 2;
    this.#claimed /= 2;
  }

  /** @param at Unix milliseconds @returns the times of those calls that are found to stand out now */
  claimed(at: number): readonly number[] {
    if (this.#run++ === 0) this.#beganAt = at;
    this.#times.push(at);
    if (this.#times.length > MAX_TIMES) this.#times.shift();
    const isUsual = this.#judged < MIN_JUDGED || this.#claimed > MAX_CLAIMED * (this.#judged + this.#claimed);
    const isShort = this.#run < MIN_RUN || at - this.#beganAt < MIN_RUN_MS;
    return isUsual || isShort ? [] : this.#times.splice(0);
  }
}
