/** How far a text is done whose matches were followed beyond the part that is looked at as a rule. */
export type LongMatch = {
  readonly text: string;
  /** Of the last match: what begins before is part of it. */
  readonly end: number;
  /** UTF-16 units of the text that were looked at once more, from its beginning on. */
  readonly looked: number;
};

export type LongMatches = {
  /** The last one in a text. */
  in(text: string): LongMatch | undefined;
  set(match: LongMatch): void;
  /** To be called once a text has been looked at to its end. */
  forget(text: string): void;
};

/** Texts that are searched in turns. */
const MAX_TEXTS = 8;

/**
 * What a rule remembers between two slices of a text, so that no slice looks again at a match that began before it. The
 * texts are compared as a rule by where they are in memory.
 */
export function createLongMatches(): LongMatches {
  const last: LongMatch[] = [];
  const forget = (text: string) => {
    const index = last.findIndex((match) => match.text === text);
    if (index >= 0) last.splice(index, 1);
  };
  return {
    in: (text) => last.find((match) => match.text === text),
    set(match) {
      forget(match.text);
      last.push(match);
      if (last.length > MAX_TEXTS) last.shift();
    },
    forget,
  };
}
