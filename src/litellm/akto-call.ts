import { IDENTITY_TAGS, MCP_PATH, MESSAGE_HEADER, SESSION_HEADER } from '../guardrail/akto-wire.ts';
import type { CallFields, CallShape, Fields, GuardrailCall, PassageTexts } from '../guardrail/call.ts';
import { fieldsOf, textOf } from '../guardrail/json.ts';
import { keysOf, withPassages } from '../guardrail/read-passages.ts';
import { type AktoEnvelope, type AktoPayload, payloadWith } from './akto-envelope.ts';
import { emptyLeaves, type LeafPath, type Leaves, leavesOf, withLeaves } from './leaves.ts';
import { requestedModel } from './request.ts';

/** The sides by which an envelope is judged: the flags `guardrails`, `response_guardrails` and `file_guardrails`. */
export type AktoCheck = 'request' | 'response' | 'files';

/** A call that came in an envelope, and where in its payload the texts stand. */
export type AktoCall = {
  readonly call: GuardrailCall;
  readonly payload: AktoPayload;
  readonly paths: readonly LeafPath[];
};

/** The judged content of a payload, under the names of a guardrail call. */
type Content = Pick<
  CallFields,
  'shape' | 'texts' | 'structured_messages' | 'tools' | 'tool_calls' | 'model'
> & {
  readonly paths: readonly LeafPath[];
};

/** Keys of a request that are not read as texts of their own. */
const REQUEST_KEYS = new Set(['model', 'messages', 'tools', 'functions', 'tool_calls', 'stream']);

/**
 * The guardrail call in an envelope, for one of its sides. Its parameters say what LiteLLM makes of the reply: `masks` if it applies
 * a redaction, `stream` if it may still show only a part of a response.
 *
 * @throws BadField, TooManyInnerNodesError
 */
export function aktoCall(
  sent: AktoEnvelope,
  check: AktoCheck,
  isRecorded: boolean,
  maxNodes?: number,
): AktoCall {
  const payload = check === 'response' ? (sent.response ?? NOTHING) : sent.request;
  const content = contentOf(sent, check, payload.body);
  const isDefinition = content.shape === 'mcp_tool' && content.texts.length === 0;
  const fields: CallFields = {
    input_type: check === 'response' ? 'response' : 'request',
    door: 'akto',
    // The definition of a tool in a list is nobody's call
    litellm_call_id: isDefinition ? null : sent.callId,
    litellm_trace_id: sent.session,
    litellm_version: null,
    guardrail_bridge_hops: [],
    images: [],
    request_data: identityOf(sent.tags),
    request_headers: clientHeadersOf(sent.headers),
    additional_provider_specific_params: {
      masks: check !== 'files' && appliesMasks(sent, isRecorded),
      ...(check === 'response' && { stream: isPart(payload.body) }),
    },
    ...content,
  };
  return { call: withPassages(fields, maxNodes), payload, paths: content.paths };
}

const NOTHING: AktoPayload = { encoding: 'bare', whole: {}, body: {} };

/**
 * False for LiteLLM up to 1.104, which reads nothing of a verdict but `Allowed` and `Reason`: a call that is to be redacted would go
 * on as it is. It sends the body as text, as newer releases do, which record with each check or name their metadata.
 */
function appliesMasks({ fields, request }: AktoEnvelope, isRecorded: boolean): boolean {
  return request.encoding !== 'text' || isRecorded || fields.akto_metadata !== undefined;
}

/** True for a response that LiteLLM made of texts alone, as of a stream that still runs. */
export function isPart(body: unknown): boolean {
  const { choices, ...others } = fieldsOf(body);
  return (
    Array.isArray(choices) &&
    Object.keys(others).length === 0 &&
    choices.every((choice) => Object.keys(fieldsOf(choice)).join() === 'message')
  );
}

function contentOf(sent: AktoEnvelope, check: AktoCheck, body: unknown): Content {
  const { method, tools, jsonrpc, result } = fieldsOf(body);
  const isMcp = sent.fields.path === MCP_PATH || jsonrpc !== undefined;
  if (check === 'response') {
    if (!isMcp)
      return withoutMessages('response', leavesOf(body, false), requestedModel(fieldsOf(sent.request.body)));
    return withoutMessages(
      'mcp_result',
      leavesOf(result ?? body, false, result === undefined ? [] : ['result']),
      null,
    );
  }
  if (isMcp && method === 'tools/call') return toolCall(fieldsOf(fieldsOf(body).params));
  if (isMcp && Array.isArray(tools)) return { ...EMPTY, shape: 'mcp_tool', tools: tools.map(declared) };
  const request = requestOf(body);
  return check === 'files' ? { ...request, ...withFiles(request, sent.fields.files) } : request;
}

const EMPTY = { texts: [], structured_messages: [], tools: [], tool_calls: [], model: null, paths: [] };

function withoutMessages(
  shape: CallShape,
  { texts, paths, toolCalls }: Leaves,
  model: string | null,
): Content {
  return { ...EMPTY, shape, texts, paths, tool_calls: toolCalls, model };
}

/** A request of any endpoint; LiteLLM puts what has no messages into some. */
export function requestOf(body: unknown): Content {
  const { messages, tools, functions, tool_calls } = fieldsOf(body);
  if (!Array.isArray(messages)) {
    const { model, ...others } = fieldsOf(body);
    const leaves = leavesOf(typeof body === 'object' && !Array.isArray(body) ? others : body, true);
    return withoutMessages('texts', leaves, requestedModel({ model }));
  }
  const found = emptyLeaves();
  for (const [i, message] of messages.entries()) messageTexts(fieldsOf(message).content, i, found);
  for (const [name, value] of Object.entries(fieldsOf(body)))
    if (!REQUEST_KEYS.has(name)) leavesOf(value, true, [name], found);
  return {
    shape: 'conversation',
    texts: found.texts,
    paths: found.paths,
    structured_messages: messages,
    tools: [...listOf(tools), ...listOf(functions).map((one) => ({ type: 'function', function: one }))],
    tool_calls: [...listOf(tool_calls), ...found.toolCalls],
    model: requestedModel(fieldsOf(body)),
  };
}

/** The texts of a message as LiteLLM lists them beside it. */
function messageTexts(content: unknown, index: number, { texts, paths }: Leaves): void {
  const add = (text: unknown, path: LeafPath) => {
    if (textOf(text) === undefined) return;
    texts.push(text as string);
    paths.push(['messages', index, 'content', ...path]);
  };
  add(content, []);
  if (Array.isArray(content))
    for (const [i, part] of content.entries()) add(fieldsOf(part).text, [i, 'text']);
}

function toolCall(params: Fields): Content {
  const { texts, paths } = leavesOf({ params: { arguments: params.arguments } }, true);
  return { ...EMPTY, shape: 'mcp_tool', tools: [declared({ name: params.name })], texts, paths };
}

function declared(tool: unknown): object {
  const { name, description = '', inputSchema = {} } = fieldsOf(tool);
  return { type: 'function', function: { name, description, parameters: inputSchema } };
}

function withFiles({ structured_messages }: Content, files: unknown): Partial<Content> {
  const content = listOf(files).map(filePart);
  return { shape: 'conversation', structured_messages: [...structured_messages, { role: 'user', content }] };
}

function filePart(file: unknown): object {
  const { filename, type, content, url } = fieldsOf(file);
  const data = textOf(content);
  switch (type) {
    case 'image':
      return { type: 'image_url', image_url: { url: url ?? `data:;base64,${data ?? ''}` }, filename };
    case 'audio':
      return { type: 'input_audio', input_audio: { data, url }, filename };
    default:
      return { type: 'file', file: { filename, file_data: data, url } };
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Who called, under LiteLLM's names. */
export function identityOf(tags: Fields): Record<string, string> {
  const named = (tag: string, name: string) => {
    const value = textOf(tags[tag]);
    return value === undefined ? [] : [[`user_api_key_${name}`, value]];
  };
  const entries = [...Object.entries(IDENTITY_TAGS), ['end_user_id', 'end_user_id'] as const];
  return Object.fromEntries(entries.flatMap(([tag, name]) => named(tag, name)));
}

/** The headers of the client without what LiteLLM adds to them. */
export function clientHeadersOf(headers: Fields): Fields {
  const { [SESSION_HEADER]: _, [MESSAGE_HEADER]: __, ...others } = headers;
  return others;
}

/** `payload` if Akto's integration puts new texts in their places: those of messages, and of whatever else it shows as texts. */
export function aktoRewriteForm(call: GuardrailCall, texts: PassageTexts): 'payload' | null {
  const { additional_provider_specific_params: params, shape } = call;
  if (texts.size === 0 || params.masks !== true || params.stream === true) return null;
  const isPlain = [...texts.keys()].every(
    ({ place, isKey, within }) =>
      !isKey &&
      within === undefined &&
      (place === 'text' || (place === 'message' && shape === 'conversation')),
  );
  return isPlain ? 'payload' : null;
}

/** The payload of a call with the new texts, as it was sent. */
export function modifiedPayload({ payload, paths }: AktoCall, texts: PassageTexts): string {
  const changed = [...texts].map(([{ path, messagePath }, text]): readonly [LeafPath, string] => {
    const keys = keysOf(messagePath ?? path);
    if (keys[0] === 'texts') return [paths[keys[1] as number] as LeafPath, text];
    return [['messages', ...keys.slice(1)], text];
  });
  return payloadWith(payload, withLeaves(payload.body, changed));
}
