import { hash } from 'node:crypto';
import type { PassageTexts } from '../guardrail/call.ts';
import type { CheckResult, Decision, PolicyResult } from '../guardrail/decision.ts';

/** The part that the policies had in a decision, so that it can be compared with that of other policies. */
export type PolicyPart = {
  readonly verdict: 'allow' | 'redact' | 'block';
  /** The policy that decided; null if none objected. */
  readonly by: string | null;
  /** Its rules. */
  readonly rules: readonly string[];
  /**
   * Left out for a verdict of a policy as such. `redaction`: it could not be applied, so the call is blocked. `media`: no backend judges
   * media. `failed`: the policies could not judge, so the call is blocked. `history`: text of older turns is removed.
   */
  readonly why?: 'redaction' | 'media' | 'failed' | 'history';
  /** Tells the new texts from others without holding them; left out where there are none. */
  readonly texts?: string;
};

export const MEDIA_NOT_JUDGED = 'media_not_judged';

/** @returns `allow` where the decision is not theirs */
export function policyPartOf({
  outcome,
  policies,
  checks,
  removed,
}: Pick<Decision, 'outcome' | 'policies' | 'checks' | 'removed'>): PolicyPart {
  const { by, rules } = { by: policies?.by?.kind ?? null, rules: policies?.by?.rules ?? [] };
  if (outcome.kind === 'block') {
    if (policies?.verdict === 'block') return { verdict: 'block', by, rules };
    if (outcome.cause === 'fail_closed' && outcome.by === 'policies')
      return { verdict: 'block', by: outcome.by, rules: [], why: 'failed' };
    if (outcome.reason === MEDIA_NOT_JUDGED && outcome.by === policies?.mediaPolicy)
      return { verdict: 'block', by: outcome.by, rules: [MEDIA_NOT_JUDGED], why: 'media' };
    if (outcome.cause === 'redaction' && !checks.some(redacts))
      return { verdict: 'block', by: by ?? removed[0] ?? null, rules, why: 'redaction' };
  }
  if (by !== null) return { verdict: 'redact', by, rules, ...textsOf(policies) };
  const [remover] = removed;
  if (remover !== undefined) return { verdict: 'redact', by: remover, rules: [], why: 'history' };
  return { verdict: 'allow', by, rules };
}

const redacts = (check: CheckResult) => 'verdict' in check && check.verdict.kind === 'modify';

function textsOf(policies: PolicyResult | undefined): Pick<PolicyPart, 'texts'> {
  return policies === undefined || policies.texts.size === 0 ? {} : { texts: fingerprintOf(policies.texts) };
}

function fingerprintOf(texts: PassageTexts): string {
  const edits = [...texts].map(([{ index }, text]) => [index, text] as const);
  return hash('sha256', JSON.stringify(edits.sort(([a], [b]) => a - b))).slice(0, 16);
}
