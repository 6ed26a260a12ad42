import type { CallFields, CallShape } from '../guardrail/call.ts';

/**
 * The shape of a guardrail call: LiteLLM names neither the endpoint nor the mode, but the fields that it fills differ.
 * Endpoints of one shape cannot be told apart. A call without `litellm_version` comes from a tool such as curl, or from a
 * release before 1.81.12: nothing is concluded from what it lacks.
 *
 * @see LiteLLM 1.110.2, the files `guardrail_translation/handler.py` under litellm/llms and litellm/proxy
 */
export function shapeOf(call: Omit<CallFields, 'shape'>): CallShape {
  const { input_type, litellm_version, litellm_call_id, model } = call;
  const isNameless = isEmpty(call.request_data) && isEmpty(call.request_headers);
  if (input_type === 'response') {
    return litellm_version !== null && litellm_call_id === null && isNameless ? 'mcp_result' : 'response';
  }
  if (call.structured_messages.length > 0) return 'conversation';
  if (litellm_version === null) return 'texts';
  // Without texts too: neither the tool nor its arguments have any
  if (call.tools.length === 1 && model === null) return 'mcp_tool';
  if (litellm_call_id !== null) {
    // A body with a `model` gives its call one, but headers it never has
    if (model === null || isEmpty(call.request_headers)) return 'payload';
    return isAddress(call.texts) ? 'document' : 'texts';
  }
  return model === null && isNameless ? 'realtime' : 'prompt';
}

function isEmpty(fields: object): boolean {
  for (const _ in fields) return false;
  return true;
}

/** An address is all that LiteLLM shows of a document, and nothing else tells that call from an embedding. */
const ADDRESS = /^(?:https?|data|file|gs|s3):\S*$/;
const MAX_ADDRESS = 2000;

function isAddress([text, ...others]: readonly string[]): boolean {
  return text !== undefined && others.length === 0 && ADDRESS.test(text.slice(0, MAX_ADDRESS));
}
