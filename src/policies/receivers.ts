import type { CallerRule } from './file/policy-file.ts';
import type { RuleMatcher, RuleSubject } from './rule-matcher.ts';

/** The names of the backends that a record goes to: none for an empty list, all that take records for undefined. */
export type Receivers = readonly string[] | undefined;

/** A rule for records, ready to match. */
export type RecordMatcher = { readonly records: Receivers; readonly matches: RuleMatcher };

/**
 * The receivers of a record: those of the first rule that matches. Where a rule may match and nobody can tell, the record goes
 * only to those that get it either way.
 */
export function receiversBy(rules: readonly RecordMatcher[], subject: RuleSubject): Receivers {
  let receivers: Receivers;
  for (const { matches, records } of rules) {
    const isMatch = matches(subject);
    if (isMatch === false) continue;
    receivers = common(receivers, records);
    if (isMatch || receivers?.length === 0) break;
  }
  return receivers;
}

/** Those that are in both. */
export function common(some: Receivers, others: Receivers): Receivers {
  if (some === undefined || others === undefined) return some ?? others;
  return some.filter((name) => others.includes(name));
}

/** The part of a rule that is about records: plain data. */
export type RecordRule = Pick<CallerRule, 'match' | 'records'>;

/** The rules that records go by: all of them, as the first that matches decides, and none if none is about records. */
export function recordRulesOf(rules: readonly CallerRule[]): readonly RecordRule[] {
  if (rules.every(({ records }) => records === undefined)) return [];
  return rules.map(({ match, records }) => ({ match, ...(records !== undefined && { records }) }));
}
