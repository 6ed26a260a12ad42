import {
  type CallFields,
  type Fields,
  fieldsOf,
  type GuardrailCall,
  type InputType,
  textOf,
} from '../guardrail/call.ts';
import { withPassages } from '../guardrail/read-passages.ts';
import type { GoldenInput } from './golden-cases.ts';

/**
 * The guardrail calls that LiteLLM would make for the input of a golden case: one for the request, if there is one, and
 * one for the response.
 *
 * @param id call id; each case needs its own, or it counts as part of another
 */
export function callsOf(input: GoldenInput, id: string): GuardrailCall[] {
  const { messages, request, upstream_response: response, headers, identity } = input;
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
  const calls: CallFields[] = [];
  const hasResponse = response !== undefined && response !== null;
  if (!hasResponse || conversation.length > 0 || Object.values(request).some(isGiven)) {
    const called = request.tool_calls?.length ? request.tool_calls : conversation.flatMap(toolCallsIn);
    calls.push({
      ...common,
      ...textCall('request', conversation.flatMap(textsIn)),
      structured_messages: conversation,
      images: conversation.flatMap(imagesIn),
      tools: request.tools ?? [],
      tool_calls: called.map(toolCall),
    });
  }
  if (hasResponse) {
    const { content, tool_calls } =
      typeof response === 'string' ? { content: response } : messageOf(response);
    const text = textOf(content);
    calls.push({
      ...common,
      ...textCall('response', text === undefined ? [] : [text]),
      tool_calls: (Array.isArray(tool_calls) ? tool_calls : []).map(toolCall),
    });
  }
  return calls.map(withPassages);
}

const textCall = (input_type: InputType, texts: readonly string[]) => ({
  input_type,
  texts,
  structured_messages: [],
  images: [],
  tools: [],
});

/** A response is given as the message alone, or as a whole chat completion around it. */
function messageOf(response: Fields): Fields {
  const { choices } = response;
  return Array.isArray(choices) ? fieldsOf(fieldsOf(choices[0]).message) : response;
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

const isGiven = (value: unknown) =>
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
