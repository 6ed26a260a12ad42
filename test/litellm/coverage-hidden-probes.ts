import { MARK } from './coverage-world.ts';
import type { ModelResponse } from './provider.ts';

/** A request with the mark in a hidden part, for a model by this name. */
export type HiddenProbe = { path: string | ((model: string) => string); model: string; bodies: object[] };

const asked = { role: 'user', content: 'Bake a cake' };
const chat = (...bodies: object[]): HiddenProbe => ({
  path: '/v1/chat/completions',
  model: 'house-model',
  bodies: bodies.map((body) => ({ messages: [asked], ...body })),
});
const history = (...messages: object[]) =>
  chat(...messages.map((message) => ({ messages: [asked, message, asked] })));
const messages = (...bodies: object[]): HiddenProbe => ({
  path: '/v1/messages',
  model: 'house-claude',
  bodies: bodies.map((body) => ({ max_tokens: 99, messages: [asked], ...body })),
});
const block = (...content: object[]) =>
  messages({ messages: [{ role: 'user', content: [...content, { type: 'text', text: 'Bake' }] }] });
const responses = (...bodies: object[]): HiddenProbe => ({
  path: '/v1/responses',
  model: 'house-model',
  bodies: bodies.map((body) => ({ input: 'Bake a cake', ...body })),
});
const said = { type: 'message', role: 'user', content: 'Bake a cake' };
const items = (...input: object[]) => responses(...input.map((item) => ({ input: [said, item] })));
const gemini = (...contents: object[]): HiddenProbe => ({
  path: (model) => `/v1beta/models/${model}:generateContent`,
  model: 'house-gemini',
  bodies: contents,
});
const tool = { type: 'function', function: { name: 'bake', parameters: { type: 'object', properties: {} } } };
const schema = { type: 'object', properties: { a: { type: 'string', description: MARK } } };
/** By endpoint and part, as the table names them. */
export const hiddenProbes: Record<string, HiddenProbe> = {
  '/v1/chat/completions `extra_body`': chat({ extra_body: { messages: [{ role: 'user', content: MARK }] } }),
  '/v1/chat/completions unknown parameters': chat({ pears: MARK }),
  '/v1/chat/completions `functions`': chat({ functions: [{ name: 'a', description: MARK, parameters: {} }] }),
  '/v1/chat/completions `response_format`': chat({
    response_format: { type: 'json_schema', json_schema: { name: 'a', schema } },
  }),
  '/v1/chat/completions `prediction`': chat({ prediction: { type: 'content', content: MARK } }),
  '/v1/chat/completions `web_search_options`': chat({
    web_search_options: { user_location: { type: 'approximate', approximate: { city: MARK } } },
  }),
  '/v1/chat/completions `prompt_cache_key`': chat({ prompt_cache_key: MARK }),
  '/v1/chat/completions `audio`': chat({
    modalities: ['text', 'audio'],
    audio: { voice: MARK, format: 'wav' },
  }),
  '/v1/chat/completions `stop`': chat({ stop: [MARK] }),
  '/v1/chat/completions `tool_choice`': chat({
    tools: [tool],
    tool_choice: { type: 'function', function: { name: MARK } },
  }),
  '/v1/chat/completions `system` beside the messages, for models of Anthropic': {
    ...{ path: '/v1/chat/completions', model: 'house-claude' },
    bodies: [{ messages: [asked], system: MARK }],
  },
  '/v1/chat/completions `name` and unknown keys of a message': history(
    { role: 'user', content: 'x', name: MARK },
    { role: 'user', content: 'x', pears: MARK },
  ),
  '/v1/chat/completions `refusal`, `annotations` and `audio` of the history': history(
    { role: 'assistant', content: 'x', refusal: MARK },
    {
      role: 'assistant',
      content: 'x',
      annotations: [{ type: 'url_citation', url_citation: { title: MARK } }],
    },
    { role: 'assistant', content: 'x', audio: { id: MARK } },
  ),
  '/v1/messages `document`, `search_result` and unknown blocks': block(
    { type: 'document', title: MARK, source: { type: 'text', media_type: 'text/plain', data: MARK } },
    { type: 'search_result', source: 's', title: MARK, content: [{ type: 'text', text: MARK }] },
    { type: 'pear', pear: MARK },
  ),
  '/v1/messages results of tools that the provider runs': messages({
    messages: [
      asked,
      {
        role: 'assistant',
        content: [
          { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'cakes' } },
          {
            type: 'web_search_tool_result',
            tool_use_id: 'srvtoolu_1',
            content: [
              { type: 'web_search_result', title: MARK, url: 'https://a.example', encrypted_content: 'x' },
            ],
          },
          { type: 'text', text: 'Found.' },
        ],
      },
      asked,
    ],
  }),
  '/v1/messages `stop_sequences`': messages({ stop_sequences: [MARK] }),
  '/v1/messages `mcp_servers`': messages({
    mcp_servers: [{ type: 'url', url: 'https://a.example', name: MARK }],
  }),
  '/v1/responses `extra_body`': responses({ extra_body: { input: MARK } }),
  '/v1/responses `text`': responses({ text: { format: { type: 'json_schema', name: 'a', schema } } }),
  '/v1/responses `prompt`': responses({ prompt: { id: 'pmpt_1', variables: { a: MARK } } }),
  '/v1/responses calls and outputs of tools that the provider runs': items(
    { type: 'mcp_call', id: 'mcp_1', name: 'a', server_label: 's', arguments: '{}', output: MARK },
    {
      type: 'shell_call_output',
      call_id: 'c1',
      output: [{ stdout: MARK, stderr: '', outcome: { type: 'exit', exit_code: 0 } }],
    },
  ),
  '/v1/responses unknown items': items({ type: 'pear', pear: MARK }),
  '/v1/completions `extra_body`': {
    path: '/v1/completions',
    model: 'house-completion',
    bodies: [{ prompt: 'Bake', extra_body: { prompt: MARK } }],
  },
  '/v1/completions `suffix`': {
    path: '/v1/completions',
    model: 'house-completion',
    bodies: [{ prompt: 'Bake', suffix: MARK }],
  },
  '/v1/embeddings `extra_body`': {
    path: '/v1/embeddings',
    model: 'house-embedding',
    bodies: [{ input: 'Bake', extra_body: { input: MARK } }],
  },
  '/v1/audio/speech `instructions`': {
    path: '/v1/audio/speech',
    model: 'house-speech',
    bodies: [{ input: 'Bake', voice: 'alloy', instructions: MARK }],
  },
  '/v1/rerank `documents`': {
    path: '/v1/rerank',
    model: 'house-rerank',
    bodies: [{ query: 'Bake', documents: [MARK] }],
  },
  'Gemini `generateContent` `functionCall` and `functionResponse`': gemini(
    {
      contents: [
        { role: 'user', parts: [{ text: 'a' }, { functionResponse: { name: 'a', response: { r: MARK } } }] },
      ],
    },
    {
      contents: [
        { role: 'user', parts: [{ text: 'a' }] },
        { role: 'model', parts: [{ functionCall: { name: 'a', args: { r: MARK } } }] },
      ],
    },
  ),
  'Gemini `generateContent` `tools`': gemini({
    contents: [{ role: 'user', parts: [{ text: 'a' }] }],
    tools: [{ functionDeclarations: [{ name: 'a', description: MARK }] }],
  }),
};

/** Words of the model, with the mark in a hidden part. */
export const hiddenResponses: Record<string, { path: string; model: string; response: ModelResponse }> = {
  '/v1/chat/completions reasoning': chatSays({ reasoning: MARK }),
  '/v1/chat/completions `refusal`': chatSays({ more: { refusal: MARK } }),
  '/v1/chat/completions `annotations`': chatSays({
    more: {
      annotations: [
        {
          type: 'url_citation',
          url_citation: { title: MARK, url: 'https://a.example', start_index: 0, end_index: 1 },
        },
      ],
    },
  }),
  '/v1/chat/completions `function_call`': chatSays({
    more: { function_call: { name: 'a', arguments: MARK } },
  }),
  '/v1/chat/completions transcripts of `audio`': chatSays({
    more: { audio: { id: 'a', data: 'AA==', expires_at: 1, transcript: MARK } },
  }),
  '/v1/messages reasoning': { path: '/v1/messages', model: 'house-claude', response: { reasoning: MARK } },
  '/v1/responses reasoning': { path: '/v1/responses', model: 'house-model', response: { reasoning: MARK } },
  '/v1/responses `annotations`': {
    path: '/v1/responses',
    model: 'house-model',
    response: {
      more: {
        annotations: [
          { type: 'url_citation', title: MARK, url: 'https://a.example', start_index: 0, end_index: 1 },
        ],
      },
    },
  },
};

function chatSays(response: ModelResponse) {
  return { path: '/v1/chat/completions', model: 'house-model', response };
}

/** Each step is two levels; LiteLLM itself gives up at 250 steps. */
const deep = (steps: number): object => (steps === 0 ? {} : { properties: { a: deep(steps - 1) } });
const baking = (parameters: object) => ({ type: 'function', function: { name: 'bake', parameters } });
const calls = (call: object) => history({ role: 'assistant', content: null, tool_calls: [call] });
const LINK = `https://pears.example/${MARK}`;

/** Requests with the mark, by the name of what keeps LiteLLM from asking about them. */
export const unaskedProbes: Record<string, HiddenProbe[]> = {
  'a conversation of nothing but images, documents or files': [
    chat({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: LINK } }] }] }),
    messages(
      { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'url', url: LINK } }] }] },
      {
        messages: [
          {
            role: 'user',
            content: [{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: MARK } }],
          },
        ],
      },
    ),
    responses(
      { input: [{ role: 'user', content: [{ type: 'input_image', image_url: LINK }] }] },
      { input: [{ role: 'user', content: [{ type: 'input_file', file_url: LINK }] }] },
    ),
  ],
  'a chat whose `content` is an object': [chat({ messages: [{ role: 'user', content: { a: MARK } }] })],
  'token ids in place of texts': [
    { path: '/v1/embeddings', model: 'house-embedding', bodies: [{ input: [1, 2], user: MARK }] },
    { path: '/v1/completions', model: 'house-completion', bodies: [{ prompt: [1, 2], user: MARK }] },
  ],
  'a message with an unknown `role`, or without one': [
    chat({ messages: [{ role: 'pear', content: MARK }] }, { messages: [{ content: MARK }] }),
    responses({ input: [{ role: 'pear', content: MARK }] }),
  ],
  'a result of a function of old (`role: function`)': [
    history({ role: 'function', name: 'a', content: MARK }),
  ],
  'a custom tool call in the history of a chat': [
    calls({ id: 'c', type: 'custom', custom: { name: 'a', input: MARK } }),
  ],
  'an id of a tool call, or its arguments, that are no strings': [
    history({ role: 'tool', tool_call_id: 5, content: MARK }),
    calls({ id: 'c', type: 'function', function: { name: 'a', arguments: { q: MARK } } }),
  ],
  'a tool without `type`': [
    chat({ tools: [{ googleSearch: {} }], messages: [{ role: 'user', content: MARK }] }),
  ],
  'a built-in tool': [chat({ tools: [{ type: 'web_search' }], messages: [{ role: 'user', content: MARK }] })],
  'a schema that is nested more than 250 levels deep': [
    chat({ tools: [baking(deep(150))], messages: [{ role: 'user', content: MARK }] }),
    responses({ tools: [{ type: 'function', name: 'a', parameters: deep(150) }], input: MARK }),
  ],
  'a message to an A2A agent': [
    {
      path: '/a2a/house-agent',
      model: '',
      bodies: [
        {
          ...{ jsonrpc: '2.0', id: '1', method: 'message/send' },
          params: {
            message: {
              role: 'user',
              kind: 'message',
              messageId: 'm1',
              parts: [{ kind: 'text', text: MARK }],
            },
          },
        },
      ],
    },
  ],
};
