/** Reads what a record says of its call, for all backends. */
import { type Fields, fieldsOf, textOf } from '../guardrail/call.ts';
import type { CallRecord } from '../guardrail/record.ts';

/** The `litellm_call_id`, undefined for a call without one: from the event or else from the bridge's own verdicts. An `id` is that of the response, if there was one. */
export function callIdOf({ event, verdicts }: CallRecord): string | undefined {
  return textOf(event.litellm_call_id) ?? textOf(verdicts[0]?.litellm_call_id) ?? textOf(event.id);
}

/** Model as the client named it; the one that a provider is asked for comes second. */
export function modelOf(event: Fields): string | undefined {
  return textOf(event.model_group) ?? textOf(event.model);
}

/** Headers of the client, in lower case, from the three places where releases of LiteLLM log them: all of them, or only `x-*`. */
export function clientHeaders(event: Fields): Record<string, unknown> {
  const metadata = fieldsOf(event.metadata);
  const all = [
    fieldsOf(fieldsOf(metadata.requester_metadata).headers),
    fieldsOf(metadata.requester_custom_headers),
    fieldsOf(event.request_headers),
  ].flatMap(Object.entries);
  return Object.fromEntries(all.map(([name, value]) => [name.toLowerCase(), value]));
}

/**
 * The id by which a client ties its calls together, if it sent one. `session_id` is empty unless an operator asks LiteLLM for it, and
 * `trace_id` is usually made up for the call; the headers are read in LiteLLM's own order.
 *
 * @see LiteLLM 1.106.2, `get_chain_id_from_headers` in litellm/proxy/litellm_pre_call_utils.py
 */
export function clientSession(event: Fields): string | undefined {
  const headers = clientHeaders(event);
  const vendors = Object.keys(headers).filter((name) => /^x-.+-session-id$/.test(name));
  return [
    event.session_id,
    fieldsOf(fieldsOf(event.metadata).requester_metadata).session_id,
    headers['x-litellm-trace-id'],
    headers['x-litellm-session-id'],
    ...[...vendors, 'x-session-id'].map((name) => headers[name]).filter(isSessionId),
  ]
    .map(knownText)
    .find((id) => id !== undefined);
}

/** True for what LiteLLM takes for a session in a header that is not its own. */
function isSessionId(value: unknown): boolean {
  return typeof value === 'string' && /^[\w-]{8,}$/.test(value);
}

/** The text of a field, unless it stands for one that was taken out: as an id it would tie all calls together. */
export function knownText(value: unknown): string | undefined {
  const text = textOf(value);
  return text === undefined || /^\[.*\]$|redacted-by-litellm/.test(text) ? undefined : text;
}

export type McpCall = {
  readonly server: string;
  readonly tool: string;
  readonly arguments: unknown;
  readonly result: unknown;
};

/** True for an event of somebody who listed MCP tools: it has neither a call nor words of anybody. */
export function isMcpListing(event: Fields): boolean {
  return event.call_type === 'list_mcp_tools';
}

/** The tool call through LiteLLM's MCP gateway that an event is about; undefined for any other event. */
export function mcpCallOf(event: Fields): McpCall | undefined {
  const call = fieldsOf(event.metadata).mcp_tool_call_metadata;
  const isObject = typeof call === 'object' && call !== null && !Array.isArray(call);
  if (event.call_type !== 'call_mcp_tool' && !isObject) return undefined;
  const { mcp_server_name, name, arguments: args, result } = fieldsOf(call);
  return {
    server: textOf(mcp_server_name) ?? 'unknown',
    tool: textOf(name) ?? 'unknown',
    arguments: args ?? {},
    result: event.response ?? result,
  };
}
