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
const SECONDS = 'must be more than 0 and at most 3600 seconds';
const seconds = v.pipe(v.number(), v.gtValue(0, SECONDS), v.maxValue(3600, SECONDS));
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
    v.notValues([...TAKEN], 'must be another name: this one has a meaning of its own here'),
    v.description('Name of the backend, for rules, logs and metrics, in kebab-case.'),
  ),
  kind: v.pipe(v.string(), v.description('The vendor.')),
  url: v.pipe(
    v.optional(baseUrl),
    v.description(
      "Address of the vendor; without it that of the vendor's variable in the environment, or its own.",
    ),
  ),
  secret: v.pipe(
    v.optional(Secret),
    v.description('Where the secret stands: `{ env: NAME }` or `{ file: path }`. Never the secret itself.'),
  ),
  token_url: v.pipe(
    v.optional(baseUrl),
    v.description("Where tokens are fetched, if not at the vendor's own address."),
  ),
  mode: v.pipe(
    v.optional(v.picklist(MODES), 'enforce'),
    v.description(
      '`enforce` counts; `observe` logs what the vendor says, and delays nothing; `shadow` compares it with the decision of the others too.',
    ),
  ),
  timeout: v.pipe(v.optional(seconds), v.description('Seconds that the vendor has to check a call.')),
  unreachable_fallback: v.pipe(
    v.optional(v.picklist(UNREACHABLE_FALLBACKS)),
    v.description(
      'The fate of a call for which it gives no verdict: `fail_open` lets it pass, `fail_closed` blocks it.',
    ),
  ),
  sample: v.pipe(
    v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(100)), 100),
    v.description('Percent of the calls that it is asked about.'),
  ),
  hedge_after: v.pipe(
    v.optional(seconds),
    v.description('Seconds after which it is asked a second time, if it has not said anything.'),
  ),
};
/** Beside them for a kind that takes records. */
export const RECORDING = {
  telemetry_concurrency: v.pipe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(256)), 32),
    v.description('Most deliveries of records at once.'),
  ),
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
