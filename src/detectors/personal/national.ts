import { type AnchoredRule, anchoredRule } from '../rule.ts';
import { BETWEEN, CAPITALS, NUMBER_EDGE, NUMERALS, numberRule, wholly } from './shapes.ts';

/** Mod 11 with falling weights. @see https://www.datadictionary.nhs.uk/attributes/nhs_number.html */
function isNhs(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < 9; i++) sum += Number(digits[i]) * (10 - i);
  return (11 - (sum % 11)) % 11 === Number(digits[9]);
}

const NHS_ID = 'uk-nhs';

/** British health service numbers: in their groups, or where the text says what they are. */
export const UK_NHS: readonly AnchoredRule[] = [
  numberRule({
    id: NHS_ID,
    look: [3, ' '],
    pattern: String.raw`${NUMBER_EDGE}(?<![.,+-])\d{3} \d{3} \d{4}(?!\w|[ .,-]\d)`,
    judge: wholly(isNhs),
  }),
  anchoredRule({
    id: NHS_ID,
    anchors: ['nhs'],
    pattern: String.raw`(?<before>${NUMBER_EDGE}nhs[ _-]?(?:number|no\.?|id)?${BETWEEN})\d{3}[ -]?\d{3}[ -]?\d{4}(?!\w)`,
    flags: 'i',
    judge: wholly(isNhs),
  }),
];

/** British national insurance numbers. @see https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110 */
const ninoRule = (gap: '' | ' ') =>
  numberRule({
    id: 'uk-nino',
    look: [-1, gap === '' ? CAPITALS : ' '],
    lead: 2 + gap.length,
    pattern: String.raw`${NUMBER_EDGE}(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]${gap}\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)`,
    tail: [`[A-Z]{1,2}${gap === '' ? '' : ' ?'}`, 3],
  });

export const UK_NINOS: readonly AnchoredRule[] = [ninoRule(''), ninoRule(' ')];

/** Indian tax numbers: the fourth letter tells the kind of holder. @see https://incometaxindia.gov.in */
export const IN_PANS: readonly AnchoredRule[] = [
  numberRule({
    id: 'in-pan',
    look: [-1, CAPITALS],
    lead: 5,
    pattern: String.raw`${NUMBER_EDGE}[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z](?!\w)`,
    tail: ['[A-Z]{1,5}', 5],
  }),
];

/** Indian resident numbers in their groups, with the sum after Verhoeff. @see https://uidai.gov.in */
export const IN_AADHAARS: readonly AnchoredRule[] = [
  numberRule({
    id: 'in-aadhaar',
    look: [4, ' -'],
    pattern: String.raw`${NUMBER_EDGE}(?<![.,+-]|\d )[2-9]\d{3}(?: \d{4} \d{4}|-\d{4}-\d{4})(?!\w|[ -]\d)`,
    judge: wholly(isVerhoeff),
  }),
];

const NIF_LETTERS = 'TRWAGMYFPDXBNJZSQVHLCKE';

/** Spanish tax numbers: the letter is a sum (mod 23). */
export const ES_NIFS: readonly AnchoredRule[] = [
  numberRule({
    id: 'es-nif',
    look: [7, NUMERALS],
    pattern: String.raw`${NUMBER_EDGE}\d{8}-?[A-HJ-NP-TV-Z](?!\w)`,
    judge: wholly((nif) => nif[8] === NIF_LETTERS[Number(nif.slice(0, 8)) % 23]),
  }),
];

/** Italian fiscal codes: no other sixteen characters look like them. */
export const IT_FISCAL_CODES: readonly AnchoredRule[] = [
  numberRule({
    id: 'it-fiscal-code',
    look: [-1, CAPITALS],
    lead: 6,
    pattern: String.raw`${NUMBER_EDGE}[A-Z]{6}\d{2}[ABCDEHLMPRST](?:[04][1-9]|[1256]\d|[37][01])[A-Z]\d{3}[A-Z](?!\w)`,
    tail: ['[A-Z]{1,6}', 6],
  }),
];

const TIMES = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210',
];
const PLACES = [
  '0123456789',
  '1576283094',
  '5803796142',
  '8916043527',
  '9453126870',
  '4286573901',
  '2793806415',
  '7046913258',
];

/** @see https://en.wikipedia.org/wiki/Verhoeff_algorithm */
function isVerhoeff(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    sum = Number(TIMES[sum]![Number(PLACES[i % 8]![digit])]);
  }
  return sum === 0;
}

/** Three groups with the same sign between them. */
const grouped = (first: string, second: string, third: string) =>
  `${NUMBER_EDGE}(?<!-)${first}(?: ${second} ${third}|-${second}-${third})(?![\\w-])`;

/** American social security numbers in their groups. @see https://www.ssa.gov/employer/randomization.html */
export const US_SSNS: readonly AnchoredRule[] = [
  numberRule({
    id: 'us-ssn',
    look: [3, ' -'],
    pattern: grouped(String.raw`(?!000|666|9\d\d)\d{3}`, String.raw`(?!00)\d{2}`, String.raw`(?!0000)\d{4}`),
  }),
];

/** American tax numbers of those who have no social security number: like one, but with a 9 and a middle of its own. */
export const US_ITINS: readonly AnchoredRule[] = [
  numberRule({
    id: 'us-itin',
    look: [0, '9'],
    pattern: grouped(
      String.raw`9\d{2}`,
      String.raw`(?:5\d|6[0-5]|7\d|8[0-8]|9[0-2]|9[4-9])`,
      String.raw`\d{4}`,
    ),
  }),
];
