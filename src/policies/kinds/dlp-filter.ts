import * as v from 'valibot';
import { viewOf } from '../../detectors/normalize/view.ts';
import { fuzzyRule, MAX_DISTANCE } from '../../detectors/scan/fuzzy.ts';
import { literalRule } from '../../detectors/scan/literals.ts';
import { defineKind } from '../policy.ts';
import { encodingOption } from './encoding.ts';
import { ActionOption, madeOr, PatternOption, patternRules, textPolicy } from './patterns.ts';

const options = v.strictObject({
  detect_patterns: v.pipe(
    v.optional(v.array(PatternOption), []),
    v.description('Expressions, with or without a name and an action of their own.'),
  ),
  patterns: v.pipe(
    v.optional(v.array(PatternOption), []),
    v.description("The same under the name that Keeptrusts' page on LiteLLM has."),
  ),
  blocked_terms: v.pipe(
    v.optional(v.array(v.pipe(v.string(), v.metadata({ minLength: 1 }))), []),
    v.description('Words and phrases, found within words too; capitals do not matter.'),
  ),
  action: v.pipe(
    v.optional(ActionOption, 'redact'),
    v.description('For rules without an action of their own.'),
  ),
  fuzzy_matching: v.pipe(
    v.optional(v.boolean(), false),
    v.description('Finds the terms also where letters are changed, missing or added.'),
  ),
  max_distance: v.pipe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_DISTANCE)), 1),
    v.description('Number of such letters.'),
  ),
  encoding: encodingOption(true),
  sensitivity_level: v.pipe(
    v.optional(v.picklist(['standard', 'high', 'restricted']), 'standard'),
    v.description('Without effect: what is looked for are the patterns and terms.'),
  ),
});

/**
 * Keeps patterns and terms from leaving the house that its owner writes. None is built in.
 *
 * @see https://docs.keeptrusts.com/docs/policies/dlp-filter
 */
export const dlpFilter = defineKind({
  kind: 'dlp-filter',
  judges: 'requests, responses',
  about: 'redacts or blocks your own patterns and terms',
  example: `
detect_patterns:
  - { name: customer-number, regex: '\\bKD-[0-9]{8}\\b', action: block }
blocked_terms: [Project Nightfall]
`,
  options,
  create(set, context) {
    const { detect_patterns, patterns, blocked_terms, sensitivity_level } = set;
    const expressions = [
      ...patternRules('detect_patterns', detect_patterns, context),
      ...patternRules('patterns', patterns, context, detect_patterns.length + 1),
    ];
    const terms = blocked_terms.flatMap((term, index) => {
      const id = `term-${index + 1}`;
      // One rule for a term as it is written, and one for similar words
      return madeOr(context, `blocked_terms[${index}]`, () => [
        literalRule(id, term),
        ...(set.fuzzy_matching
          ? [fuzzyRule(`${id}-fuzzy`, viewOf(term, set.encoding).text, set.max_distance)]
          : []),
      ]).flat();
    });
    if (sensitivity_level !== 'standard')
      context.warn(
        'sensitivity_level',
        'switches nothing here: what is looked for are the patterns and terms',
      );
    if (blocked_terms.length + detect_patterns.length + patterns.length === 0)
      context.warn('', 'has neither patterns nor terms, so it finds nothing');
    const rules = [...expressions.map(({ rule }) => rule), ...terms];
    return { texts: textPolicy('dlp_violation', set.action, rules, set.encoding, expressions) };
  },
});
