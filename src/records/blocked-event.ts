import type { Fields, GuardrailCall } from '../guardrail/call.ts';
import { textsOutsideMessages } from '../guardrail/passages.ts';
import type { VerdictNote } from '../guardrail/record.ts';
import { requestFingerprint } from '../litellm/log-event.ts';

/**
 * The event of a blocked call, from its guardrail call and under the names of LiteLLM's `StandardLoggingPayload`: LiteLLM
 * logs a blocked request late, in part, or not at all. A blocked response is left out.
 *
 * @param request of a response: the request it belongs to, where this instance knows it
 */
export function blockedEvent(
  call: GuardrailCall,
  request: GuardrailCall | undefined,
  note: VerdictNote,
): Fields {
  const asked = requestOf(call, request);
  const alone = asked === undefined ? [] : textsOutsideMessages(asked);
  // A response can come without names of its key that its request had
  const identity = { ...asked?.request_data, ...call.request_data };
  // A response comes with the provider's name of the model
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

/** The fingerprint of the request that a block is about; undefined where this instance does not know the request. */
export function blockedWords(call: GuardrailCall, request: GuardrailCall | undefined): string | undefined {
  const asked = requestOf(call, request);
  return asked && requestFingerprint(asked.request_data, asked.texts.findLast((text) => text !== '') ?? '');
}

function requestOf(call: GuardrailCall, request: GuardrailCall | undefined): GuardrailCall | undefined {
  return call.input_type === 'request' ? call : request;
}
