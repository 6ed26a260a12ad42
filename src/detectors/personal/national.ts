import {
  BETWEEN,
  CAPITALS,
  type Entity,
  entity,
  NUMBER_EDGE,
  NUMBER_END,
  NUMERALS,
  wholly,
} from './entity.ts';

/**
 * Three groups with the same sign between them. With blanks they are columns of a table, if another number stands beside them
 * and no word says what they are.
 */
function grouped(first: string, second: string, third: string): string {
  const spaced = `${first} {1,2}${second} {1,2}${third}`;
  const said = String.raw`(?<=(?:ssn|social security|itin|taxpayer)[^\d\n]{1,24})${spaced}(?![\w-])`;
  const alone = String.raw`(?<!\d[ \t]{1,2})${spaced}(?![\w-]|[ \t]{1,2}\d)`;
  return `${NUMBER_EDGE}(?<!\\w-)(?:${first}-${second}-${third}${NUMBER_END}(?!-)|${said}|${alone})`;
}

/** American numbers of persons. */
export const AMERICAN: readonly Entity[] = [
  /** Social security numbers in their groups. @see https://www.ssa.gov/employer/randomization.html */
  entity('US_SSN', ['SSN'], 'always', {
    look: [3, ' -'],
    pattern: grouped(String.raw`(?!000|666|9\d\d)\d{3}`, String.raw`(?!00)\d{2}`, String.raw`(?!0000)\d{4}`),
    flags: 'i',
  }),
  // Tax numbers of those who have no social security number: like one, but with a 9 and a middle of its own
  entity('US_ITIN', ['ITIN'], 'always', {
    look: [0, '9'],
    pattern: grouped(
      String.raw`9\d{2}`,
      String.raw`(?:5\d|6[0-5]|7\d|8[0-8]|9[0-2]|9[4-9])`,
      String.raw`\d{4}`,
    ),
    flags: 'i',
  }),
];

const NIF_LETTERS = 'TRWAGMYFPDXBNJZSQVHLCKE';

/** Numbers of persons in other countries. */
export const NATIONAL: readonly Entity[] = [
  // British health service numbers: in their groups, or where the text says what they are
  entity(
    'UK_NHS',
    ['NHS'],
    'always',
    {
      look: [3, ' '],
      pattern: String.raw`${NUMBER_EDGE}(?<![.,+-]|\d )\d{3} \d{3} \d{4}(?!\w|[ .,-]\d)`,
      judge: wholly(isNhs),
    },
    {
      anchors: ['nhs'],
      pattern: String.raw`(?<before>${NUMBER_EDGE}nhs[ _-]?(?:number|no\.?|id)?${BETWEEN})\d{3}[ -]?\d{3}[ -]?\d{4}(?!\w)`,
      flags: 'i',
      judge: wholly(isNhs),
    },
  ),
  /** British national insurance numbers. @see https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110 */
  entity(
    'UK_NINO',
    ['NINO'],
    'always',
    ...['', ' '].map((gap) => ({
      look: [-1, gap || CAPITALS] as const,
      lead: 2 + gap.length,
      pattern: String.raw`${NUMBER_EDGE}(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]${gap}\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)`,
    })),
  ),
  /** Indian tax numbers: the fourth letter tells the kind of holder. @see https://incometaxindia.gov.in */
  entity('IN_PAN', [], 'always', {
    look: [-1, CAPITALS],
    lead: 5,
    // Ids of mail queues have the letters of hexadecimal numbers alone
    pattern: String.raw`${NUMBER_EDGE}(?=[A-Z\d]{0,9}[G-Z])[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z](?!\w)`,
  }),
  /** Indian resident numbers in their groups, with the sum after Verhoeff. @see https://uidai.gov.in */
  entity('IN_AADHAAR', ['AADHAAR'], 'always', {
    look: [4, ' -'],
    // Rows of code points have more groups
    pattern: String.raw`${NUMBER_EDGE}(?<![.,+-]|\d |[a-fA-F\d]{4} )[2-9]\d{3}(?: \d{4} \d{4}|-\d{4}-\d{4})(?!\w|[ -]\d| [a-fA-F\d]{4}(?!\w)|\n(?:[a-fA-F\d]{4} ){3})`,
    judge: wholly(isVerhoeff),
  }),
  // Spanish tax numbers: the letter is a sum (mod 23)
  entity('ES_NIF', [], 'always', {
    look: [7, NUMERALS],
    pattern: String.raw`${NUMBER_EDGE}(?<![.,+-])\d{8}-?[A-HJ-NP-TV-Z](?!\w|[+-]\d)`,
    judge: wholly((nif) => nif[8] === NIF_LETTERS[Number(nif.slice(0, 8)) % 23]),
  }),
  // Italian fiscal codes: no other sixteen characters look like them
  entity('IT_FISCAL_CODE', [], 'always', {
    look: [-1, CAPITALS],
    lead: 6,
    pattern: String.raw`${NUMBER_EDGE}[A-Z]{6}\d{2}[ABCDEHLMPRST](?:[04][1-9]|[1256]\d|[37][01])[A-Z]\d{3}[A-Z](?!\w)`,
  }),
];

/** Mod 11 with falling weights. @see https://www.datadictionary.nhs.uk/attributes/nhs_number.html */
function isNhs(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < 9; i++) sum += Number(digits[i]) * (10 - i);
  return (11 - (sum % 11)) % 11 === Number(digits[9]);
}

/** Digits moved round once; the further to the left one stands, the more often it is. */
const MOVED = '1576283094';

/** @see https://en.wikipedia.org/wiki/Verhoeff_algorithm */
function isVerhoeff(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    let digit = Number(digits[digits.length - 1 - i]);
    for (let times = i % 8; times > 0; times--) digit = Number(MOVED[digit]);
    // The product of two turns or reflections of a pentagon, the turns being 0 to 4
    const turn = (sum < 5 ? sum + digit : sum - digit + 10) % 5;
    sum = sum < 5 === digit < 5 ? turn : turn + 5;
  }
  return sum === 0;
}
