import { type Fields, fieldsOf, type GuardrailCall, type InputType, textOf } from '../guardrail/call.ts';
import type { GoldenInput } from './golden.ts';

/**
 * The guardrail calls that LiteLLM would make for the input of a golden case: one for the request, and one for the answer
 * if there is one.
 *
 * @param id of the conversation, so that no case is counted as part of another
 */
export function callsOf(input: GoldenInput, id: string): GuardrailCall[] {
  const { messages, request, upstream_response: answer, headers, identity } = input;
  const conversation = messages.length > 0 ? messages : (request.messages ?? []);
  const { max_tokens, max_completion_tokens } = request;
  const common = {
    litellm_call_id: id,
    litellm_trace_id: id,
    litellm_version: null,
    model: request.model ?? null,
    request_data: identityOf(identity, input.team_slugs),
    request_headers: headers,
    additional_provider_specific_params: present({ max_tokens, max_completion_tokens }),
  };
  const calls: GuardrailCall[] = [];
  const hasAnswer = answer !== undefined && answer !== null;
  if (!hasAnswer || conversation.length > 0 || Object.values(request).some(says)) {
    const called = request.tool_calls?.length ? request.tool_calls : conversation.flatMap(toolCallsIn);
    calls.push({
      ...common,
      ...said('request', conversation.flatMap(textsIn)),
      structured_messages: conversation,
      images: conversation.flatMap(imagesIn),
      tools: request.tools ?? [],
      tool_calls: called.map(toolCall),
    });
  }
  if (hasAnswer) {
    const { content, tool_calls } = typeof answer === 'string' ? { content: answer } : messageOf(answer);
    const text = textOf(content);
    calls.push({
      ...common,
      ...said('response', text === undefined ? [] : [text]),
      tool_calls: (Array.isArray(tool_calls) ? tool_calls : []).map(toolCall),
    });
  }
  return calls;
}

const said = (input_type: InputType, texts: readonly string[]) => ({
  input_type,
  texts,
  structured_messages: [],
  images: [],
  tools: [],
});

/** An answer may be the message alone, or a whole chat completion around it. */
function messageOf(answer: Fields): Fields {
  const { choices } = answer;
  return Array.isArray(choices) ? fieldsOf(fieldsOf(choices[0]).message) : answer;
}

function identityOf(identity: GoldenInput['identity'], slugs: readonly string[]): Fields {
  const { team, team_id, key_alias, key_hash, user_id, email, end_user, org } = identity;
  return present({
    user_api_key_team_alias: team ?? slugs[0],
    user_api_key_team_id: team_id,
    user_api_key_alias: key_alias,
    user_api_key_hash: key_hash,
    user_api_key_user_id: user_id,
    user_api_key_user_email: email,
    user_api_key_end_user_id: end_user,
    user_api_key_org_id: org,
  });
}

function present(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  );
}

const says = (value: unknown) =>
  Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null;

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

/** As chat completions have it; `{name, arguments}` will do, with arguments that are no text too. */
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
