import * as v from 'valibot';
import type { Settings } from '../guardrail/fields.ts';
import * as fields from '../guardrail/fields.ts';

/** Settings of what is kept for the commands that look decisions up. */
export const decisions = {
  DECISIONS_DAYS: {
    schema: fields.numberFrom(0, 3650),
    default: '7',
    sentence: 'Days for which decisions are kept, without content, for `why` and `decisions`; 0 keeps none.',
  },
  DECISIONS_MAX_MB: {
    schema: v.pipe(
      fields.numberFrom(10, 1_000_000),
      v.transform((megabytes) => megabytes * 1024 * 1024),
    ),
    default: '100',
    sentence: 'Room for decisions; beyond it allowed calls go first, and then the oldest.',
  },
} as const satisfies Settings;
