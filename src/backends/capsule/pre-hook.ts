import { fieldsOf, type GuardrailCall, headerOf, textOf, toolCallOf } from '../../guardrail/call.ts';
import { parseInner } from '../../guardrail/json.ts';
import { type McpTool, mcpToolOf } from '../../guardrail/mcp-tool.ts';
import { contentTexts, textsOutsideMessages } from '../../guardrail/passages.ts';

/**
 * A call as the plugin's `LiteLlmPreHookInput`. Absent values are left out.
 *
 * @see capsule-litellm 0.1.7 on PyPI (guardrail and types)
 */
export function preHook(call: GuardrailCall, requestId: string) {
  const messages = conversation(call);
  const user = textOf(call.request_data.user_api_key_end_user_id);
  const sessionId = headerOf(call, 'x-litellm-session-id') ?? headerOf(call, 'x-litellm-trace-id');
  return {
    requestId,
    model: call.model ?? 'unknown',
    ...(messages.length > 0 && { messages }),
    ...(user && { user }),
    ...(sessionId && { sessionId }),
  };
}

/** The plugin flattens every content to text; what stands only in `texts` or `tool_calls` follows as messages. */
function conversation(call: GuardrailCall): object[] {
  const mcp = mcpToolOf(call);
  if (mcp !== undefined) return mcpTool(mcp);
  const messages: object[] = call.structured_messages.map(message);
  const toolCalls = messages.length > 0 ? [] : call.tool_calls.flatMap(toolCall);
  if (toolCalls.length > 0) messages.push({ role: 'assistant', content: '', toolCalls });
  for (const content of textsOutsideMessages(call)) messages.push({ role: 'user', content });
  return messages;
}

/** A call of an MCP tool is the model's, and its definition the tool's own: neither is a prompt of the user. */
function mcpTool({ name, description, schema, texts }: McpTool): object[] {
  if (texts.length > 0)
    return [{ role: 'assistant', content: '', toolCalls: [{ name, arguments: { texts } }] }];
  return [{ role: 'tool', content: JSON.stringify({ name, description, inputSchema: schema }) }];
}

function message(value: unknown): object {
  const { role, content, refusal, tool_calls, function_call, tool_call_id } = fieldsOf(value);
  const calls = [...(Array.isArray(tool_calls) ? tool_calls : []), { function: function_call }];
  const toolCalls = calls.flatMap(toolCall);
  return {
    role: textOf(role) ?? 'user',
    content: [flatten(content), textOf(refusal)].filter(Boolean).join('\n'),
    ...(toolCalls.length > 0 && { toolCalls }),
    ...(textOf(tool_call_id) && { toolCallId: tool_call_id }),
  };
}

function flatten(content: unknown): string {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? contentTexts(content).join('\n') : '';
}

function toolCall(value: unknown) {
  const { id, name, arguments: args } = toolCallOf(value);
  if (!name && args === undefined) return [];
  return [
    {
      name: name || 'unknown',
      ...(id && { id }),
      ...(args !== undefined && { arguments: parsedObject(args) }),
    },
  ];
}

/** Arguments that are a JSON object go as one, anything else as the text it was. */
function parsedObject(text: string): unknown {
  const value = parseInner(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : text;
}
