/** An endpoint of the proxy that clients use, the form of its requests, and its use of guardrails. */
export interface Endpoint {
  name: string;
  path: string;
  /** The body of an ordinary request with this prompt. */
  ask(prompt: string): Record<string, unknown>;
  /** How it words an error to clients since it types its errors. */
  errors: 'openai' | 'anthropic' | 'plain';
  /** True where LiteLLM calls a guardrail: for the request, for a plain response, for a streamed one. */
  judged: { request: boolean; response: boolean; stream: boolean };
}

const all = { request: true, response: true, stream: true };

export const endpoints: Endpoint[] = [
  {
    name: '/v1/chat/completions',
    path: '/v1/chat/completions',
    ask: (prompt) => ({ model: 'house-model', messages: [{ role: 'user', content: prompt }] }),
    errors: 'openai',
    judged: all,
  },
  {
    name: '/v1/chat/completions of an Anthropic model',
    path: '/v1/chat/completions',
    ask: (prompt) => ({ model: 'house-claude', messages: [{ role: 'user', content: prompt }] }),
    errors: 'openai',
    judged: all,
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
    judged: all,
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
    judged: all,
  },
  {
    name: '/v1/responses',
    path: '/v1/responses',
    ask: (prompt) => ({ model: 'house-model', input: prompt }),
    errors: 'openai',
    judged: all,
  },
  {
    name: '/v1/completions',
    path: '/v1/completions',
    ask: (prompt) => ({ model: 'house-completion', prompt }),
    errors: 'plain',
    judged: all, // a stream at its end, and by no release before 1.109: there it goes round every post_call guardrail
  },
  {
    name: '/v1/embeddings',
    path: '/v1/embeddings',
    ask: (prompt) => ({ model: 'house-embedding', input: [prompt] }),
    errors: 'openai',
    judged: { request: true, response: false, stream: false },
  },
];

export const [chat, , messages, , responses, completions] = endpoints as [
  Endpoint,
  Endpoint,
  Endpoint,
  Endpoint,
  Endpoint,
  Endpoint,
];
