import type { CallFields, GuardrailCall } from './call.ts';
import { type Fields, fieldsOf, textOf } from './json.ts';

/** The tool that a call of shape `mcp_tool` is about: LiteLLM shows its definition, and the strings of the arguments. */
export type McpTool = {
  /** Its own name: LiteLLM takes the prefix with the name of the server away, and does not tell the server. */
  readonly name: string;
  readonly description: string;
  /** The JSON schema of its arguments. */
  readonly schema: Fields;
  /**
   * The strings of the arguments, without their names; numbers and booleans are not shown. Without any it is the scan of a
   * definition, in a list of tools or before a call, or a call without strings: nothing tells these apart.
   */
  readonly texts: readonly string[];
};

/** The tool of a call; undefined for any other shape. */
export function mcpToolOf({ shape, tools, passages }: GuardrailCall): McpTool | undefined {
  if (shape !== 'mcp_tool') return undefined;
  const { function: declared } = fieldsOf(tools[0]);
  const { name, description, parameters } = fieldsOf(declared);
  const texts: string[] = [];
  for (const { text, place, author } of passages.all)
    if (place === 'text' && author === 'model') texts.push(text);
  return {
    name: textOf(name) ?? '',
    description: textOf(description) ?? '',
    schema: fieldsOf(parameters),
    texts,
  };
}

/**
 * The number of texts at the beginning that are descriptions of the tool and its arguments, and whether these are all that
 * the tool has: LiteLLM puts them before the arguments. Compared as a set, since JSON read here has keys that are numbers in
 * another order.
 *
 * @see LiteLLM 1.110.2, `process_input_messages` in litellm/proxy/mcp_server/guardrail_translation/handler.py
 */
export function descriptionsIn({ texts, tools }: Pick<CallFields, 'texts' | 'tools'>) {
  const { function: declared } = fieldsOf(tools[0]);
  const { description, parameters } = fieldsOf(declared);
  const left = new Map<string, number>();
  const add = (text: string) => left.set(text, (left.get(text) ?? 0) + 1);
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk);
    else
      for (const [key, item] of Object.entries(fieldsOf(value))) {
        if (key === 'description' && typeof item === 'string') add(item);
        else walk(item);
      }
  };
  if (typeof description === 'string' && description !== '') add(description);
  walk(parameters);
  let count = 0;
  for (const text of texts) {
    const times = left.get(text) ?? 0;
    if (times === 0) break;
    if (times === 1) left.delete(text);
    else left.set(text, times - 1);
    count++;
  }
  return { count, areAll: left.size === 0 };
}
