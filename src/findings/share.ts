/** About so many calls make up the share; those of longer ago count less. */
const MAX_COUNTED = 1000;
/** Calls with the trait before anything stands out. */
const MIN_HAVING = 3;
/** A run stands out if it is this unlikely by the share; with more calls there are more runs, and each has to be unlikelier. */
const MAX_CHANCE = 3e-3;
/** Calls of a run whose times are kept until it stands out. */
const MAX_TIMES = 1000;
/** A run is the new order of things after so long, where others are as they were. */
const NEW_ORDER_MS = 3_600_000;

/**
 * The share of calls of one kind that have a trait. A run of calls that lack it stands out if it would hardly come by the share before it: after
 * four where a hundred had the trait, after twelve where three had, after some 20 where half of many had, and after hundreds where few had.
 */
export class Share {
  #having = 0;
  #lacking = 0;
  #run = 0;
  #runBeganAt = 0;
  /** Of the run, by what was before it. */
  #chance = 1;
  /** Those of a run that does not stand out yet. */
  #times: number[] = [];
  #isOut = false;

  /** A call has the trait: the run before it is over, and was a part of the share unless it stood out. */
  has(): void {
    this.#having++;
    if (!this.#isOut) this.#lacking += this.#run;
    this.#end();
    if (this.#having + this.#lacking <= MAX_COUNTED) return;
    this.#having /= 2;
    this.#lacking /= 2;
  }

  /**
   * A call lacks the trait.
   *
   * @param at Unix milliseconds
   * @returns the times of those calls that are found to stand out now
   */
  lacks(at: number): readonly number[] {
    const counted = this.#having + this.#lacking;
    // By the rule of succession, with Jeffreys' prior: of most kinds all have the trait, or none
    this.#chance *= (this.#lacking + this.#run + 0.5) / (counted + this.#run + 1);
    if (this.#run++ === 0) this.#runBeganAt = at;
    if (this.#isOut) return [at];
    this.#times.push(at);
    if (this.#times.length > MAX_TIMES) this.#times.shift();
    if (this.#having < MIN_HAVING || this.#chance > MAX_CHANCE / (counted + 1) ** 1.5) return [];
    this.#isOut = true;
    return this.#times.splice(0);
  }

  /** Takes a run that stands out for an hour for the new order. @param now Unix milliseconds */
  settle(now: number): void {
    if (!this.#isOut || now - this.#runBeganAt < NEW_ORDER_MS) return;
    this.#having = this.#lacking = 0;
    this.#end();
  }

  #end(): void {
    this.#run = 0;
    this.#chance = 1;
    this.#times = [];
    this.#isOut = false;
  }
}
