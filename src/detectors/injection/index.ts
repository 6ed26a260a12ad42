import { BOUNDARIES, DELIMITERS } from './boundaries.ts';
import { EXTRACTIONS, OVERRIDES } from './english/overrides.ts';
import { PRESSURE, ROLES } from './english/roles.ts';
import { THEFT, TOOLS } from './english/theft.ts';
import { FOREIGN } from './languages.ts';
import { type InjectionRule, type InjectionSource, rulesOf } from './rule.ts';

export { type InjectionRule, MENTION } from './rule.ts';

/** Text in invisible tag characters, longer than the flag of a region needs. */
const HIDDEN: InjectionSource = {
  id: 'hidden-text',
  weight: 0.5,
  anchors: ['\udb40'],
  pattern: '(?:\\udb40[\\udc20-\\udc7e]){10}',
};

const PHRASES: readonly InjectionSource[] = [
  ...OVERRIDES,
  ...EXTRACTIONS,
  ...ROLES,
  ...PRESSURE,
  ...THEFT,
  ...TOOLS,
  ...FOREIGN,
  HIDDEN,
];

/** Attacks in words: English, other languages, and all of them mentioned. */
export const INJECTIONS: readonly InjectionRule[] = PHRASES.flatMap(rulesOf);

/** Marks of chat templates. */
export const FAKE_DELIMITERS: readonly InjectionRule[] = DELIMITERS.flatMap(rulesOf);

/** Made-up ends of the operator's instructions and turns of other roles. */
export const FAKE_BOUNDARIES: readonly InjectionRule[] = BOUNDARIES.flatMap(rulesOf);
