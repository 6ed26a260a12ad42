import { type AnchoredRule, anchoredRule } from '../rule.ts';
import { BETWEEN, CAPITALS, isLuhn, NUMBER_EDGE, numberRule, wholly } from './shapes.ts';

/** Numbers of patients' records have no shape of their own: they are found where the text says what they are. */
export const MEDICAL_RECORDS: readonly AnchoredRule[] = [
  anchoredRule({
    id: 'medical-record-number',
    anchors: ['mrn', 'medical record', 'medical_record'],
    pattern: String.raw`(?<before>${NUMBER_EDGE}(?:mrn|medical[ _]record)(?:[ _](?:number|no\.?|id))?${BETWEEN})[A-Z]{0,4}-?\d{4,12}(?!\w)`,
    flags: 'i',
  }),
];

/** Numbers of the insured, where the text says what they are. */
export const HEALTH_INSURANCE_IDS: readonly AnchoredRule[] = [
  anchoredRule({
    id: 'health-insurance-id',
    anchors: ['insurance', 'member', 'subscriber'],
    pattern: String.raw`(?<before>${NUMBER_EDGE}(?:insurance|member|subscriber)[ _](?:member[ _])?(?:number|no\.?|id)${BETWEEN})[A-Z]{0,4}-?\d{6,12}[A-Z]?(?!\w)`,
    flags: 'i',
  }),
];

/** American Medicare numbers, without the letters that look like digits. @see https://www.cms.gov/medicare/new-medicare-card */
export const US_MBIS: readonly AnchoredRule[] = [
  numberRule({
    id: 'us-mbi',
    look: [1, CAPITALS],
    pattern: (() => {
      const letter = '[AC-HJKMNP-RT-Y]';
      const either = '[AC-HJKMNP-RT-Y0-9]';
      return String.raw`${NUMBER_EDGE}[1-9]${letter}${either}\d-?${letter}${either}\d-?${letter}{2}\d{2}(?!\w)`;
    })(),
  }),
];

/** American provider numbers: the sum of cards over the number with 80840 before it. @see 45 CFR 162.406 */
export const US_NPIS: readonly AnchoredRule[] = [
  numberRule({
    id: 'us-npi',
    look: [0, '12'],
    pattern: String.raw`${NUMBER_EDGE}(?<![.,+-])[12]\d{9}(?!\w|[.-]\d)`,
    judge: wholly((digits) => isLuhn(`80840${digits}`)),
  }),
];

/** The last digit is that of the odd places plus twice the even ones. */
const isDea = (number: string) => {
  const digits = [...number.slice(-7)].map(Number);
  const sum = digits.slice(0, 6).reduce((total, digit, place) => total + digit * (1 + (place % 2)), 0);
  return sum % 10 === digits[6];
};

const HOLDER = '[ABCDEFGHJKLMPRSTUX]';

/** American licences to prescribe (DEA numbers): a letter, a letter or a 9, seven digits. */
export const MEDICAL_LICENSES: readonly AnchoredRule[] = [
  numberRule({
    id: 'medical-license',
    look: [-1, CAPITALS],
    lead: 2,
    pattern: String.raw`${NUMBER_EDGE}${HOLDER}[A-Z]\d{7}(?!\w)`,
    judge: wholly(isDea),
    tail: ['[A-Z]{1,2}', 2],
  }),
  numberRule({
    id: 'medical-license',
    look: [-1, CAPITALS],
    lead: 1,
    pattern: String.raw`${NUMBER_EDGE}${HOLDER}9\d{7}(?!\w)`,
    judge: wholly(isDea),
    tail: ['[A-Z]', 1],
  }),
];
