import type { Difference } from './differences.ts';
import type { ModelResponse } from './provider.ts';

/** A call of which the vendors' own code and the bridge tell. */
export interface ParityCase {
  name: string;
  path: string;
  body: Record<string, unknown>;
  headers?: Record<string, string>;
  /** Response of the model to the n-th attempt, from 1. */
  response?(attempt: number): ModelResponse;
  /** Number of records that the vendors' own code makes of it; the bridge makes one. */
  theirs: { 'pre-log': number; log: number; capsule: number };
}

const prompt = 'How long does a plum cake bake?';
const chat = (more: Record<string, unknown> = {}) => ({
  path: '/v1/chat/completions',
  body: { model: 'house-model', messages: [{ role: 'user', content: prompt }], ...more },
});
const messages = (more: Record<string, unknown> = {}) => ({
  path: '/v1/messages',
  body: { model: 'house-claude', max_tokens: 100, messages: [{ role: 'user', content: prompt }], ...more },
});

/** Its check before the call, and its request and its response after it. */
const withResponse = { 'pre-log': 3, log: 2, capsule: 1 };
/** It logs successes alone: the check is all there is. */
const withoutResponse = { 'pre-log': 1, log: 0, capsule: 1 };

const lookUp = { name: 'look_up_recipe', parameters: { type: 'object', properties: {} } };

export const cases: ParityCase[] = [
  {
    name: 'a success',
    ...chat({ user: 'ada' }),
    headers: { 'x-litellm-session-id': 'session-invented-7', 'x-kitchen': 'north' },
    theirs: withResponse,
  },
  { name: 'a stream', ...chat({ stream: true }), theirs: withResponse },
  {
    name: 'tools',
    ...chat({ tools: [{ type: 'function', function: lookUp }] }),
    response: () => ({ toolCalls: [{ name: 'look_up_recipe', arguments: '{}' }] }),
    theirs: withResponse,
  },
  {
    name: 'messages',
    ...messages(),
    headers: { 'x-claude-code-session-id': 'agent-session-3' },
    theirs: withResponse,
  },
  { name: 'streamed messages', ...messages({ stream: true }), theirs: withResponse },
  {
    name: 'responses',
    path: '/v1/responses',
    body: { model: 'house-model', input: prompt },
    theirs: withResponse,
  },
  {
    name: 'a completion',
    path: '/v1/completions',
    body: { model: 'house-completion', prompt },
    theirs: { ...withResponse, 'pre-log': 2, log: 1 },
  },
  {
    name: 'embeddings',
    path: '/v1/embeddings',
    body: { model: 'house-embedding', input: [prompt] },
    theirs: withoutResponse,
  },
  { name: 'an error of the provider', ...chat(), response: () => ({ status: 400 }), theirs: withoutResponse },
  {
    name: 'a retry, then success',
    ...chat(),
    response: (attempt) => (attempt === 1 ? { status: 500 } : {}),
    theirs: { ...withResponse, capsule: 2 },
  },
  {
    name: 'a blocked request',
    ...chat({ messages: [{ role: 'user', content: 'Peel a turnip.' }] }),
    theirs: withoutResponse,
  },
  {
    name: 'a blocked response',
    ...chat(),
    response: () => ({ text: 'Peel a turnip.' }),
    theirs: withoutResponse,
  },
];

const successes = cases.filter(({ theirs }) => theirs.log > 0).map(({ name }) => name);
const blocked = ['a blocked request', 'a blocked response'];
/** Calls of which LiteLLM logs no headers but `x-*`. */
const headerless = ['messages', 'streamed messages', 'responses'];
const logged = [...successes, 'embeddings', 'an error of the provider'];

/** `tag` and `metadata` are the same. */
const inTags = (field: string, why: string, of?: string[]): Difference[] =>
  ['tag', 'metadata'].map((place) => ({ path: `body.${place}.${field}`, why, ...(of && { cases: of }) }));

export const aktoDifferences: Difference[] = [
  { path: 'body.time', why: 'when the call began, where theirs is when the envelope was built' },
  ...inTags('litellm', "as Akto's own hook tells it"),
  ...inTags('model', "as Akto's own hook tells it"),
  ...inTags('litellm_call_id', "as Akto's own hook tells it"),
  ...inTags('call_type', "as Akto's own hook tells it; of a block LiteLLM told none yet", logged),
  ...inTags('record_id', 'the same in every attempt to deliver it'),
  ...inTags('outcome', 'how the call ended'),
  ...inTags('guardrail', 'what the bridge said about the call'),
  ...inTags('ref', 'what the caller was told to ask about', blocked),
  ...inTags('erased', 'what was taken out of the event', logged),
  {
    path: 'body.requestPayload.body.model',
    why: 'as the client named it, where theirs is what the provider calls it',
    cases: successes,
  },
  {
    path: 'body.requestHeaders.x-akto-installer-akto_session_id',
    why: 'where the client gave no session, the one that the check of the call was sent under',
    cases: successes.filter((name) => !['a success', 'messages'].includes(name)),
  },
  ...['accept', 'accept-encoding', 'connection', 'content-length', 'host', 'user-agent'].map((name) => ({
    path: `body.requestHeaders.${name}`,
    why: 'LiteLLM logs no headers of this endpoint but the own ones of its clients',
    cases: headerless,
  })),
  ...['accept-language', 'sec-fetch-mode'].map((name) => ({
    path: `body.requestHeaders.${name}`,
    why: 'neither in the events of this endpoint nor among what a guardrail is shown',
    cases: [...headerless, ...blocked],
  })),
  { path: 'body.ip', why: 'a guardrail is not told where a client is', cases: blocked },
  ...['status', 'statusCode'].map((field) => ({
    path: `body.${field}`,
    why: 'how the call ended, where theirs is the check before it',
    cases: ['an error of the provider', ...blocked],
  })),
  ...['body.responseHeaders', 'body.responsePayload'].map((path) => ({
    path,
    why: 'the ending of the call, where theirs is the check before it',
    cases: ['embeddings', 'an error of the provider', ...blocked],
  })),
  {
    path: 'body.responsePayload.body.usage',
    why: 'LiteLLM logs the usage of responses under both of its names',
    cases: ['responses'],
  },
];

export const capsuleDifferences: Difference[] = [
  {
    path: 'body.durationMs',
    why: 'of a blocked call the verdict is all that took time so far',
    cases: blocked,
  },
];
