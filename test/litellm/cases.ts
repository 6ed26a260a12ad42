import type { ModelResponse } from './provider.ts';
import type { Trait } from './release.ts';

/** A client request whose guardrail calls are recorded. All content is invented. */
export interface Case {
  name: string;
  path: string;
  body: Record<string, unknown>;
  response?: ModelResponse;
  headers?: Record<string, string>;
  /** The kinds of guardrail calls LiteLLM makes (rounds of a stream once), and the status its client sees. */
  outcome: Outcome;
  /** Outcome with releases that cannot do that yet. */
  before?: { trait: Trait; outcome: Outcome };
}

export interface Outcome {
  calls: string[];
  status: number;
}

const both = { calls: ['request', 'response'], status: 200 };
const requestOnly = { calls: ['request'], status: 200 };
const responseOnly = { calls: ['response'], status: 200 };
const unsendable = { calls: [], status: 500 };

const png =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=';
const lookUp = {
  type: 'function',
  function: {
    name: 'look_up_recipe',
    description: 'Finds a recipe by its title.',
    parameters: { type: 'object', properties: { title: { type: 'string' } }, required: ['title'] },
  },
};
const lookUpOfAnthropic = {
  name: 'look_up_recipe',
  description: 'Finds a recipe by its title.',
  input_schema: lookUp.function.parameters,
};
const toolResponse: ModelResponse = {
  toolCalls: [
    { name: 'look_up_recipe', arguments: '{"title":"plum cake","note":"write to ada@example.com"}' },
  ],
};
const story = 'Slice the plums, fold them into the batter and bake the cake for fifty minutes.';

export const cases: Case[] = [
  {
    name: 'chat',
    path: '/v1/chat/completions',
    headers: {
      'x-litellm-session-id': 'session-invented-1',
      'x-team-notes': 'spring menu',
      'x-forwarded-for': '203.0.113.7',
    },
    body: {
      model: 'house-model',
      user: 'ada',
      messages: [
        { role: 'system', content: 'You are the kitchen helper.' },
        { role: 'user', content: 'How long does a plum cake bake?' },
        { role: 'assistant', content: 'About fifty minutes.' },
        { role: 'user', content: 'And at which temperature? Übrigens: 🍰' },
      ],
    },
    outcome: both,
  },
  {
    name: 'chat-parts-image',
    path: '/v1/chat/completions',
    body: {
      model: 'house-model',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is on this plate?' },
            { type: 'image_url', image_url: { url: 'https://pictures.example.com/plate.png' } },
            { type: 'image_url', image_url: { url: png, detail: 'low' } },
            { type: 'text', text: 'Answer in one word.' },
          ],
        },
      ],
    },
    outcome: both,
  },
  {
    name: 'chat-image-only',
    path: '/v1/chat/completions',
    body: {
      model: 'house-model',
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: png } }] }],
    },
    outcome: responseOnly,
  },
  {
    name: 'chat-tools',
    path: '/v1/chat/completions',
    body: {
      model: 'house-model',
      tools: [lookUp, { type: 'web_search', search_context_size: 'low' }],
      messages: [{ role: 'user', content: 'Find the plum cake recipe.' }],
    },
    outcome: both,
    before: { trait: 'sends built-in tools', outcome: unsendable },
  },
  {
    name: 'chat-tool-history',
    path: '/v1/chat/completions',
    body: {
      model: 'house-model',
      tools: [lookUp],
      messages: [
        { role: 'user', content: 'Find the plum cake recipe.' },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            {
              id: 'call_invented_9',
              type: 'function',
              function: { name: 'look_up_recipe', arguments: '{"title":"plum cake"}' },
            },
          ],
        },
        { role: 'tool', tool_call_id: 'call_invented_9', content: 'Plums, flour, butter.' },
      ],
    },
    outcome: both,
  },
  {
    name: 'chat-tool-response',
    path: '/v1/chat/completions',
    body: {
      model: 'house-model',
      tools: [lookUp],
      messages: [{ role: 'user', content: 'Find the plum cake recipe.' }],
    },
    response: toolResponse,
    outcome: both,
  },
  {
    name: 'chat-claude-tool-response',
    path: '/v1/chat/completions',
    body: {
      model: 'house-claude',
      tools: [lookUp],
      messages: [
        { role: 'system', content: 'You are the kitchen helper.' },
        { role: 'user', content: 'Find the plum cake recipe.' },
      ],
    },
    response: { ...toolResponse, text: 'I will look it up.' },
    outcome: both,
  },
  {
    name: 'chat-stream',
    path: '/v1/chat/completions',
    body: {
      model: 'house-model',
      stream: true,
      messages: [{ role: 'user', content: 'Tell me the recipe.' }],
    },
    response: { text: story, chunkSize: 8 },
    outcome: both,
  },
  {
    name: 'chat-tool-stream',
    path: '/v1/chat/completions',
    body: {
      model: 'house-model',
      stream: true,
      tools: [lookUp],
      messages: [{ role: 'user', content: 'Find the plum cake recipe.' }],
    },
    response: { ...toolResponse, text: 'I will look it up.', chunkSize: 4 },
    outcome: both,
  },
  {
    name: 'messages',
    path: '/v1/messages',
    headers: { 'anthropic-version': '2023-06-01' },
    body: {
      model: 'house-claude',
      max_tokens: 100,
      system: 'You are the kitchen helper.',
      tools: [lookUpOfAnthropic],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Find the recipe for this.' },
            {
              type: 'image',
              source: {
                type: 'base64',
                media_type: 'image/png',
                data: png.slice('data:image/png;base64,'.length),
              },
            },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'I will look it up.' },
            {
              type: 'tool_use',
              id: 'toolu_invented_1',
              name: 'look_up_recipe',
              input: { title: 'plum cake' },
            },
          ],
        },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 'toolu_invented_1',
              content: [{ type: 'text', text: 'Plums, flour, butter.' }],
            },
          ],
        },
      ],
    },
    outcome: both,
  },
  {
    name: 'messages-plain',
    path: '/v1/messages',
    headers: { 'anthropic-version': '2023-06-01' },
    body: {
      model: 'house-claude',
      max_tokens: 100,
      system: 'You are the kitchen helper.',
      tools: [lookUpOfAnthropic],
      messages: [
        { role: 'user', content: 'Find the plum cake recipe.' },
        { role: 'assistant', content: 'Which one?' },
        { role: 'user', content: 'The one of my grandmother.' },
      ],
    },
    outcome: both,
  },
  {
    name: 'messages-openai-model',
    path: '/v1/messages',
    headers: { 'anthropic-version': '2023-06-01' },
    body: {
      model: 'house-model',
      max_tokens: 100,
      system: [{ type: 'text', text: 'You are the kitchen helper.' }],
      messages: [{ role: 'user', content: 'Find the plum cake recipe.' }],
    },
    outcome: both,
  },
  {
    name: 'messages-tool-response',
    path: '/v1/messages',
    headers: { 'anthropic-version': '2023-06-01' },
    body: {
      model: 'house-claude',
      max_tokens: 100,
      messages: [{ role: 'user', content: 'Find the plum cake recipe.' }],
    },
    response: { ...toolResponse, text: 'I will look it up.' },
    outcome: both,
  },
  {
    name: 'messages-stream',
    path: '/v1/messages',
    headers: { 'anthropic-version': '2023-06-01' },
    body: {
      model: 'house-claude',
      max_tokens: 100,
      stream: true,
      messages: [{ role: 'user', content: 'Tell me the recipe.' }],
    },
    response: { text: story, chunkSize: 8 },
    outcome: both,
  },
  {
    name: 'messages-tool-stream',
    path: '/v1/messages',
    headers: { 'anthropic-version': '2023-06-01' },
    body: {
      model: 'house-claude',
      max_tokens: 100,
      stream: true,
      messages: [{ role: 'user', content: 'Find the plum cake recipe.' }],
    },
    response: { ...toolResponse, text: 'I will look it up.', chunkSize: 4 },
    outcome: both,
  },
  {
    name: 'responses',
    path: '/v1/responses',
    body: {
      model: 'house-model',
      instructions: 'You are the kitchen helper.',
      tools: [
        { type: 'function', name: 'look_up_recipe', parameters: lookUp.function.parameters, strict: false },
        { type: 'web_search' },
      ],
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'Find the plum cake recipe.' }] },
        {
          type: 'function_call',
          call_id: 'call_invented_9',
          name: 'look_up_recipe',
          arguments: '{"title":"plum cake"}',
        },
        { type: 'function_call_output', call_id: 'call_invented_9', output: 'Plums, flour, butter.' },
        { role: 'user', content: 'And for ten people?' },
      ],
    },
    outcome: both,
  },
  {
    name: 'responses-plain',
    path: '/v1/responses',
    body: {
      model: 'house-model',
      instructions: 'You are the kitchen helper.',
      input: [
        { role: 'user', content: 'Find the plum cake recipe.' },
        { type: 'function_call_output', call_id: 'call_invented_9', output: 'Plums, flour, butter.' },
      ],
    },
    outcome: both,
  },
  {
    name: 'responses-tool-output-only',
    path: '/v1/responses',
    body: {
      model: 'house-model',
      instructions: 'You are the kitchen helper.',
      input: [
        {
          type: 'function_call',
          call_id: 'call_invented_9',
          name: 'look_up_recipe',
          arguments: '{"title":"plum cake"}',
        },
        { type: 'function_call_output', call_id: 'call_invented_9', output: 'Plums, flour, butter.' },
      ],
    },
    outcome: both,
    before: { trait: 'judges tool outputs alone', outcome: responseOnly },
  },
  {
    name: 'responses-tool-response',
    path: '/v1/responses',
    body: { model: 'house-model', input: 'Find the plum cake recipe.' },
    response: toolResponse,
    outcome: both,
  },
  {
    name: 'responses-stream',
    path: '/v1/responses',
    body: { model: 'house-model', stream: true, input: 'Tell me the recipe.' },
    response: { text: story, chunkSize: 8 },
    outcome: both,
  },
  {
    name: 'responses-tool-stream',
    path: '/v1/responses',
    body: { model: 'house-model', stream: true, input: 'Find the plum cake recipe.' },
    response: toolResponse,
    outcome: both,
  },
  {
    name: 'responses-claude-model',
    path: '/v1/responses',
    body: {
      model: 'house-claude',
      instructions: 'You are the kitchen helper.',
      input: 'Find the plum cake recipe.',
    },
    outcome: both,
  },
  {
    name: 'embeddings',
    path: '/v1/embeddings',
    body: { model: 'house-embedding', input: ['plum cake', 'apple pie'] },
    outcome: requestOnly,
  },
  {
    name: 'completions',
    path: '/v1/completions',
    body: { model: 'house-completion', prompt: 'Once upon a plum tree' },
    outcome: both,
  },
  {
    name: 'completions-stream',
    path: '/v1/completions',
    body: { model: 'house-completion', prompt: 'Once upon a plum tree', stream: true },
    response: { text: story, chunkSize: 8 },
    outcome: both,
    before: { trait: 'judges streamed completions', outcome: requestOnly },
  },
];
