import { entity, NUMBER_EDGE } from './entity.ts';

const AMERICAN_REST = String.raw`[2-9]\d{2}[-. ]\d{4}(?!\w|-\w)`;

/** Telephone numbers with the gaps, brackets or leading characters that tell them from other numbers. */
export const PHONE = entity(
  'PHONE_NUMBER',
  ['PHONE'],
  'always',
  // With the code of the country: at most 15 digits (ITU-T E.164)
  { anchors: ['+'], pattern: String.raw`(?<![A-Za-z0-9+/=](?<!\\[nrt]))\+\d(?:[ .()/-]{0,3}\d){7,14}(?!\d)` },
  { anchors: ['('], pattern: String.raw`${NUMBER_EDGE}(?<![.+-])\([2-9]\d{2}\) ?${AMERICAN_REST}` },
  { look: [3, '-.'], pattern: String.raw`${NUMBER_EDGE}(?<![.+-])[2-9]\d{2}[-.]${AMERICAN_REST}` },
  {
    look: [0, '1'],
    pattern: String.raw`${NUMBER_EDGE}(?<![.+-])1[-. ](?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-.])${AMERICAN_REST}`,
  },
  // French, and any other that is written with its leading zero and with a gap
  {
    look: [0, '0'],
    pattern: [
      String.raw`${NUMBER_EDGE}(?<![.,+-])0[1-9](?:[ .-]\d{2}){4}(?!\w|[ .-]\d)`,
      String.raw`${NUMBER_EDGE}(?<![.,+-])0[1-9]\d{1,4}[ /-]\d{3,8}(?:[ -]\d{2,6}){0,2}(?!\w|[.,-]\d)`,
    ].join('|'),
    judge: (candidate) => (/^(?:\D*\d){9,12}\D*$/.test(candidate) ? candidate.length : 0),
  },
);
