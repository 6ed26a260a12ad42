import { isValidIBAN } from 'ibantools';
import { type AnchoredRule, anchoredRule } from '../rule.ts';
import { BETWEEN, isLuhn, LETTERS, longest, NUMBER_EDGE, numberRule } from './shapes.ts';

/** 13 to 19 digits in one piece, or in the groups that stand on a card. No issuer begins with 0 or 1. */
export const CARDS: readonly AnchoredRule[] = [
  numberRule({
    id: 'credit-card',
    look: [0, '23456'],
    pattern: String.raw`${NUMBER_EDGE}(?<!\d\.)[2-6](?:\d{12,18}|\d{3}[ .-]\d{6}[ .-]\d{4,5}|\d{3}(?:[ .-]\d{4}){2}[ .-]\d{1,4}(?:[ .-]\d{1,3})?)(?!\w)`,
    judge: longest((digits) => digits.length >= 13 && digits.length <= 19 && isLuhn(digits)),
  }),
];

/** Three or four digits where the text says what they are. */
export const CARD_CODES: readonly AnchoredRule[] = [
  anchoredRule({
    id: 'card-code',
    anchors: ['cvv', 'cvc', 'card security code', 'card verification'],
    pattern: String.raw`(?<before>${NUMBER_EDGE}(?:cv[vc]2?|card security code|card verification)(?:[ _](?:code|number|value))?${BETWEEN})\d{3,4}(?!\w)`,
    flags: 'i',
  }),
];

/** True if the checksum (mod 97), the country, its length and its shape are right. @see ISO 13616 */
const isIban = (compact: string) =>
  compact.length >= 15 && compact.length <= 34 && isValidIBAN(compact.toUpperCase());

/** International bank account numbers, in one piece or in groups of four. */
export const IBANS: readonly AnchoredRule[] = [
  numberRule({
    id: 'iban-code',
    look: [-1, LETTERS],
    lead: 2,
    pattern: String.raw`${NUMBER_EDGE}[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?!\w)`,
    flags: 'i',
    judge: longest(isIban),
    tail: ['[A-Z]{1,2}', 2],
  }),
];
