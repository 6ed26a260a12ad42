import type { Difference } from './differences.ts';
import type { ModelResponse } from './provider.ts';

/** A request that the vendor's own code and the bridge are both asked to check. */
export interface ParityCase {
  name: string;
  path: string;
  body: Record<string, unknown>;
  headers?: Record<string, string>;
  response?: ModelResponse;
  /** True if there is a response to check. */
  hasResponse: boolean;
  /** Words of people, tools and models in the request: all of them have to be in our checks. */
  said: string[];
}

const lookUp = {
  name: 'look_up_recipe',
  parameters: { type: 'object', properties: { title: { type: 'string' } } },
};
const history = [
  { role: 'user', content: 'Find the plum cake recipe.' },
  {
    role: 'assistant',
    content: null,
    tool_calls: [
      {
        id: 'call_9',
        type: 'function',
        function: { name: 'look_up_recipe', arguments: '{"title":"plum cake"}' },
      },
    ],
  },
  { role: 'tool', tool_call_id: 'call_9', content: 'Plums, flour, butter.' },
];

export const cases: ParityCase[] = [
  {
    name: 'chat',
    path: '/v1/chat/completions',
    headers: {
      'x-litellm-session-id': 'session-invented-7',
      'x-forwarded-for': '203.0.113.7',
      'x-kitchen': 'north',
      'x-notes': 'not for guardrails',
      'x-api-key': 'sk-invented-other-key',
      cookie: 'session=invented',
    },
    body: {
      model: 'house-model',
      user: 'ada',
      messages: [
        { role: 'system', content: 'You are the kitchen helper.' },
        { role: 'user', content: 'How long does a plum cake bake? Übrigens: 🍰' },
      ],
    },
    said: ['You are the kitchen helper.', 'How long does a plum cake bake? Übrigens: 🍰'],
    hasResponse: true,
  },
  {
    name: 'chat with parts',
    path: '/v1/chat/completions',
    body: {
      model: 'house-model',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is on this plate?' },
            { type: 'text', text: 'Answer in one word.' },
          ],
        },
      ],
    },
    said: ['What is on this plate?', 'Answer in one word.'],
    hasResponse: true,
  },
  {
    name: 'chat with tools',
    path: '/v1/chat/completions',
    body: { model: 'house-model', tools: [{ type: 'function', function: lookUp }], messages: history },
    response: { toolCalls: [{ name: 'look_up_recipe', arguments: '{"title":"apple pie"}' }] },
    said: ['Find the plum cake recipe.', 'plum cake', 'Plums, flour, butter.'],
    hasResponse: true,
  },
  {
    name: 'messages',
    path: '/v1/messages',
    body: {
      model: 'house-claude',
      max_tokens: 100,
      system: 'You are the kitchen helper.',
      messages: [
        { role: 'user', content: 'Find the plum cake recipe.' },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'I will look it up.' },
            { type: 'tool_use', id: 'toolu_1', name: 'look_up_recipe', input: { title: 'plum cake' } },
          ],
        },
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'Plums, flour, butter.' }],
        },
      ],
    },
    said: [
      'You are the kitchen helper.',
      'Find the plum cake recipe.',
      'I will look it up.',
      'plum cake',
      'Plums, flour, butter.',
    ],
    hasResponse: true,
  },
  {
    name: 'responses',
    path: '/v1/responses',
    body: {
      model: 'house-model',
      instructions: 'You are the kitchen helper.',
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'Find the plum cake recipe.' }] },
        {
          type: 'function_call',
          call_id: 'call_9',
          name: 'look_up_recipe',
          arguments: '{"title":"plum cake"}',
        },
        { type: 'function_call_output', call_id: 'call_9', output: 'Plums, flour, butter.' },
      ],
    },
    said: ['You are the kitchen helper.', 'Find the plum cake recipe.', 'plum cake', 'Plums, flour, butter.'],
    hasResponse: true,
  },
  {
    name: 'embeddings',
    path: '/v1/embeddings',
    body: { model: 'house-embedding', input: ['plum cake', 'apple pie'] },
    said: ['plum cake', 'apple pie'],
    hasResponse: false,
  },
  {
    name: 'completions',
    path: '/v1/completions',
    body: { model: 'house-completion', prompt: 'Once upon a plum tree' },
    said: ['Once upon a plum tree'],
    hasResponse: true,
  },
  {
    name: 'a user and a session of a coding agent',
    path: '/v1/messages',
    headers: { 'x-claude-code-session-id': 'agent-session-3' },
    body: {
      model: 'house-claude',
      max_tokens: 100,
      metadata: { user_id: 'ada' },
      messages: [{ role: 'user', content: 'Find the plum cake recipe.' }],
    },
    said: ['Find the plum cake recipe.'],
    hasResponse: true,
  },
  {
    name: 'a user named by a header',
    path: '/v1/chat/completions',
    headers: { 'x-litellm-end-user-id': 'ada', 'x-litellm-trace-id': 'trace-invented-5' },
    body: { model: 'house-model', messages: [{ role: 'user', content: 'Find the plum cake recipe.' }] },
    said: ['Find the plum cake recipe.'],
    hasResponse: true,
  },
  {
    name: 'a session in the metadata',
    path: '/v1/responses',
    body: {
      model: 'house-model',
      user: 'ada',
      litellm_metadata: { session_id: 'session-invented-9' },
      input: 'Find the plum cake recipe.',
    },
    said: ['Find the plum cake recipe.'],
    hasResponse: true,
  },
];

const aktoOfEvery: Difference[] = [
  {
    path: 'query.ingest_data',
    why: 'the check only judges; the whole call is recorded in one when it is over',
  },
  { path: 'body.time', why: 'the clock' },
  { path: 'body.ip', why: "LiteLLM does not tell a guardrail the client's address" },
  { path: 'body.requestHeaders.x-notes', why: 'LiteLLM forwards only allowlisted values', cases: ['chat'] },
  { path: 'body.requestHeaders.accept-language', why: 'LiteLLM forwards only allowlisted values' },
  { path: 'body.requestHeaders.sec-fetch-mode', why: 'LiteLLM forwards only allowlisted values' },
  {
    path: 'body.requestHeaders.x-claude-code-session-id',
    why: 'LiteLLM forwards only allowlisted values; its session still arrives as the trace id',
    cases: ['a user and a session of a coding agent'],
  },
  {
    path: 'body.requestHeaders.x-akto-installer-akto_session_id',
    why: 'LiteLLM does not show a guardrail the metadata of a request; the trace id stands in',
    cases: ['a session in the metadata'],
  },
  {
    path: 'body.path',
    why: 'LiteLLM does not tell a guardrail the route',
    cases: cases.filter(({ path }) => path !== '/v1/chat/completions').map(({ name }) => name),
  },
  {
    path: 'body.requestPayload.body.messages.0.content',
    why: 'Akto judges only plain strings, so parts are joined',
    cases: ['chat with parts'],
  },
  {
    path: 'body.requestPayload.body.tools',
    why: "violations hide behind tools; Akto's newer hook drops them from the checked copy too",
    cases: ['chat with tools'],
  },
  {
    path: 'body.requestPayload.body.messages',
    why: 'the guardrail sees the conversation in chat form, with the tool calls and results as messages of their own',
    cases: ['messages'],
  },
  {
    path: 'body.requestPayload.body.messages',
    why: 'parts are joined, and LiteLLM drops the index of a tool call it converted',
    cases: ['responses'],
  },
];

/** Of a request check and of a response check of Akto. */
export const aktoDifferences: Record<'request' | 'response', Difference[]> = {
  request: aktoOfEvery,
  response: [
    ...aktoOfEvery,
    {
      path: 'body.requestPayload.body.tool_calls',
      why: 'the request is repeated as it was checked, where LiteLLM lists the tool calls of the history',
      cases: ['chat with tools', 'messages'],
    },
    {
      path: 'body.requestPayload.body.messages',
      why: 'the request is repeated as it was checked; their response check leaves out prompts and instructions',
      cases: ['completions'],
    },
    ...['id', 'created', 'model', 'object', 'system_fingerprint', 'usage', 'moderation', 'service_tier'].map(
      (field): Difference => ({
        path: `body.responsePayload.body.${field}`,
        isOptional: ['moderation', 'service_tier'].includes(field),
        why: 'a guardrail is told the texts and tool calls of a response, not the response around them',
      }),
    ),
    ...['finish_reason', 'index', 'provider_specific_fields'].map(
      (field): Difference => ({
        path: `body.responsePayload.body.choices.0.${field}`,
        why: 'a guardrail is told the texts and tool calls of a response, not the response around them',
      }),
    ),
    ...['function_call', 'provider_specific_fields'].map(
      (field): Difference => ({
        path: `body.responsePayload.body.choices.0.message.${field}`,
        isOptional: field === 'provider_specific_fields',
        why: 'a guardrail is told the texts and tool calls of a response, not the response around them',
      }),
    ),
    {
      path: 'body.responsePayload.body.choices.0.message.tool_calls',
      why: 'null is left out',
      cases: ['chat', 'chat with parts', 'a user named by a header'],
    },
    {
      path: 'body.responsePayload.body.choices.0.message.content',
      why: 'the arguments are repeated as content, since Akto judges only content',
      cases: ['chat with tools'],
    },
    {
      path: 'body.responsePayload.body',
      why: 'the response is rebuilt in chat form from its texts',
      cases: cases.filter(({ path }) => !path.includes('chat')).map(({ name }) => name),
    },
  ],
};

/** Of the hook before a call of Capsule. */
export const capsuleDifferences: Difference[] = [
  {
    path: 'body.sessionId',
    why: 'LiteLLM shows a guardrail only x-litellm-session-id and x-litellm-trace-id',
    cases: ['a user and a session of a coding agent', 'a session in the metadata'],
  },
  {
    path: 'body.user',
    why: "their plugin reads the body's user only; LiteLLM tells a guardrail the end user wherever it was named",
    cases: ['a user and a session of a coding agent', 'a user named by a header'],
  },
];
