import * as v from 'valibot';
import {
  commaList,
  flag,
  jsonPointers,
  megabytes,
  minutes,
  oneOf,
  positiveNumber,
  seconds,
} from '../guardrail/fields.ts';
import type { RedactionOptions } from '../records/redact/redact.ts';
import type { BackendConfig } from './backend.ts';

/** In the working directory. */
export const DEFAULT_DATA_DIR = './data';

/** How records of calls are kept and delivered. */
export type TelemetryConfig = {
  readonly dir: string;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** How long a failure may give way to a success of its call. */
  readonly failureGraceMs: number;
  /** After this a call without an event counts as missing. */
  readonly missingAfterMs: number;
  readonly redaction: RedactionOptions;
};

/** LiteLLM's price table: more than half of an ordinary event, and the same in each. */
const BALLAST: RedactionOptions['remove'] = [['model_map_information']];

const hours = v.pipe(
  positiveNumber('hours'),
  v.transform((value) => value * 3_600_000),
);

/** The variables of telemetry. */
export const TELEMETRY_VARIABLES = {
  TELEMETRY: flag,
  DATA_DIR: v.string(),
  OUTBOX_MAX_MB: megabytes,
  OUTBOX_MAX_AGE_HOURS: hours,
  FAILURE_GRACE_SECONDS: seconds,
  MISSING_EVENT_MINUTES: minutes,
  MAX_LOG_BODY_MB: v.pipe(
    megabytes,
    v.check((bytes) => bytes <= 256 * 1024 * 1024, 'write at most 256 megabytes'),
  ),
  TELEMETRY_CONTENT: oneOf(['full', 'redacted', 'none']),
  TELEMETRY_REMOVE: jsonPointers,
  NO_CONTENT_TEAMS: commaList,
  NO_CONTENT_KEYS: commaList,
} as const;

type Values = {
  readonly [Name in keyof typeof TELEMETRY_VARIABLES]?: v.InferOutput<(typeof TELEMETRY_VARIABLES)[Name]>;
};

/** The telemetry as configured, or undefined when it is switched off or no backend takes records. */
export function configureTelemetry(
  set: Values,
  backends: readonly BackendConfig[],
): TelemetryConfig | undefined {
  if (set.TELEMETRY === false || !backends.some(({ sink }) => sink !== undefined)) return undefined;
  return {
    dir: set.DATA_DIR ?? DEFAULT_DATA_DIR,
    maxBytes: set.OUTBOX_MAX_MB ?? 1024 * 1024 * 1024,
    maxAgeMs: set.OUTBOX_MAX_AGE_HOURS ?? 168 * 3_600_000,
    failureGraceMs: set.FAILURE_GRACE_SECONDS ?? 30_000,
    missingAfterMs: set.MISSING_EVENT_MINUTES ?? 15 * 60_000,
    redaction: {
      content: set.TELEMETRY_CONTENT ?? 'full',
      remove: set.TELEMETRY_REMOVE ?? BALLAST,
      noContentTeams: new Set(set.NO_CONTENT_TEAMS),
      noContentKeys: new Set(set.NO_CONTENT_KEYS),
    },
  };
}
