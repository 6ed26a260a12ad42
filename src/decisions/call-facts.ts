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
      // Clients of Anthropic's API send it, and no others
      if (hasHeader(request_headers, 'anthropic-version')) return '/v1/messages';
      return input_type === 'response' && hasHeader(request_headers, 'x-goog-') ? 'generateContent' : null;
    case 'texts':
      return hasHeader(request_headers, 'x-goog-') ? 'generateContent' : null;
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

function hasHeader(headers: GuardrailCall['request_headers'], start: string): boolean {
  for (const name in headers) if (name.toLowerCase().startsWith(start)) return true;
  return false;
}
