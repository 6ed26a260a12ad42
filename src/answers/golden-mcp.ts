import { type Fields, fieldsOf } from '../guardrail/json.ts';
import type { GoldenInput } from './golden-cases.ts';

/** The first release that shows a guardrail calls of MCP tools. */
const LITELLM = '1.109.0';

/**
 * The guardrail calls that LiteLLM would make for a call of an MCP tool: one for the call, and one for the result, if there is
 * one, which names nobody.
 *
 * @param common fields of every call about it
 */
export function mcpCallsOf(
  { name, description, parameters, arguments: args }: NonNullable<GoldenInput['mcp_tool']>,
  result: string | undefined,
  common: Fields,
): Fields[] {
  const schema = parameters ?? { type: 'object', properties: {}, additionalProperties: false };
  const descriptions = leavesOf(schema).flatMap(({ key, text }) => (key === 'description' ? [text] : []));
  const call = {
    ...common,
    litellm_version: LITELLM,
    input_type: 'request',
    model: null,
    tools: [{ type: 'function', function: { name, description: description ?? '', parameters: schema } }],
    texts: [
      ...(description ? [description] : []),
      ...descriptions,
      ...leavesOf(args).map(({ text }) => text),
    ],
  };
  return result === undefined
    ? [call]
    : [call, { litellm_version: LITELLM, input_type: 'response', texts: [result] }];
}

/** The strings in a value, in their order, with the key that each stands under. */
function leavesOf(value: unknown, key: string | number = ''): { key: string | number; text: string }[] {
  if (typeof value === 'string') return [{ key, text: value }];
  if (Array.isArray(value)) return value.flatMap((item, index) => leavesOf(item, index));
  return Object.entries(fieldsOf(value)).flatMap(([name, item]) => leavesOf(item, name));
}
