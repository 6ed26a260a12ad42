import * as v from 'valibot';
import type { TextRule } from '../../detectors/rule.ts';
import { fuzzyRule, MAX_DISTANCE } from '../../detectors/scan/fuzzy.ts';
import { literalRule } from '../../detectors/scan/literals.ts';
import { type CreateContext, defineKind, type PolicyAction } from '../policy.ts';
import { ActionOption, PatternOption, patternRules } from './patterns.ts';

const options = v.strictObject({
  /** Expressions, with or without a name and an action of their own. */
  detect_patterns: v.optional(v.array(PatternOption), []),
  /** The same under the name that Keeptrusts' page on LiteLLM has. */
  patterns: v.optional(v.array(PatternOption), []),
  /** Words and phrases, found within words too; capitals do not matter. */
  blocked_terms: v.optional(v.array(v.string()), []),
  /** Of what has no action of its own; `redact` by default. */
  action: v.optional(ActionOption, 'redact'),
  /** Finds the terms also where letters are changed, missing or added. */
  fuzzy_matching: v.optional(v.boolean(), false),
  /** How many letters; 1 by default. */
  max_distance: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_DISTANCE)), 1),
  sensitivity_level: v.optional(v.picklist(['standard', 'high', 'restricted']), 'standard'),
});

/**
 * What must not leave the house: patterns and terms that its owner writes. Nothing is built in.
 *
 * @see https://docs.keeptrusts.com/docs/policies/dlp-filter
 */
export const dlpFilter = defineKind({
  kind: 'dlp-filter',
  options,
  create(written, context) {
    const { detect_patterns, patterns, blocked_terms, action, sensitivity_level } = written;
    const found = [
      ...patternRules('detect_patterns', detect_patterns, context),
      ...patternRules('patterns', patterns, context, detect_patterns.length + 1),
    ];
    const terms = blocked_terms.flatMap((term, index) => termRules(term, index, written, context));
    const rules = [...found.map(({ rule }) => rule), ...terms];
    if (sensitivity_level !== 'standard') {
      context.warn(
        'sensitivity_level',
        'switches nothing here: what is looked for are the patterns and terms',
      );
    }
    if (blocked_terms.length + detect_patterns.length + patterns.length === 0) {
      context.warn('', 'has neither patterns nor terms, so it finds nothing');
    }
    const actions = new Map<TextRule, PolicyAction>(
      found.map(({ rule, action: own }) => [rule, own ?? action]),
    );
    return {
      texts: {
        rules,
        on: ['request', 'response'],
        reasonCode: 'dlp_violation',
        decide(findings) {
          if (findings.length === 0) return 'allow';
          return findings.some(({ rule }) => (actions.get(rule) ?? action) === 'block') ? 'block' : 'redact';
        },
        replace: () => '[REDACTED]',
      },
    };
  },
});

type TermOptions = { readonly fuzzy_matching: boolean; readonly max_distance: number };

/** One rule for a term as it is written, and one for what is near to it. */
function termRules(
  term: string,
  index: number,
  { fuzzy_matching, max_distance }: TermOptions,
  context: CreateContext,
): readonly TextRule[] {
  const id = `term-${index + 1}`;
  try {
    const exact = literalRule(id, term);
    return fuzzy_matching ? [exact, fuzzyRule(`${id}-fuzzy`, term, max_distance)] : [exact];
  } catch (error) {
    context.fail(`blocked_terms[${index}]`, (error as Error).message);
    return [];
  }
}
