import type { InputType } from '../guardrail/call.ts';
import type { Caller } from '../guardrail/caller.ts';
import type { RuleMatch } from './file/policy-file.ts';
import { globs, MAX_NAME } from './glob.ts';

/** The things that a rule can match, of a guardrail call or of a record. */
export type RuleSubject = {
  readonly caller: Caller;
  /** As the client named it; null if there is none. */
  readonly model: string | null;
  /** False if the client may have named another. */
  readonly isModelTold: boolean;
  /** Undefined for a record, which is about both. */
  readonly inputType: InputType | undefined;
};

/** True for a subject that a rule matches, false for one that it does not; undefined if that depends on what nobody told. */
export type RuleMatcher = (subject: RuleSubject) => boolean | undefined;

export function matcherOf(match: RuleMatch): RuleMatcher {
  const tests: RuleMatcher[] = [];
  const some = (
    patterns: readonly string[] | undefined,
    names: (subject: RuleSubject) => readonly string[],
    isTold: (subject: RuleSubject) => boolean = ({ caller }) => caller.isNamed,
  ) => {
    if (patterns === undefined) return;
    const isMatch = globs(patterns);
    tests.push((subject) => {
      // Nobody gets out of a rule by a name that is too long for it
      if (names(subject).some((name) => isMatch(name.slice(0, MAX_NAME)))) return true;
      return isTold(subject) ? false : undefined;
    });
  };
  some(match.team, ({ caller }) => caller.team);
  some(match.key, ({ caller }) => caller.keyHash);
  some(match.keyAlias, ({ caller }) => caller.keyAlias);
  some(match.user, ({ caller }) => caller.user);
  some(match.endUser, ({ caller }) => caller.endUser);
  some(
    match.model,
    ({ model }) => (model === null ? [] : [model]),
    ({ isModelTold }) => isModelTold,
  );
  for (const [name, patterns] of match.headers ?? []) {
    some(
      patterns,
      ({ caller }) => [caller.header(name) ?? []].flat(),
      ({ caller }) => caller.isHeaderTold(name),
    );
  }
  const { inputType: wanted } = match;
  if (wanted !== undefined) {
    tests.push(({ inputType }) => inputType && wanted.includes(inputType));
  }
  return (subject) => {
    let isMatch: boolean | undefined = true;
    for (const test of tests) {
      const result = test(subject);
      if (result === false) return false;
      isMatch &&= result;
    }
    return isMatch;
  };
}
