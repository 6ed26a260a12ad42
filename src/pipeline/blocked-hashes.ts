/** Whose a blocked text is. */
export type BlockedScope = {
  /** The virtual key, or whatever names the caller where there is none. */
  readonly owner: string;
  /** The session, or end user, and whatever else tells the calls of one owner apart. */
  readonly session: string;
};

/** The trace of a blocked text, from which nobody can read more than two letters. */
export type BlockedHash = {
  /** The first two characters, so that the rest need not be looked for everywhere. */
  readonly first: string;
  readonly head: number;
  readonly length: number;
  readonly hash: string;
  readonly by: readonly string[];
};

/** A text that was blocked, or is allowed again: without its words, for a thread that has the same key. */
export type BlockedChange = { readonly scope: BlockedScope } & (
  | { readonly remembered: BlockedHash }
  | { readonly forgotten: string }
);

/** Texts of one session. */
export const MAX_BLOCKED_TEXTS = 50;

/** The beginnings of blocked texts. */
export type BlockedHeads = {
  /** Their first two characters, which most of a call does not hold. */
  readonly firsts: readonly string[];
  /** Those that begin alike, the longest first. */
  readonly byHead: ReadonlyMap<number, readonly BlockedHash[]>;
};

/** The texts of a session after a change. */
export function blockedTextsAfter(
  before: readonly BlockedHash[],
  change: BlockedChange,
): readonly BlockedHash[] {
  const hash = hashIn(change);
  const others = before.filter((other) => other.hash !== hash);
  return 'remembered' in change ? [...others, change.remembered].slice(-MAX_BLOCKED_TEXTS) : others;
}

/** The hash of the text that a change is about. */
export const hashIn = (change: BlockedChange): string =>
  'remembered' in change ? change.remembered.hash : change.forgotten;

/** Finds their beginnings, made once for a session. */
export function headsOf(texts: readonly BlockedHash[]): BlockedHeads {
  const byHead = new Map<number, BlockedHash[]>();
  for (const one of texts.toSorted((a, b) => b.length - a.length)) {
    const alike = byHead.get(one.head);
    if (alike === undefined) byHead.set(one.head, [one]);
    else alike.push(one);
  }
  return { firsts: [...new Set(texts.map(({ first }) => first))], byHead };
}
