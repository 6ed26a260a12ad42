import * as v from 'valibot';
import type { Enforcement } from './policy-file.ts';
import type { Mistake, ShapeOptions } from './shape.ts';
import { shaped } from './shape.ts';

/** The schemas of what can be set for every policy and every rule. */
export const ENFORCEMENT = {
  mode: v.nullish(v.picklist(['enforce', 'observe', 'sample'])),
  sample: v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(100))),
  until: v.nullish(
    v.pipe(
      v.string(),
      v.check((text) => !Number.isNaN(instantOf(text)), 'must be a date such as 2027-01-31'),
    ),
  ),
} as const;

const Common = v.object(ENFORCEMENT);

type Read = {
  /** Undefined where nothing was set. */
  readonly enforcement: Enforcement | undefined;
  readonly mistakes: readonly Mistake[];
  readonly warnings: readonly Mistake[];
};

/**
 * Reads `mode`, `sample` (percent of the calls) and `until` (a day of which the beginning is meant, in UTC, or an
 * instant) off the options of a policy or rule.
 *
 * @param now Unix milliseconds
 */
export function readEnforcement(value: unknown, now: number, written?: ShapeOptions['written']): Read {
  const read = shaped(Common, value, { ...(written && { written }) });
  if ('mistakes' in read) return { enforcement: undefined, mistakes: read.mistakes, warnings: [] };
  const { mode, sample, until } = read.value;
  const mistakes: Mistake[] = [];
  const warnings: Mistake[] = [];
  const has = (given: unknown) => given !== undefined && given !== null;
  if (has(sample) && !has(mode)) mistakes.push({ path: ['sample'], message: 'needs mode: sample beside it' });
  else if (has(sample) && mode !== 'sample') {
    warnings.push({ path: ['sample'], message: `does nothing with mode: ${mode}` });
  }
  if (has(until) && !has(mode)) {
    mistakes.push({ path: ['until'], message: 'needs mode: observe or mode: sample beside it' });
  } else if (has(until) && mode === 'enforce') {
    warnings.push({ path: ['until'], message: 'does nothing with mode: enforce' });
  }
  if (mode === 'sample' && !has(sample)) {
    mistakes.push({ path: ['sample'], message: 'is missing; mode: sample needs a percentage' });
  }
  if (!has(mode) || mistakes.length > 0) return { enforcement: undefined, mistakes, warnings };
  const end = has(until) && mode !== 'enforce' ? instantOf(until as string) : undefined;
  if (end !== undefined && end <= now) {
    warnings.push({ path: ['until'], message: 'is over, so that the policy enforces' });
  }
  const enforcement: Enforcement = {
    mode: mode as Enforcement['mode'],
    sample: mode === 'sample' ? (sample as number) : mode === 'enforce' ? 100 : 0,
    ...(end !== undefined && { until: end }),
  };
  return { enforcement, mistakes, warnings };
}

const DATE = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** Unix milliseconds of a day's beginning or of an instant; NaN for anything else, such as the 30th of February. */
function instantOf(text: string): number {
  const [, day, time] = DATE.exec(text) ?? [];
  if (day === undefined) return Number.NaN;
  const midnight = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day)) return Number.NaN;
  return time === undefined ? midnight : Date.parse(text);
}
