import { type Fields, fieldsOf, type GuardrailCall, textOf } from '../guardrail/call.ts';
import { parseGuardrailCall } from '../litellm/request.ts';
import { type GoldenInput, IDENTITY } from './golden-cases.ts';
import { mcpCallsOf } from './golden-mcp.ts';

/**
 * The guardrail calls that LiteLLM would make for the input of a golden case: one for the request, if there is one, and
 * one for the response.
 *
 * @param id call id; each case needs its own, or it counts as part of another
 * @throws Error for one that is nested too deep
 */
export function callsOf(input: GoldenInput, id: string): GuardrailCall[] {
  const { messages, request, upstream_response: response, headers, identity, team_slugs } = input;
  const { model, max_tokens, max_completion_tokens } = request;
  const caller = { ...identity, team: identity.team ?? team_slugs[0] };
  const common = {
    litellm_call_id: id,
    litellm_trace_id: id,
    model,
    request_data: Object.fromEntries(
      Object.entries(caller).map(([name, value]) => [`user_api_key_${IDENTITY[name]}`, value]),
    ),
    request_headers: headers,
    additional_provider_specific_params: { max_tokens, max_completion_tokens },
  };
  if (input.mcp_tool !== undefined) {
    const result = response == null ? undefined : textOf(messageOf(response).content);
    return mcpCallsOf(input.mcp_tool, result, common).map(asSent);
  }
  const conversation = messages.length > 0 ? messages : request.messages;
  const called = request.tool_calls.length > 0 ? request.tool_calls : conversation.flatMap(toolCallsIn);
  const calls: Fields[] = [];
  if (response == null || conversation.length > 0 || Object.values(request).some(isGiven)) {
    calls.push({
      ...common,
      input_type: 'request',
      texts: conversation.flatMap(textsIn),
      structured_messages: conversation,
      images: conversation.flatMap(imagesIn),
      tools: request.tools,
      tool_calls: called.map(toolCall),
    });
  }
  if (response != null) {
    const message = messageOf(response);
    const texts = [message.content].filter((text) => textOf(text) !== undefined);
    calls.push({ ...common, input_type: 'response', texts, tool_calls: toolCallsIn(message).map(toolCall) });
  }
  return calls.map(asSent);
}

function asSent(fields: Fields): GuardrailCall {
  const parsed = parseGuardrailCall(JSON.stringify(fields));
  if ('call' in parsed) return parsed.call;
  throw new Error(`${parsed.bad.field} ${parsed.bad.message}`);
}

/** A response is given as its text, as the message alone, or as a whole chat completion around it. */
function messageOf(response: string | Fields): Fields {
  if (typeof response === 'string') return { content: response };
  const { choices } = response;
  return Array.isArray(choices) ? fieldsOf(fieldsOf(choices[0]).message) : response;
}

const isGiven = (value: unknown) => value != null && !(Array.isArray(value) && value.length === 0);

function partsIn(message: Fields): Fields[] {
  return Array.isArray(message.content) ? message.content.map(fieldsOf) : [];
}

function textsIn(message: Fields): string[] {
  const text = textOf(message.content);
  return text === undefined ? partsIn(message).flatMap((part) => textOf(part.text) ?? []) : [text];
}

function imagesIn(message: Fields): unknown[] {
  return partsIn(message).flatMap(
    ({ image_url }) => textOf(fieldsOf(image_url).url) ?? textOf(image_url) ?? [],
  );
}

const toolCallsIn = ({ tool_calls }: Fields) => (Array.isArray(tool_calls) ? tool_calls : []);

/** A tool call of a chat completion; `{name, arguments}` is accepted too, with arguments that are no text. */
function toolCall(value: unknown, index: number): unknown {
  const { id, function: nested, ...rest } = fieldsOf(value);
  const called = nested === undefined ? rest : fieldsOf(nested);
  const args = called.arguments ?? '';
  return {
    id: id ?? `call_${index + 1}`,
    type: 'function',
    function: { name: called.name, arguments: typeof args === 'string' ? args : JSON.stringify(args) },
  };
}
