import { randomUUID } from 'node:crypto';
import { actionOf, type CheckResult, type Decision, decidedBy } from '../guardrail/decision.ts';
import { type CheckNote, MAX_ID_CHARS, type VerdictNote } from '../guardrail/record.ts';
import { kindOf } from '../guardrail/verdict.ts';

/** The note on a decision, for the record of its call; undefined for a decision that nobody waited for. */
export function noteOf(decision: Decision): VerdictNote | undefined {
  const { call, checks, ms } = decision;
  const action = actionOf(decision);
  if (action === 'CANCELLED') return undefined;
  return {
    // Nothing else will tell of a blocked call, so it is on record even if no event can be joined with it
    litellm_call_id: call.litellm_call_id?.slice(0, MAX_ID_CHARS) ?? randomUUID(),
    litellm_trace_id: call.litellm_trace_id?.slice(0, MAX_ID_CHARS) ?? null,
    input_type: call.input_type,
    action,
    by: decidedBy(decision),
    at: Date.now(),
    ms: rounded(ms),
    checks: checks.map(checkNoteOf),
  };
}

/** The result of one check, without any content. */
export function checkNoteOf(check: CheckResult): CheckNote {
  const { backend, mode, seconds } = check;
  const result = 'verdict' in check ? kindOf(check.verdict) : check.failure.kind;
  return { backend, mode, result, ms: rounded(seconds * 1000) };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
