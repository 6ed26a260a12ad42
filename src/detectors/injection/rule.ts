import { type AnchoredRule, anchoredRule, type Span } from '../rule.ts';
import { CONTEXT, isMention } from './mention.ts';
import { closesItsOwn } from './tags.ts';

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
  /** True if a match begins with a closing tag, and is none where that closes a tag of its own text. */
  readonly isStray?: boolean;
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

/** The rule of a source, and the one that finds it mentioned. */
export function rulesOf(source: InjectionSource): InjectionRule[] {
  const { id, weight, anchors, pattern, needs, isStray = false, isMeantDenied = false } = source;
  const any = anchoredRule({
    id,
    anchors: typeof anchors === 'string' ? anchors.split('|') : anchors,
    pattern,
    flags: 'i',
    ...(needs && { judge: (candidate: string) => (needs.test(candidate) ? candidate.length : 0) }),
  });
  return rulesAbout(isStray ? withoutOwnTags(any) : any, weight, isMeantDenied);
}

function withoutOwnTags(rule: AnchoredRule): AnchoredRule {
  return {
    ...rule,
    match(text, at) {
      const span = rule.match(text, at);
      const [, name = ''] = /^<\/([^\s>]{1,41})/.exec(text.slice(at, at + 43)) ?? [];
      return span !== undefined && closesItsOwn(text, at, name) ? undefined : span;
    },
  };
}

/** A rule that was found in a text is not asked again within so many units, as it counts once within 3,000 of them. */
const AGAIN = 128;

type Place = { readonly text: string; readonly at: number };

function isAgain(last: Place | undefined, text: string, at: number): boolean {
  return last !== undefined && at > last.at && at < last.at + AGAIN && last.text === text;
}

/** Units between two matches that are both said, or both talked about: a text of nothing else costs no look at each. */
const BESIDE = 16;

/** True if a match is another one, begins within it, or stands right behind it. */
function isBeside(span: Span | undefined, other: Span | undefined): boolean {
  if (span === undefined || other === undefined) return false;
  return span.start >= other.start && span.start - other.end <= BESIDE;
}

/** A rule for what is said, and one that finds the same mentioned. */
export function rulesAbout(any: AnchoredRule, weight: number, isMeantDenied = false): InjectionRule[] {
  // The two rules are asked one after the other about the same place, and one may find the same at many places
  let last: { text: string; at: number; span: Span | undefined; isMention: boolean } | undefined;
  const foundAt = (text: string, at: number) => {
    if (last?.at === at && last.text === text) return last;
    const span = any.match(text, at);
    const isKnown = last?.text === text && isBeside(span, last.span);
    const mention = span !== undefined && (isKnown ? last!.isMention : isMention(text, span, isMeantDenied));
    last = { text, at, span, isMention: mention };
    return last;
  };
  let said: Place | undefined;
  let told: Place | undefined;
  const matching = (name: string, mentioned: boolean): AnchoredRule => ({
    ...any,
    id: name,
    reach: () => any.reach() + CONTEXT,
    match(text, at) {
      if (isAgain(said, text, at) || (mentioned && isAgain(told, text, at))) return undefined;
      const found = foundAt(text, at);
      if (found.span === undefined || found.isMention !== mentioned) return undefined;
      if (mentioned) told = { text, at };
      else said = { text, at };
      return found.span;
    },
  });
  return [
    { rule: matching(any.id, false), weight },
    { rule: matching(MENTION, true), weight: Math.min(weight, MENTION_WEIGHT) },
  ];
}
