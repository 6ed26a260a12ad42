import { fieldsOf, type GuardrailCall, textOf } from '../../guardrail/call.ts';
import { type McpTool, mcpToolOf } from '../../guardrail/mcp-tool.ts';
import { newestPrompt } from '../turns.ts';
import type { ToolOrigin } from './tool-names.ts';

/** A tool call as the model wrote it. */
export type ToolCall = {
  /** Unknown for some parts of streams. */
  readonly id: string | undefined;
  /** Empty if LiteLLM does not say. */
  readonly name: string;
  /** Usually JSON, possibly empty, cut off or invalid. Of an MCP tool the list of its texts; empty without any. */
  readonly arguments: string;
  readonly origin: ToolOrigin;
  /** For one of an MCP server. */
  readonly mcp?: McpTool;
};

/**
 * The tool calls that a guardrail call is about: those of a response, that of an MCP tool, and of another request those made
 * since its last user message. Earlier ones were judged in their time, and a conversation with a refused call in it must be able to go on.
 */
export function toolCallsOf(call: GuardrailCall): ToolCall[] {
  const { input_type, tool_calls, structured_messages: rows } = call;
  const mcp = mcpToolOf(call);
  if (mcp !== undefined) {
    const { name, texts } = mcp;
    const written = texts.length === 0 ? '' : JSON.stringify(texts);
    return [{ id: undefined, name, arguments: written, origin: 'mcp', mcp }];
  }
  if (input_type === 'response' || rows.length === 0) return tool_calls.map(read);
  return rows.slice(newestPrompt(rows) + 1).flatMap((row) => {
    const { tool_calls: calls, function_call: old } = fieldsOf(row);
    return [...(Array.isArray(calls) ? calls.map(read) : []), ...(old ? [read({ function: old })] : [])];
  });
}

/** Functions and custom tools of chat completions, with and without `index`. */
function read(value: unknown): ToolCall {
  const { id, function: called, custom } = fieldsOf(value);
  const { name, arguments: args, input } = fieldsOf(called ?? custom);
  const written = args ?? input ?? '';
  return {
    id: textOf(id),
    name: textOf(name) ?? '',
    arguments: typeof written === 'string' ? written : JSON.stringify(written),
    origin: 'model',
  };
}

/** Kinds of declared tools; any other type is that of a tool of the provider, such as `web_search`, and names it. */
const DECLARED = new Set(['function', 'custom', 'namespace']);

/** Keys by which LiteLLM knows tools of Google, whatever type or name stands beside them. */
const GOOGLE_KEY =
  /^(?:google_?search(?:_?retrieval)?|enterprise_?web_?search|url_?context|code_?execution|google_?maps|computer_?use)$/i;

/**
 * The names of the tools that a request offers to the model: all that a tool has, as a provider may go by any of them. A call
 * of an MCP tool offers none.
 */
export function toolsOf({ tools, shape }: GuardrailCall): string[] {
  return shape === 'mcp_tool' ? [] : tools.flatMap(namesOf);
}

/** @see LiteLLM 1.110.2, `_map_function` in litellm/llms/vertex_ai/gemini/vertex_and_google_ai_studio_gemini.py */
function namesOf(tool: unknown): string[] {
  const fields = fieldsOf(tool);
  const { function: declared, custom, name, type } = fields;
  const known = [
    fieldsOf(declared).name,
    fieldsOf(custom).name,
    name,
    DECLARED.has(textOf(type) ?? '') ? '' : type,
  ];
  const members = [fields.tools, fields.function_declarations, fields.functionDeclarations];
  const names = [
    ...known.flatMap((one) => textOf(one) ?? []),
    ...Object.keys(fields).filter((key) => GOOGLE_KEY.test(key)),
    ...members.flatMap((list) => (Array.isArray(list) ? list.flatMap(namesOf) : [])),
  ];
  return names.length > 0 ? names : [''];
}
