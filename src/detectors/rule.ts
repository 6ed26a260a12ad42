import { lazily } from './lazily.ts';
import { partialOf } from './scan/partial.ts';

/** A stretch of a text in UTF-16 units, the end exclusive. */
export type Span = { readonly start: number; readonly end: number };

/** A match of a rule; no finding if it has the shape of one alone, as a row of `x` has that of a key. */
export type Match = Span & { readonly isRefused?: boolean };

/** An anchor that stands for the beginning of a run of decimal digits. */
export const DIGITS = '\u0000digits';

/**
 * Something to look for in texts, found by anchors: literals (lower-case; capitals in a text are ignored) of which at
 * least one stands in every match. One automaton finds the anchors of all rules in one pass, and a rule is only asked
 * where one of its own was found.
 */
export type AnchoredRule = {
  /** Kebab-case; it names the rule in metrics, logs and golden cases. */
  readonly id: string;
  readonly anchors: readonly string[];
  /** For numbers: how far from the first digit a character stands that must be one of a table of ASCII. */
  readonly look?: { readonly offset: number; readonly isWorth: Uint8Array };
  /** The match that belongs to the anchor which begins at `at`, if there is one. */
  match(text: string, at: number): Match | undefined;
  /** Start of a match at this anchor that the end of the text may cut off. It may guess too much, never too little. */
  open(text: string, at: number): number | undefined;
  /**
   * Start of a match, from `from` on, that the end of the text cuts off before its anchor. For rules whose matches begin
   * before their anchor, such as an e-mail address before its `@`.
   */
  openTail?(text: string, from: number): number | undefined;
  /** The expressions it was made from, for tests and benchmarks. */
  readonly sources?: readonly RuleSource[];
  /** Most UTF-16 units from an anchor to the end of a match, its lookahead included. */
  reach(): number;
};

/** A rule without anchors: it is looked for in the whole text, in time linear in its length. */
export type SweepingRule = {
  readonly id: string;
  /** All matches that begin in a range, in order and without overlap. */
  sweep(text: string, from: number, to: number): readonly Span[];
  /** Start of the first match from `from` on that the end of the text may cut off. */
  openFrom(text: string, from: number): number | undefined;
};

export type TextRule = AnchoredRule | SweepingRule;

/** A match of a rule in a text. */
export type Finding = Span & {
  readonly rule: TextRule;
  /** Where its announcement begins, such as the name before a secret. */
  readonly from: number;
  /** All of what was found, if only a part of it stands here. */
  readonly value?: string;
};

export type RuleSource = {
  readonly id: string;
  readonly anchors: readonly string[];
  /**
   * Source of a JavaScript regular expression. Every quantifier is bounded. A group named `before`
   * at its beginning is no part of the finding. Where an anchor stands inside a match, `lead` says how far.
   */
  readonly pattern: string;
  readonly flags?: 'i' | 'u' | 'iu';
  /** Units from the start of a match to its anchor; 0 by default. */
  readonly lead?: number;
  /**
   * Distance from the first digit to a character that must be one of some ASCII characters; for the anchor {@link DIGITS}.
   * Numbers are frequent and rules many: one look at one character saves most expressions.
   */
  readonly look?: readonly [offset: number, units: string];
  /** Returns how many characters of a match count; 0 for none. All by default. */
  readonly judge?: (candidate: string) => number;
  /** True if matches are words without an end of their own, so that one that is refused need not be judged from each anchor in it. */
  readonly isRun?: boolean;
};

/**
 * A rule from a bounded regular expression, which is tried where an anchor was found. Its expressions are made when they
 * are first needed: all of them would take half of the time to start, and few texts need many.
 *
 * @throws an Error from `reach` and `open` if a quantifier of the pattern is unbounded; a test asks every rule
 */
export function anchoredRule(source: RuleSource): AnchoredRule {
  const { id, anchors, pattern, flags = '', lead = 0, judge, isRun } = source;
  const look = source.look && { offset: source.look[0], isWorth: tableOf(source.look[1]) };
  let whole: RegExp | undefined;
  const cutOff = lazily(() => {
    const partial = partialOf(pattern, flags);
    return { ...partial, expression: new RegExp(partial.source, `${flags}y`) };
  });
  const tail = lazily(() => new RegExp(`(?:${cutOff().source})$`, `${flags}g`));
  const longest = lead + Math.max(...anchors.map(({ length }) => length));
  return {
    id,
    anchors,
    sources: [source],
    ...(look && { look }),
    reach: () => cutOff().reach,
    match(text, at) {
      if (at < lead) return undefined;
      if (look !== undefined && look.isWorth[text.charCodeAt(at + look.offset)] !== 1) return undefined;
      whole ??= new RegExp(pattern, `${flags}y`);
      whole.lastIndex = at - lead;
      const found = whole.exec(text);
      if (found === null) return undefined;
      const before = found.groups?.before?.length ?? 0;
      const start = found.index + before;
      if (judge === undefined) return { start, end: whole.lastIndex };
      const length = judge(found[0].slice(before));
      if (length > 0) return { start, end: start + length };
      return isRun ? { start, end: whole.lastIndex, isRefused: true } : undefined;
    },
    open(text, at) {
      if (at < lead) return undefined;
      const { expression, lookahead } = cutOff();
      expression.lastIndex = at - lead;
      // A match with enough behind it is decided, whatever follows
      const isOpen = expression.test(text) && expression.lastIndex > text.length - Math.max(lookahead, 1);
      return isOpen ? at - lead : undefined;
    },
    ...(lead > 0 && {
      openTail(text: string, from: number) {
        tail().lastIndex = Math.max(from, text.length - longest);
        return tail().exec(text)?.index;
      },
    }),
  };
}

/** 1 for each of some ASCII characters. */
export function tableOf(units: string): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, unit) => (units.includes(String.fromCharCode(unit)) ? 1 : 0));
}
