import { BOUNDARIES, DELIMITERS } from './boundaries.ts';
import { ENGLISH } from './english/index.ts';
import { FOREIGN } from './languages.ts';
import { type InjectionRule, type InjectionSource, rulesOf } from './rule.ts';

/** Text in invisible tag characters, longer than the flag of a region needs. */
const HIDDEN: InjectionSource = {
  id: 'hidden-text',
  weight: 0.5,
  anchors: ['\udb40'],
  pattern: '(?:\\udb40[\\udc20-\\udc7e]){10}',
};

/** Attacks in words: English, other languages, and all of them mentioned. */
export const INJECTIONS: readonly InjectionRule[] = [...ENGLISH, ...FOREIGN, HIDDEN].flatMap(rulesOf);

/** Marks of chat templates. */
export const FAKE_DELIMITERS: readonly InjectionRule[] = DELIMITERS.flatMap(rulesOf);

/** Made-up ends of the operator's instructions and turns of other roles. */
export const FAKE_BOUNDARIES: readonly InjectionRule[] = BOUNDARIES.flatMap(rulesOf);
