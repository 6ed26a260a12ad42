import type { GuardrailCall } from '../guardrail/call.ts';

/**
 * The endpoint of a call where it can be no other; null where LiteLLM does not tell: its guardrail calls name none.
 *
 * @see LiteLLM 1.83.14 and 1.110.2, `GenericGuardrailAPIMetadata`: no `user_api_key_request_route`
 */
export function endpointOf({
  shape,
  input_type,
  litellm_call_id,
  request_headers,
}: GuardrailCall): string | null {
  switch (shape) {
    case 'document':
      return '/v1/ocr';
    case 'realtime':
      return '/v1/realtime';
    case 'mcp_tool':
      return litellm_call_id === null ? 'MCP tools/list' : 'MCP tools/call';
    case 'mcp_result':
      return 'MCP tools/call';
    case 'conversation':
    case 'response':
      switch (apiOf(request_headers)) {
        case 'anthropic':
          return '/v1/messages';
        case 'google':
          return input_type === 'response' ? 'generateContent' : null;
        case undefined:
          return null;
      }
      break;
    case 'texts':
      return apiOf(request_headers) === 'google' ? 'generateContent' : null;
    case 'prompt':
    case 'payload':
      return null;
  }
}

/**
 * The mode of the guardrail by which a call came, where it can be no other. `pre_call` and `during_call` send the same, and
 * `logging_only` sends no ids, as others do.
 */
export function modeOf({ shape, input_type, litellm_call_id }: GuardrailCall): string | null {
  if (shape === 'mcp_result') return 'post_mcp_call';
  return input_type === 'response' && litellm_call_id !== null ? 'post_call' : null;
}

/** Headers that clients of one API send, and no others. */
const OF_API = /^(?:anthropic-version|x-goog-)/i;

/** The API whose client sent a call, as far as its headers tell. One look at each: a call has a dozen. */
function apiOf(headers: GuardrailCall['request_headers']): 'anthropic' | 'google' | undefined {
  let api: 'google' | undefined;
  for (const name in headers) {
    if (!OF_API.test(name)) continue;
    if (/^a/i.test(name)) return 'anthropic';
    api = 'google';
  }
  return api;
}
