import { BETWEEN, CAPITALS, type Entity, entity, isLuhn, NUMBER_EDGE, wholly } from './entity.ts';

/** The last digit is that of the odd places plus twice the even ones. */
function isDea(number: string): boolean {
  const digits = [...number.slice(-7)].map(Number);
  const sum = digits.slice(0, 6).reduce((total, digit, place) => total + digit * (1 + (place % 2)), 0);
  return sum % 10 === digits[6];
}

const HOLDER = '[ABCDEFGHJKLMPRSTUX]';
/** A Medicare number has none of the letters that look like digits. */
const LETTER = '[AC-HJKMNP-RT-Y]';
const EITHER = '[AC-HJKMNP-RT-Y0-9]';

/** Numbers of patients, insurances and practitioners. */
export const HEALTH: readonly Entity[] = [
  // These two have no shape of their own: they are found where the text says what they are
  entity('MEDICAL_RECORD_NUMBER', ['MRN'], 'healthcare', {
    anchors: ['mrn', 'medical record', 'medical_record'],
    pattern: String.raw`(?<before>${NUMBER_EDGE}(?:mrn|medical[ _]record)(?:[ _](?:number|no\.?|id))?${BETWEEN})[A-Z]{0,4}-?\d{4,12}(?!\w)`,
    flags: 'i',
  }),
  entity('HEALTH_INSURANCE_ID', ['INSURANCE_ID'], 'healthcare', {
    anchors: ['insurance', 'member', 'subscriber'],
    pattern: String.raw`(?<before>${NUMBER_EDGE}(?:insurance|member|subscriber)[ _](?:member[ _])?(?:number|no\.?|id)${BETWEEN})[A-Z]{0,4}-?\d{6,12}[A-Z]?(?!\w)`,
    flags: 'i',
  }),
  /** American Medicare numbers. @see https://www.cms.gov/medicare/new-medicare-card */
  entity('US_MBI', ['MBI'], 'healthcare', {
    look: [1, CAPITALS],
    pattern: String.raw`${NUMBER_EDGE}[1-9]${LETTER}${EITHER}\d-?${LETTER}${EITHER}\d-?${LETTER}{2}\d{2}(?!\w)`,
  }),
  /** American provider numbers: the sum of cards over the number with 80840 before it. @see 45 CFR 162.406 */
  entity('US_NPI', ['NPI'], 'healthcare', {
    look: [0, '12'],
    pattern: String.raw`${NUMBER_EDGE}(?<![.,+-])[12]\d{9}(?!\w|[.-]\d)`,
    judge: wholly((digits) => isLuhn(`80840${digits}`)),
  }),
  // American licences to prescribe (DEA numbers): a letter, a letter or a 9, seven digits
  entity(
    'MEDICAL_LICENSE',
    ['DEA', 'DEA_NUMBER'],
    'healthcare',
    ...['[A-Z]', '9'].map((second, at) => ({
      look: [-1, CAPITALS] as const,
      lead: 2 - at,
      pattern: String.raw`${NUMBER_EDGE}${HOLDER}${second}\d{7}(?!\w)`,
      judge: wholly(isDea),
    })),
  ),
];
