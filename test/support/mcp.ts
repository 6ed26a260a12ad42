// Calls of MCP tools as LiteLLM 1.110.2 sends them

const wire = {
  litellm_version: '1.110.2',
  structured_messages: null,
  images: null,
  tool_calls: null,
  model: null,
  additional_provider_specific_params: {},
};

const SCHEMA = {
  properties: {
    name: { description: "The person's full name", title: 'Name', type: 'string' },
    note: { default: '', title: 'Note', type: 'string' },
    limit: { default: 1, title: 'Limit', type: 'integer' },
  },
  required: ['name'],
  type: 'object',
  title: 'lookupArguments',
  additionalProperties: false,
};

/** The definition of a tool; its descriptions come first among the texts. */
export type Definition = {
  name?: string;
  description?: string;
  parameters?: object;
  descriptions?: string[];
};

const LOOKUP: Required<Definition> = {
  name: 'lookup',
  description: 'Look a person up in the directory.',
  parameters: SCHEMA,
  descriptions: ['Look a person up in the directory.', "The person's full name"],
};

/** A call of the tool `lookup` with strings among its arguments, or of another tool. */
export function mcpCall(
  args: readonly string[],
  tool: Definition = {},
  fields: Record<string, unknown> = {},
): Record<string, unknown> {
  const { description, ...rest } = { ...LOOKUP, ...tool };
  const { name, parameters, descriptions } = rest;
  return {
    ...wire,
    input_type: 'request',
    litellm_call_id: 'call-1',
    litellm_trace_id: 'trace-1',
    tools: [{ type: 'function', function: { name, description, parameters, strict: false } }],
    texts: [...descriptions, ...args],
    request_data: { user_api_key_hash: 'hash', user_api_key_user_id: 'dana' },
    request_headers: { 'user-agent': 'agent', 'content-type': 'application/json' },
    ...fields,
  };
}

/** The definition of a tool as a list of tools shows it. */
export const mcpListed = (tool: Definition = {}, fields: Record<string, unknown> = {}) =>
  mcpCall([], tool, { litellm_call_id: null, litellm_trace_id: null, ...fields });

/** A tool of one description and some named arguments. */
export const mcpTool = (
  name: string,
  properties: Record<string, object> = {},
  description = 'Does it.',
): Definition => ({
  name,
  description,
  descriptions: [description],
  parameters: { type: 'object', title: name, properties, additionalProperties: false },
});

/** The arguments of a tool as `during_mcp_call` shows them. */
export const mcpBeside = (args: readonly string[]) =>
  mcpCall(args, {
    description: '',
    descriptions: [],
    parameters: { type: 'object', properties: {}, additionalProperties: false },
  });

/** The result of a tool: texts, then strings, keys and numbers of its structured content. */
export const mcpResult = (...texts: string[]): Record<string, unknown> => ({
  ...wire,
  input_type: 'response',
  litellm_call_id: null,
  litellm_trace_id: null,
  tools: null,
  texts,
  request_data: {},
  request_headers: null,
});
