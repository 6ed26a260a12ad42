import type { Fields, GuardrailCall } from '../guardrail/call.ts';
import { fingerprintOf } from '../guardrail/fingerprint.ts';
import type { VerdictNote } from '../guardrail/record.ts';
import { textsWithoutRow } from '../guardrail/words.ts';

/**
 * A blocked call under the names of LiteLLM's `StandardLoggingPayload`, from what the guardrail was shown: of a blocked
 * request LiteLLM logs little, late, or nothing. A blocked answer is not repeated.
 */
export function blockedEvent(
  call: GuardrailCall,
  request: GuardrailCall | undefined,
  note: VerdictNote,
): Fields {
  const asked = call.input_type === 'request' ? call : request;
  const alone = asked === undefined ? [] : textsWithoutRow(asked);
  // Releases before 1.83.14 do not repeat all of it with the answer
  const identity = { ...asked?.request_data, ...call.request_data };
  // With an answer comes what the provider calls it
  const model = asked?.model ?? call.model;
  return {
    litellm_call_id: note.litellm_call_id,
    trace_id: note.litellm_trace_id,
    status: 'failure',
    model,
    model_group: model,
    messages: [...(asked?.structured_messages ?? []), ...alone.map((content) => ({ role: 'user', content }))],
    response: null,
    model_parameters: asked === undefined || asked.tools.length === 0 ? {} : { tools: asked.tools },
    startTime: (note.at - note.ms) / 1000,
    endTime: note.at / 1000,
    end_user: identity.user_api_key_end_user_id ?? null,
    request_headers: call.request_headers,
    metadata: identity,
  };
}

/** The words of the request that a check is about; undefined where this instance does not know it. */
export function wordsOf(call: GuardrailCall, request: GuardrailCall | undefined): string | undefined {
  const asked = call.input_type === 'request' ? call : request;
  return asked && fingerprintOf(asked.request_data, asked.texts.findLast((text) => text !== '') ?? '');
}
