import type { GuardrailCall } from '../guardrail/call.ts';
import { type CheckNote, MAX_ID_CHARS, type VerdictNote } from '../guardrail/record.ts';
import { kindOf } from '../guardrail/verdict.ts';
import type { Answer } from '../pipeline/ask.ts';

/**
 * The note on one guardrail call, for the record of its call.
 *
 * @param decided the action, and who decided it
 * @param ms time from the read body to the decision
 */
export function noteOf(
  call: GuardrailCall,
  litellm_call_id: string,
  checks: readonly Answer[],
  decided: Pick<VerdictNote, 'action' | 'by'>,
  ms: number,
): VerdictNote {
  return {
    litellm_call_id: litellm_call_id.slice(0, MAX_ID_CHARS),
    litellm_trace_id: call.litellm_trace_id?.slice(0, MAX_ID_CHARS) ?? null,
    input_type: call.input_type,
    action: decided.action,
    by: decided.by,
    at: Date.now(),
    ms: rounded(ms),
    checks: checks.map(checkNoteOf),
  };
}

/** The result of one check, without any content. */
export function checkNoteOf(check: Answer): CheckNote {
  const { backend, seconds } = check;
  const result = 'verdict' in check ? kindOf(check.verdict) : check.failure.kind;
  return { backend: backend.name, mode: backend.mode, result, ms: rounded(seconds * 1000) };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
