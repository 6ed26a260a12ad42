import * as v from 'valibot';
import { HIGH_ENTROPY, SECRETS, TOKENS } from '../../detectors/secrets/index.ts';
import { unknownName } from '../file/nearest.ts';
import { defineKind } from '../policy.ts';
import { encodingOption } from './encoding.ts';
import { ActionOption, textPolicy } from './patterns.ts';

const KNOWN = [...SECRETS, ...HIGH_ENTROPY].map(({ id }) => id);

/**
 * Replaces credentials that people paste into requests, and those in responses, by `[REDACTED]`.
 *
 * @see https://docs.litellm.ai/docs/proxy/guardrails/secret_detection (hide_secrets, whose detectors are all here)
 */
export const secrets = defineKind({
  kind: 'secrets',
  judges: 'requests, responses',
  about: 'redacts or blocks credentials',
  example: `
action: redact           # or block
ignore: [mapbox-token]   # rules that are switched off
`,
  options: v.strictObject({
    action: v.pipe(
      v.optional(ActionOption, 'redact'),
      v.description('`redact` puts [REDACTED] in its place, `block` refuses the call.'),
    ),
    ignore: v.pipe(
      v.optional(v.array(v.pipe(v.string(), v.metadata({ enum: KNOWN }))), []),
      v.description('Ids of rules that are switched off.'),
    ),
    tokens_only: v.pipe(
      v.optional(v.boolean(), false),
      v.description(
        'Looks only for credentials told by their own shape, not by a name beside them: these are never mistakes.',
      ),
    ),
    high_entropy: v.pipe(
      v.optional(v.boolean(), false),
      v.description('Adds quoted strings that only look random; many hashes do.'),
    ),
    encoding: encodingOption(true),
  }),
  create({ action, ignore, tokens_only, high_entropy, encoding }, context) {
    ignore.forEach((id, index) => {
      if (KNOWN.includes(id)) return;
      context.fail(`ignore[${index}]`, unknownName(id, 'is no rule for secrets', KNOWN));
    });
    const known = tokens_only ? TOKENS : SECRETS;
    const rules = high_entropy ? [...known, ...HIGH_ENTROPY] : known;
    const looked = rules.filter(({ id }) => !ignore.includes(id));
    // A name beside a value says little in a file that was encoded
    const rulesInRuns = looked.filter((rule) => TOKENS.includes(rule));
    return { texts: { ...textPolicy('secret_detected', action, looked, encoding), rulesInRuns } };
  },
});
