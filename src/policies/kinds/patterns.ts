import * as v from 'valibot';
import type { Encoding } from '../../detectors/normalize/view.ts';
import { REDACTED } from '../../detectors/remove.ts';
import type { TextRule } from '../../detectors/rule.ts';
import { userPattern } from '../../detectors/scan/user-pattern.ts';
import { unreadable } from '../../guardrail/unreadable-file.ts';
import { unknownName } from '../file/nearest.ts';
import { KEY_HASH, NO_KEY_HASH } from '../names.ts';
import type { CreateContext, PolicyAction, TextPolicy } from '../policy.ts';

export const ActionOption = v.picklist(['block', 'redact']);

/** A pattern as users write it: the expression alone, or with a name and an action. */
export const PatternOption = v.union([
  v.pipe(v.string(), v.metadata({ minLength: 1 })),
  v.strictObject({
    name: v.pipe(v.string(), v.nonEmpty(), v.description('Name of the rule, in logs and test cases.')),
    regex: v.pipe(
      v.string(),
      v.metadata({ minLength: 1 }),
      v.description('A regular expression that runs in linear time (RE2).'),
    ),
    action: v.pipe(v.optional(ActionOption), v.description('In place of the action of the policy.')),
  }),
]);

/** Names and the like: a list of texts that are not empty. */
export const Names = v.array(v.pipe(v.string(), v.nonEmpty()));

/** Hashes of virtual keys; what is none is a mistake that {@link keyHashMistake} explains. */
export const KeyHashes = v.array(
  v.pipe(
    v.string(),
    v.nonEmpty(),
    v.metadata({ pattern: KEY_HASH.source, patternErrorMessage: NO_KEY_HASH }),
  ),
);

type PatternRule = { readonly rule: TextRule; readonly action: PolicyAction | undefined };

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
    const { name, regex, action } =
      typeof pattern === 'string' ? { name: undefined, regex: pattern, action: undefined } : pattern;
    const at = `${key}[${index}]`;
    const id = name === undefined ? `pattern-${first + index}` : kebab(name);
    if (id === '') context.fail(`${at}.name`, 'must have a letter or a digit');
    else if (ids.has(id))
      context.fail(`${at}.name`, unknownName(name ?? id, 'is the name of an earlier pattern', []));
    ids.add(id);
    return madeOr(context, name === undefined ? at : `${at}.regex`, () => ({
      rule: userPattern(id, regex),
      action,
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

/** The lines of a text file that are not blank, if one is named; an unreadable one is a mistake of the policy file. */
export function linesOf(path: string | undefined, key: string, context: CreateContext): readonly string[] {
  if (path === undefined) return [];
  try {
    const lines = context.readFile(path).split(/\r?\n/);
    return lines.filter((line) => line.trim() !== '');
  } catch (error) {
    context.fail(key, unreadable(path, error));
    return [];
  }
}

/**
 * Judges texts in both directions by some rules, each with its action or that of all; the strictest of what is found counts.
 * A redaction leaves `[REDACTED]`.
 */
export function textPolicy(
  reasonCode: string,
  action: PolicyAction,
  rules: readonly TextRule[],
  encoding: Encoding,
  patterns: readonly PatternRule[] = [],
): TextPolicy {
  const actions = new Map(patterns.map((pattern) => [pattern.rule, pattern.action]));
  return {
    rules,
    encoding,
    on: ['request', 'response'],
    reasonCode,
    decide(findings) {
      if (findings.length === 0) return 'allow';
      return findings.some(({ rule }) => (actions.get(rule) ?? action) === 'block') ? 'block' : 'redact';
    },
    replace: () => REDACTED,
  };
}

function kebab(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '');
}
