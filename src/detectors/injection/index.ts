import type { TextRule } from '../rule.ts';
import { BOUNDARIES, DELIMITERS } from './boundaries.ts';
import { ENGLISH } from './english/index.ts';
import { IN_SENTENCES } from './languages.ts';
import { type InjectionRule, type InjectionSource, rulesOf } from './rule.ts';

/** Text in invisible tag characters, longer than the flag of a region needs. */
const HIDDEN: InjectionSource = {
  id: 'hidden-text',
  weight: 0.5,
  anchors: ['\udb40'],
  pattern: '(?:\\udb40[\\udc20-\\udc7e]){10}',
};

/** Attacks in words: English, other languages, and all of them mentioned. */
export const INJECTIONS: readonly InjectionRule[] = [
  ...[...ENGLISH, HIDDEN].flatMap(rulesOf),
  ...IN_SENTENCES,
];

/** Marks of chat templates. */
export const FAKE_DELIMITERS: readonly InjectionRule[] = DELIMITERS.flatMap(rulesOf);

const [STRAY, OTHERS] = [true, false].map((isStray) =>
  BOUNDARIES.filter((source) => (source.isStray ?? false) === isStray).flatMap(rulesOf),
) as [InjectionRule[], InjectionRule[]];

/** Made-up ends of the operator's instructions and turns of other roles. */
export const FAKE_BOUNDARIES: readonly InjectionRule[] = [...STRAY, ...OTHERS];

/**
 * Rules that are not for words spelled in a strange way: those of sentences, which read accents as they are, and those of
 * closing tags, as a part of a text may begin behind the tag that was opened.
 */
export const WRITTEN_PLAINLY: ReadonlySet<TextRule> = new Set(
  [...IN_SENTENCES, ...STRAY].map(({ rule }) => rule),
);
