import type { Settings } from '../guardrail/fields.ts';
import * as fields from '../guardrail/fields.ts';

/** Settings of the calls that are kept to be judged again. */
export const replay = {
  REPLAY_DAYS: {
    schema: fields.numberFrom(1, 365),
    sentence:
      'Keeps judged calls for so many days, as far as `TELEMETRY_CONTENT` lets them, for `policy replay`: prompts then stand in `DATA_DIR`. Without it none is kept, and those of before are deleted.',
  },
  REPLAY_MAX_MB: {
    schema: fields.megabytes(),
    default: '200',
    sentence:
      'Room for these calls, compressed; the oldest go first. One of more than a two-hundredth of it is not kept.',
  },
} as const satisfies Settings;
