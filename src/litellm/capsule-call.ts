import type { CallFields, GuardrailCall } from '../guardrail/call.ts';
import { type Fields, fieldsOf, textOf } from '../guardrail/json.ts';
import { withPassages } from '../guardrail/read-passages.ts';
import { leavesOf } from './leaves.ts';
import { BadField, objectIn, requestedModel } from './request.ts';

/** The hooks of Capsule's plugin, as the ends of their paths. */
export const CAPSULE_HOOKS = ['pre', 'post', 'mcp/pre', 'mcp/post'] as const;
export type CapsuleHook = (typeof CAPSULE_HOOKS)[number];

/**
 * The guardrail call in the body of a `pre` or `mcp/pre` hook. The plugin knows no redaction: one blocks.
 *
 * @throws BadField, TooManyInnerNodesError
 * @see capsule-litellm 0.1.7 on PyPI (types)
 */
export function capsuleCall(text: string, hook: CapsuleHook, maxNodes?: number): GuardrailCall {
  const body = objectIn(text);
  const fields: CallFields = {
    ...namesOf(body),
    input_type: 'request',
    door: 'capsule',
    litellm_version: null,
    guardrail_bridge_hops: [],
    images: [],
    request_data: identityIn(body),
    request_headers: {},
    additional_provider_specific_params: {},
    ...(hook === 'mcp/pre' ? toolCall(body) : conversation(body)),
  };
  return withPassages(fields, maxNodes);
}

/** The ids in the body of a hook; with them a `post` finds its `pre`. @throws BadField */
export function namesOf(body: Fields): Pick<CallFields, 'litellm_call_id' | 'litellm_trace_id'> {
  const id = (name: string) => {
    const value = body[name] ?? null;
    if (value === null || typeof value === 'string') return textOf(value) ?? null;
    throw new BadField(name, 'must be a string');
  };
  return { litellm_call_id: id('requestId'), litellm_trace_id: id('sessionId') };
}

/** The end user, all that the plugin tells of a caller. */
function identityIn({ user }: Fields): Fields {
  return textOf(user) === undefined ? {} : { user_api_key_end_user_id: user };
}

type Content = Pick<CallFields, 'shape' | 'model' | 'texts' | 'structured_messages' | 'tools' | 'tool_calls'>;

/** Fields that are no text of a call. The plugin sends no others; what another release does is judged. */
const PLUGIN_KEYS = new Set(['requestId', 'sessionId', 'user', 'model', 'messages', 'tools']);

function conversation(body: Fields): Content {
  const messages = body.messages ?? [];
  if (!Array.isArray(messages)) throw new BadField('messages', 'must be an array');
  const texts = messages.flatMap((message) => textOf(fieldsOf(message).content) ?? []);
  for (const [name, value] of Object.entries(body))
    if (!PLUGIN_KEYS.has(name)) texts.push(...leavesOf(value, true, [name]).texts);
  const rows = messages.map(messageOf);
  return {
    shape: 'conversation',
    ...{ model: requestedModel(body), texts, structured_messages: rows, tool_calls: [] },
    tools: Array.isArray(body.tools) ? body.tools : [],
  };
}

/** A message under the names of a chat; one that is anything else stays what it is. */
function messageOf(message: unknown): unknown {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return message;
  const { toolCalls, toolCallId, ...others } = fieldsOf(message);
  return {
    ...others,
    ...(Array.isArray(toolCalls) && { tool_calls: toolCalls.map(callIn) }),
    ...(toolCallId !== undefined && { tool_call_id: toolCallId }),
  };
}

function callIn(toolCall: unknown): object {
  const { id, name, arguments: args } = fieldsOf(toolCall);
  const text = typeof args === 'string' || args === undefined ? args : JSON.stringify(args);
  return { id, type: 'function', function: { name, arguments: text } };
}

function toolCall({ toolName, arguments: args }: Fields): Content {
  const tool = { type: 'function', function: { name: toolName, description: '', parameters: {} } };
  const { texts } = leavesOf({ args }, true);
  return {
    shape: 'mcp_tool',
    ...{ model: null, texts, structured_messages: [], tools: [tool], tool_calls: [] },
  };
}
