import { type Fields, fieldsOf, textOf } from '../../guardrail/call.ts';
import type { CallRecord } from '../../guardrail/record.ts';
import { type McpCall, mcpCallOf } from '../mcp-call.ts';
import { wrapped } from './payload.ts';

/** What went to the model or the tool, and what came back; no answer is undefined. */
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
    const answer = stopped(record) ?? chatAnswer(event.response);
    return {
      requestPayload: wrapped(JSON.stringify(request(event))),
      responsePayload: answer && wrapped(JSON.stringify(answer)),
    };
  }
  const call = { ...RPC, method: 'tools/call', params: { name: mcp.tool, arguments: mcp.arguments } };
  const ending = stopped(record);
  const answer = record.outcome === 'failure' ? { ...RPC, ...ending } : (ending ?? toolResult(mcp));
  return { requestPayload: JSON.stringify(call), responsePayload: answer && JSON.stringify(answer) };
}

/** The code of a failed call if it is an HTTP status, else 500. */
export function failureStatus(event: Fields): number {
  const code = Number(fieldsOf(event.error_information).error_code);
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

/** As the client named it: what a provider is asked for stands behind the group. */
export function modelOf(event: Fields): string | undefined {
  return textOf(event.model_group) ?? textOf(event.model);
}

function messagesOf(messages: unknown): unknown[] {
  if (Array.isArray(messages)) return messages;
  if (typeof messages === 'string') return [{ role: 'user', content: messages }];
  return messages === null || messages === undefined ? [] : [messages];
}

function isFilled(list: unknown): boolean {
  return Array.isArray(list) ? list.length > 0 : list !== null && list !== undefined;
}

/** What stands for the answer of a call that has none. */
function stopped({ outcome, event, block }: CallRecord): object | undefined {
  switch (outcome) {
    case 'success':
      return undefined;
    case 'blocked':
      return { 'x-blocked-by': 'Akto Proxy', reason: block?.reason || 'Blocked by Akto Guardrails' };
    case 'failure': {
      const { error_class, error_message } = fieldsOf(event.error_information);
      const message = textOf(error_message) ?? textOf(event.error_str) ?? '';
      return { error: { code: failureStatus(event), type: textOf(error_class) ?? 'error', message } };
    }
  }
}

/** A text, as LiteLLM's own redaction leaves one, becomes a message. */
function chatAnswer(response: unknown): object | undefined {
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
