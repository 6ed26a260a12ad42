import { setTimeout as sleep } from 'node:timers/promises';
import { MARK } from './coverage-world.ts';
import type { ModelResponse, Provider } from './provider.ts';
import { masterKey } from './proxy.ts';

/** The answer to a client of the proxy: 101 for a WebSocket, with all that came through it. */
export interface Answer {
  status: number;
  raw: string;
}

/** Sends a text through an endpoint of the proxy at this address. */
export type Probe = (proxyUrl: string, text: string) => Promise<Answer>;

const auth = { authorization: `Bearer ${masterKey}` };

async function fetched(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', ...init, signal: AbortSignal.timeout(30_000) });
  return { status: response.status, raw: await response.text() };
}

const json =
  (path: string, body: (text: string) => object): Probe =>
  (proxyUrl, text) =>
    fetched(`${proxyUrl}${path}`, {
      headers: { ...auth, 'content-type': 'application/json' },
      body: JSON.stringify(body(text)),
    });

const form =
  (path: string, fields: (text: string) => Record<string, string | File>): Probe =>
  (proxyUrl, text) => {
    const data = new FormData();
    for (const [name, value] of Object.entries(fields(text))) data.append(name, value);
    return fetched(`${proxyUrl}${path}`, { headers: auth, body: data });
  };

const user = (text: string) => [{ role: 'user', content: text }];
const chat = (text: string) => ({ model: 'house-model', messages: user(text) });
const messages = (text: string) => ({ model: 'house-claude', max_tokens: 99, messages: user(text) });
const responses = (text: string) => ({ model: 'house-model', input: text });
const completions = (text: string) => ({ model: 'house-completion', prompt: text });
const gemini = (text: string) => ({ contents: [{ role: 'user', parts: [{ text }] }] });
const agent = (method: string) => (text: string) => ({
  ...{ jsonrpc: '2.0', id: '1', method },
  params: { message: { role: 'user', kind: 'message', messageId: 'm1', parts: [{ kind: 'text', text }] } },
});
const streamed = (body: (text: string) => object) => (text: string) => ({ ...body(text), stream: true });
const sound = new File(['invented'], 'a.mp3', { type: 'audio/mpeg' });
const picture = new File(['invented'], 'a.png', { type: 'image/png' });

/** A file of a batch with one record. */
const batch = (url: string, body: (text: string) => object) =>
  form('/v1/files', (text) => ({
    purpose: 'batch',
    custom_llm_provider: 'openai',
    file: new File(
      [`${JSON.stringify({ custom_id: '1', method: 'POST', url, body: body(text) })}\n`],
      'batch.jsonl',
    ),
  }));

/** The probes by the name that an endpoint has in the table; `stream` where its response can be one. */
export const probes: Record<string, { plain: Probe; stream?: Probe }> = {
  '/v1/chat/completions': {
    plain: json('/v1/chat/completions', chat),
    stream: json('/v1/chat/completions', streamed(chat)),
  },
  '/v1/messages': { plain: json('/v1/messages', messages), stream: json('/v1/messages', streamed(messages)) },
  '/v1/responses': {
    plain: json('/v1/responses', responses),
    stream: json('/v1/responses', streamed(responses)),
  },
  '/v1/completions': {
    plain: json('/v1/completions', completions),
    stream: json('/v1/completions', streamed(completions)),
  },
  '/v1/embeddings': {
    plain: json('/v1/embeddings', (text) => ({ model: 'house-embedding', input: [text] })),
  },
  'Gemini `generateContent`': {
    plain: json('/v1beta/models/house-gemini:generateContent', gemini),
    stream: json('/v1beta/models/house-gemini:streamGenerateContent?alt=sse', gemini),
  },
  '/v1/images/generations': {
    plain: json('/v1/images/generations', (prompt) => ({ model: 'house-image', prompt })),
  },
  '/v1/images/edits': {
    plain: form('/v1/images/edits', (prompt) => ({ model: 'house-image', prompt, image: picture })),
  },
  '/v1/videos': { plain: form('/v1/videos', (prompt) => ({ model: 'house-video', prompt })) },
  '/v1/rerank': {
    plain: json('/v1/rerank', (query) => ({ model: 'house-rerank', query, documents: ['A pear.'] })),
  },
  '/v1/audio/speech': {
    plain: json('/v1/audio/speech', (input) => ({ model: 'house-speech', voice: 'alloy', input })),
  },
  '/v1/audio/transcriptions': {
    plain: form('/v1/audio/transcriptions', (prompt) => ({ model: 'house-whisper', prompt, file: sound })),
  },
  '/v1/ocr': {
    plain: json('/v1/ocr', (text) => ({
      model: 'house-ocr',
      document: { type: 'document_url', document_url: `https://pears.example/${encodeURIComponent(text)}` },
    })),
  },
  'pass-through routes': {
    plain: json('/house-pass', (q) => ({ q, model: 'pear' })),
    stream: json('/house-pass-chat', streamed(chat)),
  },
  'realtime sessions': { plain: realtime },
  'batch file of chats': { plain: batch('/v1/chat/completions', chat) },
  'batch file of embeddings or completions': {
    plain: batch('/v1/embeddings', (input) => ({ model: 'house-embedding', input })),
  },
  '/guardrails/apply_guardrail': {
    plain: json('/guardrails/apply_guardrail', (text) => ({ guardrail_name: 'coverage-pre', text })),
  },
  '/v1/moderations': { plain: json('/v1/moderations', (input) => ({ model: 'house-moderation', input })) },
  '/v1/vector_stores/{id}/search': { plain: json('/v1/vector_stores/vs_1/search', (query) => ({ query })) },
  '/v1/messages/count_tokens': {
    plain: json('/v1/messages/count_tokens', (text) => ({ model: 'house-claude', messages: user(text) })),
  },
  'A2A agents': { plain: json('/a2a/house-agent', agent('message/send')) },
};

/** One item of text in a session, and what the model says to it. */
async function realtime(proxyUrl: string, text: string): Promise<Answer> {
  const url = `${proxyUrl.replace('http', 'ws')}/v1/realtime?model=house-realtime`;
  const socket = new WebSocket(url, ['realtime', `openai-insecure-api-key.${masterKey}`]);
  socket.binaryType = 'arraybuffer'; // 1.83.14 sends its events so
  const heard: string[] = [];
  const until = async (done: () => boolean) => {
    for (let tries = 0; tries < 60 && !done(); tries++) await sleep(50);
  };
  let isClosed = false;
  socket.addEventListener('message', ({ data }) =>
    heard.push(typeof data === 'string' ? data : Buffer.from(data).toString()),
  );
  socket.addEventListener('close', () => (isClosed = true));
  socket.addEventListener('error', () => (isClosed = true));
  const hears = (type: string) => () => isClosed || heard.some((event) => event.includes(type));
  await until(hears('session.created'));
  const content = [{ type: 'input_text', text }];
  const item = { type: 'message', role: 'user', content };
  if (!isClosed) socket.send(JSON.stringify({ type: 'conversation.item.create', item }));
  await sleep(300);
  if (!isClosed) socket.send(JSON.stringify({ type: 'response.create' }));
  await until(() => hears('response.done')() || hears('"error"')());
  socket.close();
  return { status: 101, raw: heard.join('\n') };
}

/** Begins a response of the model in which the mark comes early, in one chunk, and {@link END} last. */
export const markedResponse = (): ModelResponse => ({
  chunks: [`${MARK} `, ...Array.from({ length: 30 }, (_, index) => `pear ${index} `), END],
});
export const END = 'the-end';

/** Everything that reached the provider, as text. */
export const receivedBy = (provider: Provider): string => JSON.stringify(provider.calls);
