import { type Fields, fieldsOf, textOf } from './json.ts';
import type { Passages } from './passages.ts';

export { type Fields, fieldsOf, textOf } from './json.ts';

/** The direction of the texts: to the model or from it. LiteLLM's `input_type`. */
export type InputType = 'request' | 'response';

/**
 * One guardrail call as LiteLLM sent it, under the names LiteLLM gives its fields. A field that is absent or null on the
 * wire is an empty list, an empty object or null here, so readers need no checks of their own.
 */
export type CallFields = {
  readonly input_type: InputType;
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
};

/** One guardrail call with everything in it that is judged. */
export type GuardrailCall = CallFields & { readonly passages: Passages };

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
