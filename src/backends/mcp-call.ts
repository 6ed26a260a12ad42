import { type Fields, fieldsOf, textOf } from '../guardrail/call.ts';

export type McpCall = {
  readonly server: string;
  readonly tool: string;
  readonly arguments: unknown;
  readonly result: unknown;
};

/** The call of a tool through LiteLLM's MCP gateway that an event is about; undefined for any other event. */
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
