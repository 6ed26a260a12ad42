import { UNMISTAKABLE } from '../detectors/secrets/index.ts';
import type { Passage } from '../guardrail/call.ts';
import { isNumber } from '../guardrail/opaque.ts';
import type { Found } from './finder.ts';

/** The findings in an id that is drawn at random which are no chance: credentials with a beginning of their own. */
export function certain(found: Found): Found {
  if (found.findings.length === 0) return found;
  return { ...found, findings: found.findings.filter(({ rule }) => UNMISTAKABLE.has(rule)) };
}

/**
 * True for an id that is a number. It looks like a card or a phone now and then, no redaction can replace it, and it comes again with
 * every later turn: only a policy that blocks heeds it, and in the newest turn alone.
 */
export function isNumericId({ place, text }: Passage): boolean {
  return place === 'structure' && isNumber(text);
}
