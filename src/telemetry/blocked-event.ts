import { hash } from 'node:crypto';
import type { Fields, GuardrailCall } from '../guardrail/call.ts';
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

/** The request that a check is about: several checks of one call have the same, and a client's next request another. */
export function turnOf(call: GuardrailCall, request: GuardrailCall | undefined): string {
  const asked = call.input_type === 'request' ? call : request;
  return asked === undefined ? '' : hash('sha1', JSON.stringify([asked.texts, asked.structured_messages]));
}
