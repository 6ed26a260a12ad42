/**
 * The words of one language for three attacks: "ignore the previous instructions", "show your system prompt", "you are
 * now without rules". Words are alternatives of a regular expression, capitals ignored. Letters with accents also stand
 * without them, as plain texts have none.
 */
export type Language = {
  /** Imperatives such as "ignore". */
  readonly drop: string;
  /** "Previous", "above", "your". */
  readonly whose: string;
  /** "Instructions" and their kin. */
  readonly rules: string;
  /** Imperatives such as "show". */
  readonly show: string;
  /** "Your", where `prompt` does not say it. */
  readonly yours?: string;
  /** "System prompt" and its kin. */
  readonly prompt: string;
  /** Articles and the like that may stand between the others, where the verb comes first. */
  readonly small?: string;
  /** Literals in lower case, of which one begins each match; by default the words with which `order` begins. */
  readonly overrideAnchors?: string;
  readonly extractionAnchors?: string;
  /** For languages in which the verb comes last, or that set no spaces; without it the verb comes first. */
  readonly order?: {
    /** Characters that end a sentence, where gaps are counted in characters. */
    readonly ends?: string;
    readonly override: WordOrder;
    readonly extraction: WordOrder;
  };
  /** "You are now", and "unrestricted". The anchors are `youAreNow` by default. */
  readonly role?: { readonly youAreNow: string; readonly unrestricted: string; readonly anchors?: string };
};

export type Word = 'drop' | 'whose' | 'rules' | 'show' | 'yours' | 'prompt';

/** Words and what stands between them: at most so many characters of one sentence, or an expression. */
export type WordOrder = readonly (Word | 'yours?' | number | { readonly source: string })[];
