import { type AnchoredRule, anchoredRule, type Span } from '../rule.ts';
import { BOUNDARIES, DELIMITERS } from './boundaries.ts';
import { FOREIGN } from './languages.ts';
import { CONTEXT, isMention } from './mention.ts';
import { PHRASES } from './phrases.ts';
import { type InjectionSource, LOOK_BACK } from './source.ts';

export type InjectionRule = {
  readonly rule: AnchoredRule;
  /** How sure it is that this is an attack, 0 to 1. */
  readonly weight: number;
};

/** Rule of all phrases that are quoted or reported. As it is one rule, all mentions in a call count once. */
export const MENTION = 'injection-mention';
const MENTION_WEIGHT = 0.25;

/** Text in invisible tag characters, longer than the flag of a region needs. */
const HIDDEN: InjectionSource = {
  id: 'hidden-text',
  weight: 0.5,
  anchors: ['\udb40'],
  pattern: '(?:\\udb40[\\udc20-\\udc7e]){10}',
};

/** Attacks in words: English, other languages, and all of them mentioned. */
export const INJECTIONS: readonly InjectionRule[] = [
  ...[...PHRASES, ...FOREIGN].flatMap(rulesOf),
  ...rulesOf(HIDDEN),
];

/** Marks of chat templates. */
export const FAKE_DELIMITERS: readonly InjectionRule[] = DELIMITERS.flatMap(rulesOf);

/** Ends of the operator's instructions and turns of other roles that are made up. */
export const FAKE_BOUNDARIES: readonly InjectionRule[] = BOUNDARIES.flatMap(rulesOf);

/** All sources, for tests. */
export const INJECTION_SOURCES: readonly InjectionSource[] = [
  ...PHRASES,
  ...FOREIGN,
  HIDDEN,
  ...DELIMITERS,
  ...BOUNDARIES,
];

/** The rule itself, and the one that finds it mentioned. */
function rulesOf(source: InjectionSource): InjectionRule[] {
  const { id, weight, anchors, pattern, needs, closes, isMeantDenied = false } = source;
  const any = anchoredRule({
    id,
    anchors,
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
    reach: any.reach + CONTEXT,
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
