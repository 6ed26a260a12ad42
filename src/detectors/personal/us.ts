import type { AnchoredRule } from '../rule.ts';
import { NUMBER_EDGE, numberRule } from './shapes.ts';

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
