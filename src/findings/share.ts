import { Drift } from './drift.ts';

/** About so many calls make up the share; those of longer ago count less. */
const MAX_COUNTED = 1000;
/** Calls with the trait before anything stands out. */
const MIN_HAVING = 3;
/** A run or a drift stands out if it is this unlikely by the share; with more calls there are more of them, and each has to be unlikelier. */
const MAX_CHANCE = 3e-3;
/** Calls whose times are kept until they stand out. */
const MAX_TIMES = 100;
/** A share that stands out is the new order of things after so long, where others are as they were. */
const NEW_ORDER_MS = 3_600_000;
/** From so many calls on, of which at most so many lack the trait, a drift tells as well as a run. */
const MIN_STEADY = 100;
const MAX_STEADY = 0.02;
const MIN_STEADY_CHANCE = 0.01;

/**
 * The share of calls of one kind that have a trait. A run of calls that lack it stands out if it would hardly come by the share before it: after
 * four where a hundred had the trait, after twelve where three had, after some 20 where half of many had, and after hundreds where few had. Where
 * nearly all of a hundred had it, so do calls without it that come between others, from one in six on.
 */
export class Share {
  #having = 0;
  #lacking = 0;
  /** Calls since a drift may have begun: a part of the share once it is over, unless it stood out. */
  #held = { having: 0, lacking: 0 };
  readonly #drift = new Drift();
  #run = 0;
  #beganAt: number | undefined;
  /** Of the run, by what was before it. */
  #chance = 1;
  /** Calls that do not stand out yet. */
  #times: number[] = [];
  #isRunOut = false;
  /** The longest run of this drift, and of those that ended by themselves while other kinds had the trait. */
  #longest = 0;
  #usual = 0;
  /** True if other kinds had the trait meanwhile. */
  #isAlone = false;

  /** The chance that a call lacks the trait, from what is known. By the rule of succession, with Jeffreys' prior: of most kinds all have it, or none. */
  get chance(): number {
    return (this.#lacking + 0.5) / (this.#having + this.#lacking + 1);
  }

  /** True while calls that lack the trait stand out. */
  get isOut(): boolean {
    return this.#isRunOut || this.#drift.isOut;
  }

  /** True if all that is known has the trait as a rule, and it comes without it neither now and then nor in runs. */
  get isReliable(): boolean {
    return this.#having >= MIN_HAVING && this.chance < 0.1 && this.#usual === 0;
  }

  /**
   * A call has the trait: the run before it is over.
   *
   * @param isKept false while calls of all kinds stand out: those without the trait are no part of the share
   */
  has(isKept = true): void {
    if (!this.#isRunOut && isKept) this.#held.lacking += this.#run;
    this.#held.having++;
    this.#longest = Math.max(this.#longest, this.#run);
    const wasOut = this.#drift.isOut;
    if (!this.#drift.isOver) this.#drift.has(this.#steadyChance);
    this.#run = 0;
    this.#chance = 1;
    this.#isRunOut = false;
    if (!this.#drift.isOver) return;
    if (!wasOut) this.#fold();
    else if (this.#isAlone && this.#longest > this.#held.lacking) this.#usual = this.#longest;
    this.#end();
  }

  /**
   * A call lacks the trait.
   *
   * @param at Unix milliseconds
   * @param othersAt when a call of another kind had it last
   * @returns the times of those calls that are found to stand out now
   */
  lacks(at: number, othersAt = 0): readonly number[] {
    const having = this.#having + this.#held.having;
    const lacking = this.#lacking + this.#held.lacking;
    this.#beganAt ??= at;
    this.#isAlone ||= othersAt > this.#beganAt;
    this.#chance *= (lacking + this.#run + 0.5) / (having + lacking + this.#run + 1);
    this.#run++;
    if (this.#isSteady)
      this.#drift.lacks(this.#steadyChance, -Math.log(maxChance(this.#having + this.#lacking)));
    this.#times.push(at);
    if (this.#times.length > MAX_TIMES) this.#times.shift();
    const isUsual = having < MIN_HAVING || this.#run <= 2 * this.#usual;
    if (!isUsual && this.#chance <= maxChance(having + lacking)) this.#isRunOut = true;
    return this.isOut ? this.#times.splice(0) : [];
  }

  /** Takes what stands out for an hour for the new order. @param now Unix milliseconds */
  settle(now: number): void {
    if (!this.isOut || now - (this.#beganAt ?? now) < NEW_ORDER_MS) return;
    this.#having = this.#lacking = this.#run = 0;
    this.#chance = 1;
    this.#isRunOut = false;
    this.#end();
  }

  get #isSteady(): boolean {
    return this.#usual === 0 && this.#having + this.#lacking >= MIN_STEADY && this.chance < MAX_STEADY;
  }

  get #steadyChance(): number {
    return Math.max(MIN_STEADY_CHANCE, this.chance);
  }

  #fold(): void {
    this.#having += this.#held.having;
    this.#lacking += this.#held.lacking;
    if (this.#having + this.#lacking <= MAX_COUNTED) return;
    this.#having /= 2;
    this.#lacking /= 2;
  }

  #end(): void {
    this.#drift.end();
    this.#held = { having: 0, lacking: 0 };
    this.#beganAt = undefined;
    this.#times = [];
    this.#longest = 0;
    this.#isAlone = false;
  }
}

/** How unlikely that has to be which stands out, where so many calls are known. */
export function maxChance(calls: number): number {
  return MAX_CHANCE / (calls + 1) ** 1.5;
}
