import { judgePaste, lintPaste, readPastedPolicy, readPoliciesInForce } from '../answers/paste.ts';
import type { Config } from '../config/config.ts';
import type { PolicySource } from '../policies/store.ts';
import type { JudgedPaste, LintProblem, Pasted } from './page-source.ts';

/** Answers about what somebody has pasted. Nothing of it is kept. */
export function pastedAnswers(config: Config) {
  return {
    /** @param inForce the policies in force; undefined if there are none */
    async judge(pasted: Pasted, inForce: PolicySource | undefined): Promise<JudgedPaste> {
      if (pasted.policies === undefined && inForce === undefined)
        throw new Error('no policies are in force: paste some to judge by');
      const file =
        pasted.policies === undefined
          ? readPoliciesInForce(inForce as PolicySource)
          : readPastedPolicy(pasted.policies, inForce?.files ?? new Map());
      return judgePaste(file, pasted, config);
    },
    async lint(policies: string, inForce: PolicySource | undefined): Promise<readonly LintProblem[]> {
      return lintPaste(policies, inForce?.files ?? new Map());
    },
  };
}
