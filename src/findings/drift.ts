/** As if half of all calls lacked the trait. */
const DRIFTED = 0.5;
/** Beyond it a drift has to come back that far before it is over: some fifty calls that have the trait. */
const MAX_OVER = 25;

/**
 * Gathers, call by call, how much likelier a drift is than the share before it: one in which many calls lack what nearly all had, whatever comes
 * between them.
 *
 * @see E. S. Page, Continuous inspection schemes, 1954
 */
export class Drift {
  #level = 0;
  #isOut = false;

  /** True from when it stands out until it is over. */
  get isOut(): boolean {
    return this.#isOut;
  }

  /** True while nothing speaks for it. */
  get isOver(): boolean {
    return this.#level === 0;
  }

  /** A call lacks the trait. @param chance of that, before @param limit where it stands out: how unlikely it has to be, as a logarithm */
  lacks(chance: number, limit: number): void {
    this.#level = Math.min(limit + MAX_OVER, this.#level + Math.log(DRIFTED / chance));
    if (this.#level >= limit) this.#isOut = true;
  }

  /** A call has it. */
  has(chance: number): void {
    this.#level = Math.max(0, this.#level + Math.log(DRIFTED / (1 - chance)));
    if (this.#level === 0) this.#isOut = false;
  }

  end(): void {
    this.#level = 0;
    this.#isOut = false;
  }
}
