import * as v from 'valibot';
import { hasCredential } from '../detectors/remove.ts';
import { UNREACHABLE_FALLBACKS } from '../guardrail/failure.ts';
import { baseUrl } from '../guardrail/fields.ts';
import { MODES } from '../guardrail/verdict.ts';
import { quotedValue } from '../policies/file/nearest.ts';
import { kinds } from '../policies/kinds/index.ts';

/** Words of the policy file, and names that stand beside those of backends in logs and metrics. */
const TAKEN: ReadonlySet<string> = new Set(['none', 'policies', 'bridge', ...kinds.map(({ kind }) => kind)]);
const NAME = /^[a-z0-9]{1,64}(?:-[a-z0-9]{1,64}){0,16}$/;
/** Begins so that the value is not quoted: the secret itself may stand there by mistake. */
const NO_VARIABLE =
  'is no name of a variable, such as LAKERA_KEY; the secret itself stands in the environment';
const VARIABLE = v.pipe(v.string(), v.regex(/^[A-Za-z_]\w{0,127}$/, NO_VARIABLE));
const seconds = v.pipe(
  v.number(),
  v.check((value) => value > 0 && value <= 3600, 'must be more than 0 and at most 3600 seconds'),
);
const Secret = v.union([
  v.strictObject({ env: VARIABLE }),
  v.strictObject({ file: v.pipe(v.string(), v.minLength(1)) }),
]);

/** Keys of every entry of `backends:`. */
export const COMMON = {
  name: v.pipe(
    v.string(),
    v.maxLength(64),
    v.regex(NAME, 'must be in kebab-case, such as lakera-payments'),
    v.check((name) => !TAKEN.has(name), 'must be another name: this one has a meaning of its own here'),
  ),
  kind: v.string(),
  url: v.optional(baseUrl),
  secret: v.optional(Secret),
  token_url: v.optional(baseUrl),
  mode: v.optional(v.picklist(MODES), 'enforce'),
  timeout: v.optional(seconds),
  unreachable_fallback: v.optional(v.picklist(UNREACHABLE_FALLBACKS)),
  sample: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(100)), 100),
  hedge_after: v.optional(seconds),
};
/** Beside them for a kind that takes records. */
export const RECORDING = {
  telemetry_concurrency: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(256)), 32),
};

export type CommonValues = v.InferOutput<v.StrictObjectSchema<typeof COMMON & typeof RECORDING, undefined>>;

/** Undefined for what may stand under `secret`; a message for what may be the secret itself, which nobody quotes. */
export function secretMistake(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const isReference =
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((one) => typeof one === 'string');
  return isReference
    ? undefined
    : 'must be {env: NAME} or {file: path}: a secret does not stand in this file';
}

/** A variable as messages name it, unless it may be the secret itself. */
export function shownVariable(name: string): string {
  return /^[A-Z0-9_]+$/.test(name) && quotedValue(name) !== undefined ? name : 'the variable';
}

/** The same for a file. */
export function shownFile(file: string): string {
  const isPath = /^\.{0,2}\//.test(file) && !hasCredential(file);
  return isPath || quotedValue(file) !== undefined ? `the file ${file}` : 'the file';
}
