import { hash } from 'node:crypto';
import type { CallShape, Door, GuardrailCall, InputType } from '../guardrail/call.ts';
import { stateKey } from '../guardrail/caller.ts';
import { type CheckResult, type Decision, decidedBy, type PolicyNote } from '../guardrail/decision.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import { type PolicyPart, policyPartOf } from './policy-part.ts';

/**
 * Why the content of a call is not kept, or not all of it. `erased`: credentials are erased. `redacted`: so can be personal data.
 * `too_large`: it takes more than its share. `withheld`: nothing is to be kept of this team, key or rule.
 */
export type Lack = 'erased' | 'redacted' | 'too_large' | 'withheld' | 'unreadable';

/** The result of a policy: its kind, if it was enforced, its verdict and rules. */
export type KeptNote = readonly [
  kind: string,
  enforced: boolean,
  verdict: PolicyNote['verdict'],
  rules: readonly string[],
];

/** The verdict of a backend that counted, or the effect of its failure. */
export type Vote = 'allow' | 'block' | 'modify' | 'defer' | 'fail_closed';

/** All that is kept of a decision beside its call, to compare it with what other policies would say. */
export type DecisionThen = {
  /** Unix milliseconds. */
  readonly at: number;
  /** The call id of LiteLLM; null for none. */
  readonly id: string | null;
  readonly ref: string | null;
  readonly team: readonly string[];
  readonly input: InputType;
  readonly shape: CallShape;
  readonly door?: Door;
  /** Size of the body. */
  readonly bytes: number;
  readonly outcome: 'allow' | 'block' | 'modify' | 'defer' | 'cancelled';
  /** The backend or policy that decided, or all that did, with commas; null if none objected. */
  readonly by: string | null;
  /** Version of the policy file; null where there was none, or it could not judge. */
  readonly version: string | null;
  readonly part: PolicyPart;
  readonly notes: readonly KeptNote[];
  /** Fingerprints of the policies by kind: equal ones find the same. */
  readonly prints: Readonly<Record<string, string>>;
  readonly votes: Readonly<Record<string, Vote>>;
};

export function decisionThenOf(
  decision: Decision,
  { at, bytes, prints }: Pick<DecisionThen, 'at' | 'bytes' | 'prints'>,
): DecisionThen {
  const { call, caller, outcome, policies, checks, ref = null } = decision;
  return {
    at,
    id: call.litellm_call_id,
    ref,
    team: caller.team,
    input: call.input_type,
    shape: call.shape,
    ...(call.door && { door: call.door }),
    bytes,
    outcome: outcome.kind,
    by: decidedBy(decision),
    version: policies?.version ?? null,
    part: policyPartOf(decision),
    notes: (policies?.notes ?? []).map(({ kind, enforced, verdict, rules }) => [
      kind,
      enforced,
      verdict,
      rules,
    ]),
    prints,
    votes: Object.fromEntries(checks.map((check) => [check.backend, voteOf(check)])),
  };
}

export function voteOf(check: CheckResult): Vote {
  if ('verdict' in check) return check.verdict.kind;
  return check.effect === 'block' ? 'fail_closed' : check.effect === 'defer' ? 'defer' : 'allow';
}

/** The fingerprints of all policies of a file. */
export function fingerprintsOf({ policies }: Pick<PolicyFile, 'policies'>): DecisionThen['prints'] {
  return Object.fromEntries([...policies.values()].map(({ kind, fingerprint }) => [kind, fingerprint]));
}

/** Calls of which the last one says all: rounds of a stream, and each time that a client lists a tool. */
export type Series = {
  readonly name: string;
  /** The beginning of the response so far, and its length: another one under the same ids begins otherwise, or is shorter. */
  readonly start: string;
  readonly chars: number;
};

const START_CHARS = 64;

/** @returns undefined for a call that stands alone */
export function seriesOf(call: GuardrailCall, body: Buffer): Series | undefined {
  if (call.input_type === 'response' && call.shape !== 'mcp_result') {
    const name = stateKey(call);
    const start = call.texts[0]?.slice(0, START_CHARS) ?? '';
    return name === undefined ? undefined : { name, start, chars: call.passages.chars };
  }
  const isListing = call.shape === 'mcp_tool' && call.litellm_call_id === null;
  return isListing ? { name: hash('sha256', body), start: '', chars: 0 } : undefined;
}

/** True if a call of a series goes on where the one before ended. */
export const goesOnAfter = (before: Series, { start, chars }: Series): boolean =>
  start.startsWith(before.start) && chars >= before.chars;

/** Facts about a call beside its body. */
export type KeptHead = {
  readonly decision: DecisionThen;
  readonly series?: Series | undefined;
  /** Why its body is not handed over. */
  readonly lack?: Lack | undefined;
};
