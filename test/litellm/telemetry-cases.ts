import { expect } from 'vitest';
import { address, forbidden, masked, reason } from './fake-akto.ts';
import type { ModelResponse } from './provider.ts';
import type { Trait } from './release.ts';

/** A word that Capsule denies; invented. */
export const denied = 'parsnip';
export const plainResponse = 'A kettle boils water.';
export const recipe = `Boil the potatoes and peel the carrots, then chop one ${forbidden} into the soup and let it stand until the bell rings.`;

/** A call of a client, and the one record that has to come of it. */
export interface TelemetryCase {
  name: string;
  path: string;
  body(prompt: string): Record<string, unknown>;
  /** Added to the words that tell this call from others. */
  says?: string;
  /** Response of the model to the n-th attempt, from 1. */
  response?(attempt: number): ModelResponse;
  during?: boolean;
  /** Sends the same before, without a guardrail, so that a cache can have the response. */
  isCached?: boolean;
  /** LiteLLM logs it while the response is still judged: that verdict may come too late for the record. */
  isLoggedEarly?: boolean;
  /** Is so with releases that cannot do that yet. */
  isLoggedEarlyBefore?: Trait;
  record: CaseRecord;
}

export interface CaseRecord {
  /** The model as Akto was told it, by default as the client named it. */
  model?: string | undefined;
  /** Facts about the caller's key that Akto was told, all by default. */
  identity?: Record<string, string>;
  status: string;
  /** In the body of Akto's copy of the response. */
  response: unknown;
  /** Guardrail calls that the bridge got. */
  judged: ('request' | 'response')[];
  /** True if Capsule was told of a success, false of a failure, null of nothing. */
  capsule: boolean | null;
  /** The last words of the request, where a vendor changed them. */
  said?: string;
}

export const chat = (more: Record<string, unknown> = {}) => ({
  path: '/v1/chat/completions',
  body: (content: string) => ({ model: 'house-model', messages: [{ role: 'user', content }], ...more }),
});
export const messages = (more: Record<string, unknown> = {}) => ({
  path: '/v1/messages',
  body: (content: string) => ({
    model: 'house-claude',
    max_tokens: 100,
    messages: [{ role: 'user', content }],
    ...more,
  }),
});
export const responses = (more: Record<string, unknown> = {}) => ({
  path: '/v1/responses',
  body: (input: string) => ({ model: 'house-model', input, ...more }),
});
export const embeddings = {
  path: '/v1/embeddings',
  body: (text: string) => ({ model: 'house-embedding', input: [text] }),
};
const completions = {
  path: '/v1/completions',
  body: (prompt: string) => ({ model: 'house-completion', prompt }),
};
const stream = { stream: true };

const holds = (text: string): unknown => expect.stringContaining(text);
const chatted = (text: string) => ({ choices: [{ message: { content: text } }] });
const both: CaseRecord['judged'] = ['request', 'response'];
const success: CaseRecord = { status: '200', response: chatted(plainResponse), judged: both, capsule: true };
const failure = (status: string): CaseRecord => ({
  status,
  response: { error: { code: Number(status), message: holds('The invented oven is cold.') } },
  judged: ['request'],
  capsule: false,
});
const blocked = (judged: CaseRecord['judged']): CaseRecord => ({
  status: '403',
  response: { 'x-blocked-by': 'Akto Proxy', reason },
  judged,
  capsule: false,
});
/** At its first attempts, or always. */
const fails = (status: number, attempts = Number.POSITIVE_INFINITY) => ({
  response: (attempt: number): ModelResponse => (attempt <= attempts ? { status } : {}),
});
const saysForbidden = { response: (): ModelResponse => ({ text: recipe, chunkSize: 8 }) };
const cached = { cache: { 'use-cache': true } };

const responded = { output: [{ content: [{ text: plainResponse }] }] };

/** Each is sent through a bridge that judges and records. */
export const judgedCases: TelemetryCase[] = [
  { name: 'a success', ...chat(), record: success },
  {
    name: 'a stream',
    ...chat(stream),
    record: { ...success, response: chatted(expect.any(String) as string) },
  },
  {
    name: 'messages',
    ...messages(),
    record: { ...success, response: chatted(plainResponse) },
  },
  {
    name: 'streamed messages',
    ...messages(stream),
    isLoggedEarlyBefore: 'logs streams that are judged',
    record: { ...success, response: chatted(plainResponse) },
  },
  { name: 'responses', ...responses(), record: { ...success, response: responded } },
  {
    name: 'streamed responses',
    ...responses(stream),
    isLoggedEarlyBefore: 'logs streams that are judged',
    record: { ...success, response: responded },
  },
  {
    name: 'a completion',
    ...completions,
    record: { ...success, response: { choices: [{ text: plainResponse }] } },
  },
  {
    name: 'embeddings',
    ...embeddings,
    record: { ...success, response: { data: [{ object: 'embedding' }] }, judged: ['request'] },
  },
  { name: 'an error of the provider', ...chat(), ...fails(400), record: failure('400') },
  { name: 'a stream that fails at once', ...chat(stream), ...fails(400), record: failure('400') },
  {
    name: 'messages that fail',
    ...messages(),
    ...fails(400),
    record: failure('400'),
  },
  { name: 'a retry, then success', ...chat(), ...fails(500, 1), record: success },
  {
    name: 'a streamed retry, then success',
    ...chat(stream),
    ...fails(500, 1),
    record: { ...success, response: chatted(expect.any(String) as string) },
  },
  {
    name: 'a fallback',
    ...chat({ model: 'falling-model' }),
    ...fails(500, 2),
    record: { ...success, model: 'house-model' },
  },
  { name: 'retries that all fail', ...chat(), ...fails(500), record: failure('500') },
  { name: 'a cache hit', ...chat(cached), isCached: true, isLoggedEarly: true, record: success },
  {
    name: 'a cache hit that Akto blocks',
    ...chat(cached),
    isCached: true,
    response: () => ({ text: `Slowly chop one ${forbidden}.` }),
    record: blocked(both),
  },
  {
    name: 'a redacted request',
    ...chat(),
    says: `for ${address}`,
    record: { ...success, said: `for ${masked}` },
  },
  { name: 'a request that Akto blocks', ...chat(), says: forbidden, record: blocked(['request']) },
  {
    name: 'messages that Akto blocks',
    ...messages(stream),
    says: forbidden,
    record: blocked(['request']),
  },
  {
    name: 'a request that Capsule blocks',
    ...chat(),
    says: denied,
    record: {
      ...blocked(['request']),
      response: { 'x-blocked-by': 'Akto Proxy', reason: 'invented' },
      capsule: null,
    },
  },
  { name: 'a response that Akto blocks', ...chat(), ...saysForbidden, record: blocked(both) },
  {
    name: 'a response that Akto blocks slowly',
    ...chat(),
    response: () => ({ text: `Slowly chop one ${forbidden}.` }),
    record: blocked(both),
  },
  { name: 'a streamed response that Akto blocks', ...chat(stream), ...saysForbidden, record: blocked(both) },
  {
    name: 'streamed messages that Akto blocks',
    ...messages(stream),
    ...saysForbidden,
    record: blocked(both),
  },
  {
    name: 'a response after a retry that Akto blocks',
    ...chat(),
    response: (attempt) => (attempt === 1 ? { status: 500 } : { text: recipe }),
    record: blocked(both),
  },
  {
    name: 'a request that is blocked during the call',
    ...chat(),
    during: true,
    says: forbidden,
    record: blocked(['request']),
  },
];

const anything: CaseRecord = { ...success, response: expect.anything(), judged: [] };

/** Sent without a guardrail. */
export const unjudgedCases: TelemetryCase[] = [
  { name: 'a success', ...chat(), record: anything },
  { name: 'a stream', ...chat(stream), record: anything },
  { name: 'messages', ...messages(), record: anything },
  { name: 'responses', ...responses(), record: anything },
  { name: 'embeddings', ...embeddings, record: anything },
  { name: 'a retry, then success', ...chat(), ...fails(500, 1), record: anything },
  { name: 'an error of the provider', ...chat(), ...fails(400), record: { ...failure('400'), judged: [] } },
];

/** Calls for an Akto that only observes. */
export const observedCases: TelemetryCase[] = [
  { name: 'a success', ...chat(), record: success },
  { name: 'a request that it would block', ...chat(), says: forbidden, record: success },
];
