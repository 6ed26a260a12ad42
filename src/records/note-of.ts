import type { GuardrailCall } from '../guardrail/call.ts';
import { fingerprintOf } from '../guardrail/fingerprint.ts';
import { type CheckNote, MAX_ID_CHARS, type VerdictNote } from '../guardrail/record.ts';
import { kindOf } from '../guardrail/verdict.ts';
import { isAtLeast } from '../guardrail/version.ts';
import type { Answer } from '../pipeline/ask.ts';

/** Since 1.83.14. */
const LOGS_CALL_IDS = [1, 84];

/** What a call was answered: its action and who decided; of a rewrite, what LiteLLM will log instead of what was asked. */
type Answered = {
  readonly action: VerdictNote['action'];
  readonly by: string | null;
  readonly body?: { readonly texts?: readonly string[] } | object;
};

/** The note of one guardrail call, for the record of its call. */
export function noteOf(
  call: GuardrailCall,
  litellm_call_id: string,
  answers: readonly Answer[],
  { action, by, body }: Answered,
  ms: number,
): VerdictNote {
  const { input_type, litellm_trace_id, litellm_version } = call;
  const isNamed = isAtLeast(litellm_version, LOGS_CALL_IDS);
  const texts = body !== undefined && 'texts' in body ? (body.texts as readonly string[]) : call.texts;
  return {
    litellm_call_id: litellm_call_id.slice(0, MAX_ID_CHARS),
    litellm_trace_id: litellm_trace_id?.slice(0, MAX_ID_CHARS) ?? null,
    input_type,
    action,
    by,
    at: Date.now(),
    ms: rounded(ms),
    checks: answers.map(checkOf),
    ...(isNamed && { isNamed }),
    ...(!isNamed &&
      input_type === 'request' && {
        fingerprint: fingerprintOf(call.request_data, texts.findLast((text) => text !== '') ?? ''),
      }),
  };
}

/** What one backend said, without any content. */
export function checkOf(answer: Answer): CheckNote {
  const { backend, seconds } = answer;
  const result = 'verdict' in answer ? kindOf(answer.verdict) : answer.failure.kind;
  return { backend: backend.name, mode: backend.mode, result, ms: rounded(seconds * 1000) };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
