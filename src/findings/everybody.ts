import { Drift } from './drift.ts';
import { maxChance, type Share } from './share.ts';

/** Kinds of calls that lack the trait before it is no matter of theirs. */
const MIN_KINDS = 4;
const MAX_TIMES = 100;
const LIMIT = -Math.log(maxChance(1000));

/** Finds what calls of many kinds lack at once, before there are enough of any one kind. Each kind that lacked nothing before counts once. */
export class Everybody {
  readonly #drift = new Drift();
  readonly #kinds = new Set<string>();
  #times: number[] = [];

  get isOut(): boolean {
    return this.#drift.isOut && this.#kinds.size >= MIN_KINDS;
  }

  /** A call of a kind has the trait. */
  has(share: Share): void {
    if (this.#drift.isOver || !share.isReliable) return;
    this.#drift.has(share.chance);
    if (!this.#drift.isOver) return;
    this.#kinds.clear();
    this.#times = [];
  }

  /**
   * A call of a kind lacks it.
   *
   * @param isShown true if it stands out among those of its kind
   * @returns the times of those calls that are found to stand out now
   */
  lacks(kind: string, share: Share, at: number, isShown: boolean): readonly number[] {
    if (!share.isReliable) return [];
    if (!this.#kinds.has(kind) && this.#kinds.size < MAX_TIMES) {
      this.#kinds.add(kind);
      this.#drift.lacks(share.chance, LIMIT);
    }
    if (!isShown) this.#times.push(at);
    if (this.#times.length > MAX_TIMES) this.#times.shift();
    return this.isOut ? this.#times.splice(0) : [];
  }
}
