import { BLOCKED_BY, BLOCKED_BY_AKTO } from '../../guardrail/akto-wire.ts';
import { type Fields, fieldsOf, scalarText, textOf } from '../../guardrail/call.ts';
import type { CallRecord } from '../../guardrail/record.ts';
import { type McpCall, mcpCallOf, modelOf } from '../recorded-call.ts';
import { payloadOf } from './payload.ts';

/** Both sides of a call as JSON text: to the model or the tool, and back from it; undefined where nothing came back. */
export type Payloads = { readonly requestPayload: string; readonly responsePayload: string | undefined };

const RPC = { jsonrpc: '2.0', id: 1 };

/**
 * The two payloads of a call: `{"body": "<JSON text>"}`, itself as JSON text, or JSON-RPC as it is for an MCP tool.
 *
 * @see LiteLLM 1.106.2, `build_akto_payload` and `build_mcp_payload` in guardrail_hooks/akto/akto.py
 */
export function recordPayloads(record: CallRecord): Payloads {
  const { event } = record;
  const mcp = mcpCallOf(event);
  if (mcp === undefined) {
    const response = stoppedResponse(record) ?? chatResponse(event.response);
    return {
      requestPayload: payloadOf(JSON.stringify(request(event))),
      responsePayload: response && payloadOf(JSON.stringify(response)),
    };
  }
  const call = { ...RPC, method: 'tools/call', params: { name: mcp.tool, arguments: mcp.arguments } };
  const stopped = stoppedResponse(record);
  const response = record.outcome === 'failure' ? { ...RPC, ...stopped } : (stopped ?? toolResult(mcp));
  return { requestPayload: JSON.stringify(call), responsePayload: response && JSON.stringify(response) };
}

/** HTTP status of a failed call; 500 where its code is none. */
export function failureStatus(event: Fields): number {
  const code = Number(scalarText(fieldsOf(event.error_information).error_code));
  return Number.isInteger(code) && code >= 400 && code <= 599 ? code : 500;
}

function request(event: Fields): object {
  const { tools, functions } = fieldsOf(event.model_parameters);
  return {
    model: modelOf(event) ?? '',
    messages: messagesOf(event.messages),
    ...(isFilled(tools) && { tools }),
    ...(isFilled(functions) && { functions }),
  };
}

function messagesOf(messages: unknown): unknown[] {
  if (Array.isArray(messages)) return messages;
  if (typeof messages === 'string') return [{ role: 'user', content: messages }];
  return messages === null || messages === undefined ? [] : [messages];
}

function isFilled(list: unknown): boolean {
  return Array.isArray(list) ? list.length > 0 : list !== null && list !== undefined;
}

/** The response that stands in for that of a blocked or failed call; undefined for a success. */
function stoppedResponse({ outcome, event, block }: CallRecord): object | undefined {
  switch (outcome) {
    case 'success':
      return undefined;
    case 'blocked':
      return { [BLOCKED_BY]: BLOCKED_BY_AKTO, reason: block?.reason || 'Blocked by Akto Guardrails' };
    case 'failure': {
      const { error_class, error_message } = fieldsOf(event.error_information);
      const message = textOf(error_message) ?? textOf(event.error_str) ?? '';
      return { error: { code: failureStatus(event), type: textOf(error_class) ?? 'error', message } };
    }
  }
}

/** The model's response. A text, as LiteLLM's own redaction leaves one, becomes a message. */
function chatResponse(response: unknown): object | undefined {
  if (typeof response !== 'object' || response === null) {
    const content = textOf(response);
    return content === undefined ? undefined : { choices: [{ message: { content, role: 'assistant' } }] };
  }
  return response;
}

function toolResult({ result }: McpCall): object | undefined {
  if (result === null || result === undefined) return undefined;
  return {
    ...RPC,
    result: typeof result === 'string' ? { content: [{ type: 'text', text: result }] } : result,
  };
}
