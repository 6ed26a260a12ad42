import { type AnchoredRule, anchoredRule, type Span } from '../rule.ts';
import { CONTEXT, isMention } from './mention.ts';

/** A rule as it is written down. Its pattern begins at the anchor; capitals are ignored. */
export type InjectionSource = {
  readonly id: string;
  /** Probability that a match is an attack, 0 to 1. */
  readonly weight: number;
  /** A list, or alternatives in one text. */
  readonly anchors: string | readonly string[];
  readonly pattern: string;
  /** Must match somewhere in a match too. */
  readonly needs?: RegExp;
  /** Opening of what the pattern closes: where it stands before a match, within {@link LOOK_BACK} units, there is none. */
  readonly closes?: RegExp;
  /** True if a "not" before a match is part of the attack and makes it no mention. */
  readonly isMeantDenied?: boolean;
};

/** Source of an expression for the gap between two words. */
export const GAP = `[\\s,*_~"'’-]{1,4}`;

/** The weight is that of its source. */
export type InjectionRule = { readonly rule: AnchoredRule; readonly weight: number };

/** Id of the rule of all phrases that are quoted or reported. As it is one rule, all mentions in a call count once. */
export const MENTION = 'injection-mention';
const MENTION_WEIGHT = 0.25;

/** UTF-16 units before a match in which its opening is looked for. */
const LOOK_BACK = 600;

/** The rule of a source, and the one that finds it mentioned. */
export function rulesOf(source: InjectionSource): InjectionRule[] {
  const { id, weight, anchors, pattern, needs, closes, isMeantDenied = false } = source;
  const any = anchoredRule({
    id,
    anchors: typeof anchors === 'string' ? anchors.split('|') : anchors,
    pattern,
    flags: 'i',
    ...(needs && { judge: (candidate: string) => (needs.test(candidate) ? candidate.length : 0) }),
  });
  // The two rules are asked one after the other about the same place
  let last: { text: string; at: number; span: Span | undefined } | undefined;
  const spanAt = (text: string, at: number) => {
    if (last?.at !== at || last.text !== text) last = { text, at, span: any.match(text, at) };
    return last.span;
  };
  const matching = (name: string, mentioned: boolean): AnchoredRule => ({
    ...any,
    id: name,
    reach: () => any.reach() + CONTEXT,
    match(text, at) {
      const span = spanAt(text, at);
      if (mentioned) last = undefined;
      if (span === undefined || isMention(text, span, isMeantDenied) !== mentioned) return undefined;
      if (closes?.test(text.slice(Math.max(0, at - LOOK_BACK), at))) return undefined;
      return span;
    },
  });
  return [
    { rule: matching(id, false), weight },
    { rule: matching(MENTION, true), weight: Math.min(weight, MENTION_WEIGHT) },
  ];
}
