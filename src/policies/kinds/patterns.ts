import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import type { Finding, TextRule } from '../../detectors/rule.ts';
import { userPattern } from '../../detectors/scan/user-pattern.ts';
import { unknownName } from '../file/nearest.ts';
import type { CreateContext, PolicyAction } from '../policy.ts';

export const ActionOption = v.picklist(['block', 'redact']);

/** A pattern as users write it: the expression alone, or with a name and an action. */
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
    return madeOr(context, isNamed ? `${at}.regex` : at, () => ({
      rule: userPattern(id, isNamed ? pattern.regex : pattern),
      action: isNamed ? pattern.action : undefined,
    }));
  });
}

/** A made value, or none once its error was reported as a mistake of the file. */
export function madeOr<Made>(context: CreateContext, key: string, make: () => Made): Made[] {
  try {
    return [make()];
  } catch (error) {
    context.fail(key, (error as Error).message);
    return [];
  }
}

/** The lines of a text file that are not blank; an unreadable file is a mistake of the policy file. */
export function linesOf(path: string, key: string, context: CreateContext): readonly string[] {
  try {
    const lines = readFileSync(path, 'utf8').split(/\r?\n/);
    return lines.filter((line) => line.trim() !== '');
  } catch (error) {
    context.fail(key, `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
    return [];
  }
}

/** The strictest action of some findings, each with that of its rule. */
export function strictest(
  findings: readonly Finding[],
  actionOf: (rule: TextRule) => PolicyAction,
): PolicyAction | 'allow' {
  if (findings.length === 0) return 'allow';
  return findings.some(({ rule }) => actionOf(rule) === 'block') ? 'block' : 'redact';
}

function kebab(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '');
}
