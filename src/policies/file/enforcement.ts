import * as v from 'valibot';
import type { Enforcement } from './policy-file.ts';
import type { Path } from './problems.ts';
import type { FileReport } from './report.ts';

const NO_DATE = 'must be a date such as 2027-01-31';
const DATE = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** The schemas of what can be set for every policy and every rule. */
export const ENFORCEMENT = {
  mode: v.pipe(
    v.nullish(v.picklist(['enforce', 'observe', 'sample'])),
    v.description(
      '`enforce` acts, `observe` counts and logs, and changes nothing, `sample` acts on a share of the calls.',
    ),
  ),
  sample: v.pipe(
    v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(100))),
    v.description('Percent of the calls on which `mode: sample` acts.'),
  ),
  until: v.pipe(
    v.nullish(
      v.pipe(
        v.string(),
        v.metadata({ pattern: DATE.source, patternErrorMessage: NO_DATE }),
        v.check((text) => !Number.isNaN(instantOf(text)), NO_DATE),
      ),
    ),
    v.description(
      'The day, as in 2099-12-31 (UTC), or the instant from which it enforces, beside `mode: observe` or `mode: sample`.',
    ),
  ),
} as const;

const Common = v.object(ENFORCEMENT);

/**
 * Reads `mode`, `sample` (percent of the calls) and `until` (a day of which the beginning is meant, in UTC, or an
 * instant) off the options of a policy or rule. Undefined where nothing was set, or once mistakes are reported.
 *
 * @param now Unix milliseconds
 */
export function readEnforcement(
  value: unknown,
  path: Path,
  report: FileReport,
  now: number,
): Enforcement | undefined {
  const read = report.shaped(Common, value, path);
  if (read === undefined) return undefined;
  const { mode, sample, until } = read;
  const fail = (key: string, message: string) => report.fail([...path, key], message);
  const warn = (key: string, message: string) => report.warn([...path, key], message);
  if (!mode) {
    if (sample != null) fail('sample', 'needs mode: sample beside it');
    if (until != null) fail('until', 'needs mode: observe or mode: sample beside it');
    return undefined;
  }
  if (mode !== 'sample' && sample != null) warn('sample', `does nothing with mode: ${mode}`);
  if (mode === 'enforce') {
    if (until != null) warn('until', 'does nothing with mode: enforce');
    return { mode, sample: 100 };
  }
  if (mode === 'sample' && sample == null) {
    fail('sample', 'is missing; mode: sample needs a percentage');
    return undefined;
  }
  const end = until == null ? undefined : instantOf(until);
  if (end !== undefined && end <= now) warn('until', 'is over, so that the policy enforces');
  return {
    mode,
    sample: mode === 'sample' ? (sample as number) : 0,
    ...(end !== undefined && { until: end }),
  };
}

/** Unix milliseconds of a day's beginning or of an instant; NaN for anything else, such as the 30th of February. */
function instantOf(text: string): number {
  const [, day, time] = DATE.exec(text) ?? [];
  if (day === undefined) return Number.NaN;
  const midnight = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day)) return Number.NaN;
  return time === undefined ? midnight : Date.parse(text);
}
