/** Eight digits that the load generator counts up in every request, so that no two calls are alike. */
export const SERIAL = '00000000';

const KEY_HASH = '9f2c1e7a5b4d3c2f1a0e9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b4a3f2e1d0c9b8a';

const WORDS = (
  'the order was shipped on Monday and we expect it at your door before noon if customs agrees please check ' +
  'invoice total again because our café partner in Zürich reported a “late” refund for item number which ' +
  'supplier returned function value should never be null when account settings change see line below thanks ' +
  'model answer summary customer wrote three reasons why delivery failed: wrong street, closed gate, no phone'
).split(' ');

/** Text of about `length` characters; the same seed gives the same text, other seeds give other text. */
export function prose(length: number, seed: number): string {
  let state = seed * 2_654_435_761 + 1;
  let text = '';
  while (text.length < length) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += `${WORDS[state % WORDS.length]}${state % 13 === 0 ? '.\n' : ' '}`;
  }
  return text.slice(0, length);
}

type Message = { readonly role: string; readonly content: string };

/**
 * A chat request as LiteLLM sends it, about `bytes` long.
 *
 * @param mark what each message begins with; the serial number makes all of them new in each request
 */
export function chatBody(bytes: number, lastWords = '', mark = ''): string {
  const build = (conversation: number): string => {
    const roles = [
      'system',
      ...Array.from({ length: Math.ceil(conversation / 4_000) }, () => ['user', 'assistant']),
    ];
    const messages = [...roles.flat(), 'user'].map((role, index, all) => ({
      role,
      content: mark + prose(Math.ceil(conversation / all.length), index),
    }));
    return requestBody([...messages, lastMessage(lastWords)]);
  };
  const overhead = Buffer.byteLength(build(0));
  return build(Math.max(0, Math.floor((bytes - overhead) / 2.1)));
}

/** The last of so many turns of a conversation, to which each turn adds 400 characters. What was said before is the same each time. */
export function turnBody(turns: number): string {
  const before = Array.from({ length: 2 * (turns - 1) }, (_, i) => ({
    role: i % 2 ? 'assistant' : 'user',
    content: prose(200, i),
  }));
  return requestBody([...before, lastMessage(prose(370, turns))]);
}

/** New in each request. */
function lastMessage(words: string): Message {
  return { role: 'user', content: `Ticket ${SERIAL}: and now? ${words}` };
}

/** A conversation stands in a request twice; nulls are included. */
function requestBody(messages: readonly Message[]): string {
  return JSON.stringify({
    input_type: 'request',
    litellm_call_id: `6f0e3f0a-4b0d-4f3e-9c55-2f1d${SERIAL}`,
    litellm_trace_id: `b3c9b7a8-0c52-4b19-8f6d-0a2c${SERIAL}`,
    structured_messages: messages,
    images: null,
    tools: null,
    texts: messages.map(({ content }) => content),
    request_data: {
      user_api_key_hash: KEY_HASH,
      user_api_key_alias: 'checkout-assistant-prod',
      user_api_key_user_id: 'u-4711',
      user_api_key_user_email: 'dana.moreau@example.com',
      user_api_key_team_id: 'team-payments',
      user_api_key_team_alias: 'Payments',
      user_api_key_end_user_id: 'customer-88213',
      user_api_key_org_id: 'org-emea',
    },
    request_headers: {
      // What the client sent, as LiteLLM tells it of all but bodies in chunks
      'content-length': String(Buffer.byteLength(JSON.stringify({ model: 'gpt-4.1-mini', messages }))),
      host: 'llm-gateway.example.internal',
      'user-agent': 'OpenAI/JS 6.9.1',
      'content-type': 'application/json',
      accept: 'application/json',
      'x-stainless-lang': 'js',
      'x-litellm-tags': 'checkout',
      'x-forwarded-for': '[present]',
      cookie: '[present]',
    },
    litellm_version: '1.103.2',
    additional_provider_specific_params: { tenant: 'acme' },
    tool_calls: null,
    model: 'gpt-4.1-mini',
  });
}

/** The response of a model as LiteLLM sends it to a guardrail, about `bytes` long. @param mark what it begins with */
export function responseBody(bytes: number, mark = ''): string {
  return JSON.stringify({
    input_type: 'response',
    litellm_call_id: `6f0e3f0a-4b0d-4f3e-9c55-2f1d${SERIAL}`,
    litellm_trace_id: `b3c9b7a8-0c52-4b19-8f6d-0a2c${SERIAL}`,
    structured_messages: null,
    images: null,
    tools: null,
    texts: [mark + prose(bytes, 7)],
    request_data: { user_api_key_hash: KEY_HASH, user_api_key_team_id: 'team-payments' },
    request_headers: {},
    litellm_version: '1.103.2',
    additional_provider_specific_params: { tenant: 'acme' },
    tool_calls: null,
    model: 'gpt-4.1-mini',
  });
}
