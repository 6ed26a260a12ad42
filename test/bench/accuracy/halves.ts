/** Counts what is right and wrong, apart for the half that rules are tuned on and the half that is held out. */
import { hashOf } from './corpora.ts';

export type Half = 'tuned' | 'held out';

/** By the hash of the item's text, so that it is the same wherever the item is met. */
export function halfOf(text: string): Half {
  return Number.parseInt(hashOf(text).slice(0, 2), 16) % 2 === 0 ? 'tuned' : 'held out';
}

export type Count = { hits: number; of: number };

/** A number of findings, or of items with one, among items or characters. */
export class Tally {
  readonly tuned: Count = { hits: 0, of: 0 };
  readonly heldOut: Count = { hits: 0, of: 0 };

  /** @param text decides on the half @returns the half it counts for */
  add(text: string, hits: number, of = 1): Half {
    const half = halfOf(text);
    const count = half === 'tuned' ? this.tuned : this.heldOut;
    count.hits += hits;
    count.of += of;
    return half;
  }

  get all(): Count {
    return { hits: this.tuned.hits + this.heldOut.hits, of: this.tuned.of + this.heldOut.of };
  }
}
