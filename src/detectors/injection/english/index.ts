import type { InjectionSource } from '../rule.ts';
import { ANSWERS } from './answers.ts';
import { COMPLIANCE } from './compliance.ts';
import { EXTRACTION } from './extraction.ts';
import { LICENCE } from './licence.ts';
import { OVERRIDES } from './overrides.ts';
import { PERSONAS } from './personas.ts';
import { PRETENCE } from './pretence.ts';
import { RECITAL } from './recital.ts';
import { ROLES } from './roles.ts';
import { THEFT } from './theft.ts';

/** Attacks in English. */
export const ENGLISH: readonly InjectionSource[] = [
  ...OVERRIDES,
  ...EXTRACTION,
  ...RECITAL,
  ...ROLES,
  ...PERSONAS,
  ...LICENCE,
  ...COMPLIANCE,
  ...ANSWERS,
  ...PRETENCE,
  ...THEFT,
];
