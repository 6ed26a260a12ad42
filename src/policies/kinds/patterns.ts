import * as v from 'valibot';
import type { TextRule } from '../../detectors/rule.ts';
import { PatternError, userPattern } from '../../detectors/scan/user-pattern.ts';
import { unknownName } from '../file/nearest.ts';
import type { CreateContext, PolicyAction } from '../policy.ts';

export const ActionOption = v.picklist(['block', 'redact']);

/** A pattern as users write it: the expression alone, or with a name and what is done about it. */
export const PatternOption = v.union([
  v.string(),
  v.strictObject({
    name: v.pipe(v.string(), v.nonEmpty()),
    regex: v.string(),
    action: v.optional(ActionOption),
  }),
]);

export type PatternRule = { readonly rule: TextRule; readonly action: PolicyAction | undefined };

/**
 * The rules of a list of patterns: each has its name in kebab-case as id, or `pattern-1`, counted from `first`. Patterns
 * that cannot be run are mistakes of the file.
 *
 * @param key of the list among the options: `detect_patterns`
 */
export function patternRules(
  key: string,
  patterns: readonly v.InferOutput<typeof PatternOption>[],
  context: CreateContext,
  first = 1,
): readonly PatternRule[] {
  const ids = new Set<string>();
  return patterns.flatMap((pattern, index) => {
    const isNamed = typeof pattern !== 'string';
    const at = `${key}[${index}]`;
    const id = isNamed ? kebab(pattern.name) : `pattern-${first + index}`;
    if (id === '') context.fail(`${at}.name`, 'must have a letter or a digit');
    else if (ids.has(id))
      context.fail(
        `${at}.name`,
        unknownName(isNamed ? pattern.name : id, 'is the name of an earlier pattern', []),
      );
    ids.add(id);
    try {
      const rule = userPattern(id, isNamed ? pattern.regex : pattern);
      return [{ rule, action: isNamed ? pattern.action : undefined }];
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      context.fail(isNamed ? `${at}.regex` : at, error.message);
      return [];
    }
  });
}

function kebab(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '');
}
