/** The attacks that are told in every language. */
export type Attack = 'override' | 'extraction' | 'role' | 'limits' | 'secrecy' | 'stealth' | 'warnings';

/**
 * The signs of one attack in a sentence: the alternatives of each set of a phrase stand somewhere in it, in any order. `…` is a gap
 * within one clause.
 *
 * Everything but the anchors is written in lower case and without accents, `ł` as `l`, `ı` as `i`, `ß` as `ss`: sentences are
 * compared so. A set begins at the beginning of a word.
 */
export type Signs = {
  /** Literals in lower case, of which one stands in each such sentence; also found without their accents. */
  readonly anchors: string;
  readonly phrases: readonly (readonly string[])[];
  /** Makes a sentence harmless. */
  readonly except?: string;
};

export type Language = Readonly<
  Record<Exclude<Attack, 'stealth'>, Signs> & Partial<Record<'stealth', Signs>>
> & {
  /** True if words are not set apart by blanks, or begin with articles and the like: sets begin anywhere. */
  readonly isUnspaced?: boolean;
  /** Words for how much there may be of a thing: length, budget, storage. Limits of these are no rules for what may be said. */
  readonly measures?: string;
  /** Small words, of which a sentence of the language has one: other languages have words that begin alike. */
  readonly common?: string;
  /** Talk about attacks, and questions about a phrase: "attack", "translate", "what does ... mean". */
  readonly about?: string;
  /** Orders to do what a quoted text says. */
  readonly follow?: string;
};
