import { isValidIBAN } from 'ibantools';
import { CARD_RULE } from './card.ts';
import { BETWEEN, CAPITALS, type Entity, entity, NUMBER_EDGE, NUMBER_END } from './entity.ts';

/** Between the groups of an account: a sign or two blanks, or the end of a line, in a quoted mail too. */
const GAP = String.raw`(?: {1,2}|-| ?\r?\n(?:> ?)?)?`;

/** The longest beginning of whole groups that is valid: what follows a number can look like a part of it. */
function longest(isValid: (compact: string) => boolean): (candidate: string) => number {
  return (candidate) => {
    for (let rest = candidate; rest !== ''; rest = rest.replace(/[^A-Z0-9]{0,5}[A-Z0-9]{1,40}$/i, '')) {
      // In two lines at most
      if (rest.split('\n').length < 3 && isValid(rest.replace(/[^A-Z0-9]/gi, ''))) return rest.length;
    }
    return 0;
  };
}

/** Cards, what is written on them, and bank accounts. */
export const PAYMENT: readonly Entity[] = [
  entity('CREDIT_CARD', ['CREDIT_CARD_NUMBER', 'CARD'], 'pci', CARD_RULE),
  // Three or four digits where the text says what they are
  entity('CARD_CODE', ['CVV', 'CVC'], 'pci', {
    anchors: ['cvv', 'cvc', 'card security code', 'card verification'],
    pattern: String.raw`(?<before>${NUMBER_EDGE}(?:cv[vc]2?|card security code|card verification)(?:[ _](?:code|number|value))?${BETWEEN})\d{3,4}(?!\w)`,
    flags: 'i',
  }),
  // International bank account numbers (ISO 13616), in one piece or in groups of four
  entity('IBAN_CODE', ['IBAN'], 'always', {
    look: [-1, CAPITALS + CAPITALS.toLowerCase()],
    lead: 2,
    pattern: String.raw`${NUMBER_EDGE}[A-Z]{2}\d{2}(?:${GAP}[A-Z0-9]{4}){2,7}(?:${GAP}[A-Z0-9]{1,3})?${NUMBER_END}`,
    flags: 'i',
    judge: longest(
      (compact) => compact.length >= 15 && compact.length <= 34 && isValidIBAN(compact.toUpperCase()),
    ),
  }),
];
