/** An endpoint of the proxy that clients use, with how to ask it and what it does with a guardrail. */
export interface Endpoint {
  name: string;
  path: string;
  /** The body of an ordinary request with this prompt. */
  ask(prompt: string): Record<string, unknown>;
  /** How it words an error to clients in the newest release. */
  errors: 'openai' | 'anthropic' | 'plain';
  /** Whether the releases call a guardrail for the request and for the answer, plain and streamed. */
  judged: Record<'newest' | 'old', { request: boolean; answer: boolean; stream: boolean }>;
}

const all = { request: true, answer: true, stream: true };

export const endpoints: Endpoint[] = [
  {
    name: '/v1/chat/completions',
    path: '/v1/chat/completions',
    ask: (prompt) => ({ model: 'house-model', messages: [{ role: 'user', content: prompt }] }),
    errors: 'openai',
    judged: { newest: all, old: all },
  },
  {
    name: '/v1/chat/completions of an Anthropic model',
    path: '/v1/chat/completions',
    ask: (prompt) => ({ model: 'house-claude', messages: [{ role: 'user', content: prompt }] }),
    errors: 'openai',
    judged: { newest: all, old: all },
  },
  {
    name: '/v1/messages',
    path: '/v1/messages',
    ask: (prompt) => ({
      model: 'house-claude',
      max_tokens: 100,
      messages: [{ role: 'user', content: prompt }],
    }),
    errors: 'anthropic',
    judged: { newest: all, old: all },
  },
  {
    name: '/v1/messages of an OpenAI model',
    path: '/v1/messages',
    ask: (prompt) => ({
      model: 'house-model',
      max_tokens: 100,
      messages: [{ role: 'user', content: prompt }],
    }),
    errors: 'anthropic',
    judged: { newest: all, old: { request: true, answer: false, stream: true } },
  },
  {
    name: '/v1/responses',
    path: '/v1/responses',
    ask: (prompt) => ({ model: 'house-model', input: prompt }),
    errors: 'openai',
    judged: { newest: all, old: all },
  },
  {
    name: '/v1/completions',
    path: '/v1/completions',
    ask: (prompt) => ({ model: 'house-completion', prompt }),
    errors: 'plain',
    // no release judges a streamed text completion: a way round every post_call guardrail
    judged: {
      newest: { request: true, answer: true, stream: false },
      old: { request: true, answer: true, stream: false },
    },
  },
  {
    name: '/v1/embeddings',
    path: '/v1/embeddings',
    ask: (prompt) => ({ model: 'house-embedding', input: [prompt] }),
    errors: 'openai',
    judged: {
      newest: { request: true, answer: false, stream: false },
      old: { request: false, answer: false, stream: false },
    },
  },
];

export const [chat, , messages, , responses] = endpoints as [
  Endpoint,
  Endpoint,
  Endpoint,
  Endpoint,
  Endpoint,
];
