/** Whether the words to judge go to the model or come from it, as LiteLLM's `input_type`. */
export type InputType = 'request' | 'response';

/**
 * One guardrail call with the names LiteLLM gives its fields. Everything absent, null or unknown on the wire
 * is here an empty list, an empty object or null, so that readers need no checks of their own.
 */
export type GuardrailCall = {
  readonly input_type: InputType;
  readonly litellm_call_id: string | null;
  readonly litellm_trace_id: string | null;
  readonly litellm_version: string | null;
  readonly model: string | null;
  /** Positional: a rewrite answers with the same count in the same order. */
  readonly texts: readonly string[];
  /** OpenAI chat messages; requests only. Entries are whatever was sent. */
  readonly structured_messages: readonly unknown[];
  readonly images: readonly unknown[];
  readonly tools: readonly unknown[];
  readonly tool_calls: readonly unknown[];
  /** Identity of the virtual key: `user_api_key_*`. */
  readonly request_data: Fields;
  readonly request_headers: Fields;
  readonly additional_provider_specific_params: Fields;
};

export type Fields = Readonly<Record<string, unknown>>;

/** The value as an object with unknown fields; anything else is an empty object. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** The value if it is a string with something in it. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
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

/** What a client header said, case ignored; LiteLLM sends `[present]` for the values it keeps to itself. */
export function headerOf(call: GuardrailCall, name: string): string | undefined {
  for (const [key, value] of Object.entries(call.request_headers)) {
    if (key.toLowerCase() === name && value !== '[present]') return textOf(value);
  }
  return undefined;
}
