import { lazily } from '../lazily.ts';
import type { AnchoredRule } from '../rule.ts';
import { LANGUAGES } from './languages/all.ts';
import type { Attack, Language } from './languages/language.ts';
import { isOrdinary } from './ordinary.ts';
import { type InjectionRule, rulesAbout } from './rule.ts';
import { BEHIND, type Sentence, sentenceAt, withoutAccents } from './sentence.ts';

/** The ids of the rules, and how likely each is an attack. */
const ATTACKS: readonly (readonly [attack: Attack, id: string, weight: number])[] = [
  ['override', 'override-instructions', 0.9],
  ['extraction', 'prompt-extraction', 0.85],
  ['role', 'unrestricted-role', 0.85],
  ['limits', 'no-limits', 0.8],
  ['secrecy', 'hide-from-user', 0.8],
  ['stealth', 'unnoticed-by-user', 0.4],
  ['warnings', 'no-warnings', 0.8],
];

const AND = '(?:und|et|y|e|en|i|и|ve|aber|mais|pero|ma|maar|mas|ale|но)';

/** Longest gap between two words of a phrase, in characters of one clause. */
const GAP = `(?:(?! ${AND} )[^,:()]){0,48}?`;

/** The same attacks in all languages, each told by the words of one sentence. */
export const IN_SENTENCES: readonly InjectionRule[] = Object.entries(LANGUAGES).flatMap(
  ([code, language]) => {
    const isSpoken = speaksOf(language);
    return ATTACKS.flatMap(([attack, id, weight]) => {
      const rule = signRule(`${id}-${code}`, attack, language, isSpoken);
      return rule === undefined ? [] : rulesAbout(rule, weight);
    });
  },
);

const gapsIn = (set: string) => set.split('…').length;

/** True if a sentence has a small word of a language. */
function speaksOf({ common }: Language): (sentence: Sentence) => boolean {
  if (common === undefined) return () => true;
  const known = lazily(
    () => new RegExp(`(?<![\\p{L}\\p{N}])(?:${withoutAccents(common)})(?![\\p{L}\\p{N}])`, 'u'),
  );
  return onceIn((sentence) => known().test(sentence.words));
}

/** Answers once for all places of a sentence. */
function onceIn<Answer>(answer: (sentence: Sentence) => Answer): (sentence: Sentence) => Answer {
  let last: { readonly sentence: Sentence; readonly answer: Answer } | undefined;
  return (sentence) => {
    if (last?.sentence.words !== sentence.words) last = { sentence, answer: answer(sentence) };
    return last.answer;
  };
}

function signRule(
  id: string,
  attack: Attack,
  language: Language,
  isSpoken: (sentence: Sentence) => boolean,
): AnchoredRule | undefined {
  const signs = language[attack];
  if (signs === undefined) return undefined;
  const { anchors, phrases, except } = signs;
  const literals = anchors.split('|');
  const beginning = language.isUnspaced === true ? '' : '(?<![\\p{L}\\p{M}\\p{N}])';
  const compiled = (set: string) =>
    new RegExp(`${beginning}(?:${withoutAccents(set).replaceAll('…', GAP)})`, 'u');
  const expressions = lazily(() => ({
    // Those without gaps are the cheap ones
    needed: phrases.map((sets) => [...sets].sort((a, b) => gapsIn(a) - gapsIn(b)).map(compiled)),
    harmless: except === undefined ? undefined : compiled(except),
    measures: language.measures === undefined ? undefined : compiled(language.measures),
  }));
  const isAttack = onceIn((sentence) => {
    if (!isSpoken(sentence)) return false;
    const { needed, harmless, measures } = expressions();
    const { words } = sentence;
    if (!needed.some((sets) => sets.every((set) => set.test(words)))) return false;
    return !harmless?.test(words) && !isOrdinary(attack, words, measures);
  });
  return {
    id,
    anchors: [...new Set([...literals, ...literals.map(withoutAccents)])],
    reach: () => BEHIND,
    match(text, at) {
      const sentence = sentenceAt(text, at);
      return isAttack(sentence) ? sentence.span : undefined;
    },
    open: (text, at) => sentenceAt(text, at).span.start,
  };
}
