import { type Fields, fieldsOf, textOf } from './json.ts';

export { type Fields, fieldsOf, scalarText, textOf } from './json.ts';

/** The direction of the texts: to the model or from it. LiteLLM's `input_type`. */
export type InputType = 'request' | 'response';

/** Vendors as which the bridge answers LiteLLM's own integrations, beside its generic guardrail API. */
export const DOORS = ['akto', 'capsule'] as const;
export type Door = (typeof DOORS)[number];

/**
 * The kind of a guardrail call, as far as its fields tell.
 *
 * `conversation`: chat, messages, responses. `texts`: completions, embeddings, Gemini. `prompt`: images, rerank, speech.
 * `document`: the address of a document for OCR. `payload`: a pass-through route. `realtime`: an item of a realtime session.
 * `mcp_tool`: a call of an MCP tool, or its description in a list. `mcp_result`: the result of an MCP tool. `response`: any
 * other response.
 */
export type CallShape =
  | 'conversation'
  | 'texts'
  | 'prompt'
  | 'document'
  | 'payload'
  | 'realtime'
  | 'mcp_tool'
  | 'response'
  | 'mcp_result';

/**
 * One guardrail call as LiteLLM sent it, under the names LiteLLM gives its fields. A field that is absent or null on the
 * wire is an empty list, an empty object or null here, so readers need no checks of their own.
 */
export type CallFields = {
  readonly input_type: InputType;
  /** Left out for a call by the generic guardrail API. */
  readonly door?: Door;
  /** Found out from the other fields. */
  readonly shape: CallShape;
  readonly litellm_call_id: string | null;
  readonly litellm_trace_id: string | null;
  readonly litellm_version: string | null;
  readonly model: string | null;
  /** Positional: a rewrite returns the same count in the same order. */
  readonly texts: readonly string[];
  /** OpenAI chat messages; requests only. Entries hold whatever was sent. */
  readonly structured_messages: readonly unknown[];
  readonly images: readonly unknown[];
  readonly tools: readonly unknown[];
  readonly tool_calls: readonly unknown[];
  /** Identity of the virtual key: `user_api_key_*`. */
  readonly request_data: Fields;
  readonly request_headers: Fields;
  readonly additional_provider_specific_params: Fields;
  /** Bridges that have passed the call on, the first one first; none for a call of LiteLLM. */
  readonly guardrail_bridge_hops: readonly string[];
};

/**
 * Where in a call a passage stands; it decides how a rewrite of it can be written back. `message_tool_call` is in a tool
 * call of a message, `nested` is a string inside the JSON text of another passage, `structure` an id, a role or the like, which no
 * rewrite may change.
 */
export type Place = 'text' | 'message' | 'message_tool_call' | 'tool_call' | 'tool' | 'nested' | 'structure';

/** Who wrote a passage, as far as its place and role tell; of an MCP tool its description and its results are the `tool`'s. */
export type Author = 'user' | 'operator' | 'model' | 'tool';

/** A key or index, and the path of the object or list that has it. Passages of one container share its path. */
export type PassagePath = { readonly parent: PassagePath | undefined; readonly key: string | number };

/** One text of a call, with its place. */
export type Passage = {
  /** Position among all passages of the call. An edited call keeps the positions. */
  readonly index: number;
  readonly text: string;
  readonly place: Place;
  readonly path: PassagePath;
  /** For one of `texts`: where `structured_messages` repeats it. */
  readonly messagePath: PassagePath | undefined;
  /** Role of its message; null where there is no message. */
  readonly role: string | null;
  readonly author: Author;
  /** True for a key of an object, which no rewrite can replace. */
  readonly isKey: boolean;
  /** For a nested passage: the passage whose JSON holds it. */
  readonly within: Passage | undefined;
};

/** New whole texts of passages. */
export type PassageTexts = ReadonlyMap<Passage, string>;

/** Everything in a call that is judged, read in one pass. */
export type Passages = {
  /** `texts` come first and in their order, then what stands only elsewhere. */
  readonly all: readonly Passage[];
  /** UTF-16 units of all passages together. */
  readonly chars: number;
  /** Number of images, audio parts and files: content that is not text. */
  readonly media: number;
};

/** One guardrail call with everything in it that is judged. */
export type GuardrailCall = CallFields & { readonly passages: Passages };

/** The models that a request asks for: LiteLLM takes a comma in `model` for a list, and asks each of its names. */
export function modelsOf({ model }: Pick<CallFields, 'model'>): readonly string[] {
  if (model === null) return [];
  if (!model.includes(',')) return [model];
  return model
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** Name, id and arguments of a tool call in either of LiteLLM's dialects (with or without `index`). */
export function toolCallOf(value: unknown): { id?: string; name?: string; arguments?: string } {
  const { id, function: called } = fieldsOf(value);
  const { name, arguments: args } = fieldsOf(called);
  return {
    ...(typeof id === 'string' && { id }),
    ...(typeof name === 'string' && { name }),
    ...(typeof args === 'string' && { arguments: args }),
  };
}

/** The value of a client header, case ignored; undefined where LiteLLM sends only `[present]`. */
export function headerOf(call: CallFields, name: string): string | undefined {
  for (const key in call.request_headers) {
    const value = call.request_headers[key];
    if (key.length === name.length && key.toLowerCase() === name && value !== '[present]')
      return textOf(value);
  }
  return undefined;
}
