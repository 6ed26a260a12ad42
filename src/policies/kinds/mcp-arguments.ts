import { fieldsOf } from '../../guardrail/json.ts';
import type { McpTool } from '../../guardrail/mcp-tool.ts';
import { isPathName } from './agent-path.ts';

/** Facts about the arguments of an MCP tool, whose names LiteLLM does not show: as far as the schema of the tool tells. */
export type McpArguments = {
  /** The name under which a text is judged: `path` if it may be that of an argument with such a name. */
  nameOf(text: string): string;
  /** True if a text may be an amount. */
  readonly mayHaveAmounts: boolean;
  /** True if an amount may be a number, which LiteLLM does not show. */
  readonly hidesAmounts: boolean;
};

const EXTENSION = /\.\w{1,8}$/;

/** Reads the schema of a tool. One without named arguments says nothing: each text may be anything. */
export function mcpArguments(
  { schema, texts }: McpTool,
  isAmountName: (name: string) => boolean,
): McpArguments {
  const fixed = new Set<string>();
  const named: [name: string, argument: unknown][] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk);
    const { properties, enum: choices, const: only } = fieldsOf(value);
    for (const argument of Object.entries(fieldsOf(properties))) named.push(argument);
    for (const choice of [choices, only].flat()) if (typeof choice === 'string') fixed.add(choice);
    for (const item of Object.values(fieldsOf(value))) walk(item);
  };
  walk(schema);
  const isUnknown = named.length === 0 && texts.length > 0;
  const hasPaths = isUnknown || named.some(([name]) => isPathName(name));
  const amounts = named.filter(([name]) => isAmountName(name));
  return {
    nameOf: (text) => (hasPaths && !fixed.has(text) && !isProse(text) ? 'path' : ''),
    mayHaveAmounts: isUnknown || amounts.length > 0,
    hidesAmounts: isUnknown || !amounts.every(([, argument]) => isText(argument)),
  };
}

/** True for the schema of a text, which may be left out. */
function isText(schema: unknown): boolean {
  const { type, anyOf } = fieldsOf(schema);
  if (Array.isArray(anyOf)) return anyOf.every(isText);
  return [type].flat().every((one) => one === 'string' || one === 'null');
}

/** True for words of a sentence, by which nobody names a file. */
function isProse(text: string): boolean {
  const trimmed = text.trim();
  return trimmed.includes('\n') || (/\s/.test(trimmed) && !/[/\\]/.test(trimmed) && !EXTENSION.test(trimmed));
}
