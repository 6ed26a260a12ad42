import * as v from 'valibot';
import { fieldsOf, textOf } from '../../guardrail/call.ts';
import { BackendError } from '../../guardrail/failure.ts';
import { ALLOW, type Verdict } from '../../guardrail/verdict.ts';

const Reply = v.object({
  sanitizationResult: v.object({
    filterMatchState: v.picklist(['NO_MATCH_FOUND', 'MATCH_FOUND']),
    invocationResult: v.optional(v.picklist(['SUCCESS', 'PARTIAL', 'FAILURE'])),
    // Of some templates a list
    filterResults: v.optional(v.union([v.array(v.unknown()), v.record(v.string(), v.unknown())]), []),
    sanitizationMetadata: v.optional(
      v.object({ ignorePartialInvocationFailures: v.optional(v.boolean(), false) }),
    ),
  }),
});

/** A verdict of Model Armor; what it leaves of the text where all that it found can be removed. */
export type Sanitized = { readonly verdict: Verdict; readonly text?: string | undefined };

/**
 * Reads a reply of 200.
 *
 * @throws BackendError `no_verdict` if filters did not run and none of the others found anything, unless the template says that this is
 * no failure; if none ran at all it always is
 */
export function readSanitized(body: unknown): Sanitized {
  const { sanitizationResult: result } = v.parse(Reply, body);
  const found = result.filterMatchState === 'MATCH_FOUND';
  const matches = found ? [...matchesIn(result.filterResults)] : [];
  if (found && (matches.length === 0 || matches.some(({ text }) => text === undefined))) {
    const categories = matches.map(({ category }) => category);
    const reason = categories.length === 0 ? 'blocked by Model Armor' : categories.join(', ');
    return { verdict: { kind: 'block', reason, categories } };
  }
  const { invocationResult, sanitizationMetadata } = result;
  if (invocationResult === undefined)
    throw new BackendError({ kind: 'wrong_shape', field: 'sanitizationResult.invocationResult' });
  const isIgnored = invocationResult === 'PARTIAL' && sanitizationMetadata?.ignorePartialInvocationFailures;
  const nothingRan = Object.keys(result.filterResults).length === 0;
  if (nothingRan || (invocationResult !== 'SUCCESS' && !isIgnored))
    throw new BackendError({ kind: 'no_verdict' });
  return { verdict: ALLOW, text: matches[0]?.text };
}

/** A filter that found something; `text` if it says what the text is without that. */
type Match = { readonly category: string; readonly text?: string | undefined };

/** The results of filters, under a key that ends so: in a map or in a list. */
function* matchesIn(results: unknown): Generator<Match> {
  for (const [key, value] of Object.entries(results as object)) {
    if (key.endsWith('FilterResult')) yield* matchOf(key, fieldsOf(value));
    else if (fieldsOf(value).matchState === MATCH) yield { category: key };
    else if (typeof value === 'object' && value !== null) yield* matchesIn(value);
  }
}

function* matchOf(key: string, result: Readonly<Record<string, unknown>>): Generator<Match> {
  const { inspectResult, deidentifyResult, matchState } = result;
  const category = key.replace(/(?:Filter)?FilterResult$/, '');
  const { matchState: removed, data } = fieldsOf(deidentifyResult);
  if (removed === MATCH) yield { category, text: textOf(fieldsOf(data).text) };
  if (matchState === MATCH || fieldsOf(inspectResult).matchState === MATCH) yield { category };
}

const MATCH = 'MATCH_FOUND';
