import { fieldsOf, type GuardrailCall, toolCallOf } from '../../guardrail/call.ts';
import { contentTexts, textsOutsideMessages } from '../../guardrail/passages.ts';

export type PayloadOptions = {
  /** Joins the text parts of a message: Akto reads content only where it is a plain string. */
  readonly flatten: boolean;
  /** Keys that are left out, as violations hide behind them. */
  readonly drop: ReadonlySet<string>;
};

/**
 * The body of a request as Akto is to judge it; of a request that nobody remembers, an empty one.
 *
 * @see contract of the akto-litellm hook: VERDICT_FLATTEN_CONTENT, VERDICT_DROP_BODY_KEYS
 */
export function requestBody(call: GuardrailCall | undefined, { flatten, drop }: PayloadOptions): object {
  const messages = call?.structured_messages ?? [];
  const alone = call === undefined ? [] : textsOutsideMessages(call);
  const body: Record<string, unknown> = {
    model: call?.model ?? '',
    messages: [
      ...(flatten ? messages.map(flattened) : messages),
      ...alone.map((content) => ({ role: 'user', content })),
    ],
  };
  if (call !== undefined && call.tools.length > 0) body.tools = call.tools;
  if (call !== undefined && call.tool_calls.length > 0) body.tool_calls = call.tool_calls;
  for (const key of drop) delete body[key];
  return body;
}

/**
 * The body of a response. LiteLLM hands over its texts and tool calls, not the provider's response. The arguments of tool calls are
 * repeated as the content of their message, since Akto reads only content.
 */
export function responseBody(call: GuardrailCall): object {
  const messages: unknown[] = call.texts.map((content) => ({ content, role: 'assistant' }));
  if (call.tool_calls.length > 0) {
    const content = call.tool_calls.map((toolCall) => toolCallOf(toolCall).arguments ?? '').join('\n');
    messages.push({ content, role: 'assistant', tool_calls: call.tool_calls });
  }
  return { choices: messages.map((message) => ({ message })) };
}

function flattened(message: unknown): unknown {
  const { content } = fieldsOf(message);
  return Array.isArray(content)
    ? { ...fieldsOf(message), content: contentTexts(content).join('\n') }
    : message;
}

/** `{"body": "<JSON text>"}`, itself as JSON text: the encoding of LiteLLM's own integration. @param body JSON text */
export function payloadOf(body: string): string {
  return JSON.stringify({ body });
}

/** A payload as JSON writes it into an envelope. Two passes of `JSON.stringify` over the text take three times as long. */
export function payloadInJson(body: string): string {
  // JSON text has nothing else to escape, and each of the two passes doubles the backslashes
  return `"{\\"body\\":\\"${body.replace(/\\/g, '\\\\\\\\').replace(/"/g, '\\\\\\"')}\\"}"`;
}
