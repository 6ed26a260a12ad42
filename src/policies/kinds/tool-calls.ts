import { fieldsOf, type GuardrailCall, textOf } from '../../guardrail/call.ts';

/** A tool call as the model wrote it. */
export type ToolCall = {
  /** Unknown for some parts of streams. */
  readonly id: string | undefined;
  /** Empty if LiteLLM does not say. */
  readonly name: string;
  /** Usually JSON, possibly empty, cut off or invalid. */
  readonly arguments: string;
};

/**
 * The tool calls that a guardrail call is about: those of a response, and of a request those made since its last user
 * message. Earlier ones were judged in their time, and a conversation with a refused call in it must be able to go on.
 */
export function toolCallsOf({
  input_type,
  tool_calls,
  structured_messages: rows,
}: GuardrailCall): ToolCall[] {
  if (input_type === 'response' || rows.length === 0) return tool_calls.map(read);
  const last = rows.findLastIndex((row) => fieldsOf(row).role === 'user');
  return rows.slice(last + 1).flatMap((row) => {
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
  };
}

/** The names of the tools a request offers to the model; a tool of the provider, such as `web_search`, goes by its type. */
export function toolsOf({ tools }: GuardrailCall): string[] {
  return tools.map((tool) => {
    const { function: declared, custom, name, type } = fieldsOf(tool);
    return textOf(fieldsOf(declared ?? custom).name) ?? textOf(name) ?? textOf(type) ?? '';
  });
}
