import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { geminiReply, otherReply } from './provider-media.ts';
import { acceptWebSocket } from './web-socket.ts';

/** The next response of the fake model. `chunkSize` is in characters, `chunkDelayMs` lies between two chunks. */
export interface ModelResponse {
  text?: string;
  toolCalls?: { name: string; arguments: string }[];
  /** A web search of the provider in the middle of the text; on streams of `/v1/messages` alone. */
  search?: { query: string; results: { title: string; url: string }[] };
  /** Thoughts of the model before it spoke; not on streams. */
  reasoning?: string;
  /** Further fields of the message of a chat, or of the text of `/v1/responses`; not on streams. */
  more?: Record<string, unknown>;
  chunkSize?: number;
  chunkDelayMs?: number;
  /** The very chunks a stream of `text` is cut into, in place of `chunkSize`. */
  chunks?: string[];
  /** Texts of further choices of a chat response; on streams their chunks alternate with those of the first. */
  others?: string[];
  /** Resolves when the chunk with this number, from 0, may be sent. */
  beforeChunk?: (index: number) => Promise<void>;
  /** Makes the id of the response one of its own. */
  id?: string;
  /** Refuses with this status instead. */
  status?: number;
}

export interface ProviderCall {
  path: string;
  body: Record<string, unknown>;
}

export interface Provider {
  url: string;
  /** All calls to the model provider since the last `reset`. */
  calls: ProviderCall[];
  response: ModelResponse;
  /** Decides by the request where `response` is not for all of them. */
  respondTo: ((body: Record<string, unknown>) => ModelResponse) | undefined;
  /** Characters of response text sent on streams since the last `reset`. */
  streamedCharacters: number;
  reset(response?: ModelResponse): void;
  close(): Promise<void>;
}

const created = 1_780_000_000;
const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
const responsesUsage = {
  input_tokens: 11,
  output_tokens: 7,
  total_tokens: 18,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens_details: { reasoning_tokens: 0 },
};

/** An OpenAI-compatible and Anthropic-compatible model provider that responds as the test tells it. */
export async function startProvider(): Promise<Provider> {
  const server = createServer((request, outgoing) => {
    handle(provider, request, outgoing).catch((error: unknown) => {
      if (!outgoing.headersSent) outgoing.writeHead(500);
      outgoing.end(String(error));
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    const client = acceptWebSocket(request, socket, (text) => {
      provider.calls.push({ path: '/realtime', body: JSON.parse(text) as Record<string, unknown> });
      if (text.includes('"response.create"')) {
        client.send(JSON.stringify({ type: 'response.text.delta', delta: textOf(provider.response) }));
        client.send(JSON.stringify({ type: 'response.done', response: { id: 'r', output: [], usage: {} } }));
      }
    });
    client.send(
      JSON.stringify({ type: 'session.created', session: { id: 'sess_invented', type: 'realtime' } }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const provider: Provider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    response: {},
    respondTo: undefined,
    streamedCharacters: 0,
    reset(response = {}) {
      provider.calls = [];
      provider.response = response;
      provider.streamedCharacters = 0;
    },
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
  return provider;
}

async function handle(provider: Provider, request: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const path = new URL(request.url ?? '/', provider.url).pathname;
  if (request.method === 'GET') return void outgoing.writeHead(404).end(); // LiteLLM asks for models when it starts
  const raw = Buffer.concat(parts).toString('utf8');
  const isJson = raw !== '' && !request.headers['content-type']?.startsWith('multipart/');
  const body = (isJson ? JSON.parse(raw) : { raw }) as Record<string, unknown>;
  provider.calls.push({ path, body });
  const route = path.replace(/^\/v1/, '');
  const response = provider.respondTo?.(body) ?? provider.response;
  const model = String(body.model ?? 'fake-model');
  if (response.status !== undefined) {
    outgoing.writeHead(response.status, { 'content-type': 'application/json' });
    const error = { message: 'The invented oven is cold.', type: 'invented_error', code: null, param: null };
    outgoing.end(JSON.stringify({ error }));
    return;
  }
  if (body.stream === true) {
    const frames = streams[route]?.(model, response);
    if (frames) return send(provider, outgoing, response, frames);
  }
  if (route === '/audio/speech') {
    outgoing.writeHead(200, { 'content-type': 'audio/mpeg' });
    outgoing.end('invented sound');
    return;
  }
  if (path.endsWith(':streamGenerateContent'))
    return send(provider, outgoing, response, geminiStream(response));
  const reply = replies[route]?.(model, response, body) ?? otherReply(path, textOf(response), body);
  outgoing.writeHead(reply ? 200 : 404, { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify(reply ?? { error: { message: `no route ${path}` } }));
}

interface Frame {
  event?: string;
  data: unknown;
  text?: string;
}

async function send(
  provider: Provider,
  outgoing: ServerResponse,
  response: ModelResponse,
  frames: Frame[],
): Promise<void> {
  outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
  let chunks = 0;
  for (const frame of frames) {
    if (outgoing.destroyed) return;
    if (frame.text !== undefined) await response.beforeChunk?.(chunks++);
    const data = typeof frame.data === 'string' ? frame.data : JSON.stringify(frame.data);
    outgoing.write(`${frame.event ? `event: ${frame.event}\n` : ''}data: ${data}\n\n`); // one network chunk
    provider.streamedCharacters += frame.text?.length ?? 0;
    await sleep(response.chunkDelayMs ?? 5);
  }
  outgoing.end();
}

const textOf = (response: ModelResponse): string =>
  response.chunks?.join('') ?? response.text ?? (response.toolCalls ? '' : 'A kettle boils water.');
const callsOf = (response: ModelResponse) =>
  (response.toolCalls ?? []).map((call, index) => ({ id: `call_invented_${index + 1}`, ...call }));

function pieces(response: ModelResponse, text = textOf(response)): string[] {
  if (response.chunks !== undefined && text === textOf(response)) return response.chunks;
  const size = response.chunkSize ?? 4;
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  );
}

type Reply = (model: string, response: ModelResponse, body: Record<string, unknown>) => unknown;

const replies: Record<string, Reply> = {
  '/chat/completions': (model, response) => ({
    id: `chatcmpl-${response.id ?? 'invented'}`,
    object: 'chat.completion',
    created,
    model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: textOf(response) || null,
          ...(response.reasoning ? { reasoning_content: response.reasoning } : {}),
          ...response.more,
          ...(response.toolCalls ? { tool_calls: callsOf(response).map(chatToolCall) } : {}),
        },
        finish_reason: response.toolCalls ? 'tool_calls' : 'stop',
      },
      ...(response.others ?? []).map((content, index) => ({
        index: index + 1,
        message: { role: 'assistant', content },
        finish_reason: 'stop',
      })),
    ],
    usage,
  }),
  '/completions': (model, response) => ({
    id: `cmpl-${response.id ?? 'invented'}`,
    object: 'text_completion',
    created,
    model,
    choices: [{ index: 0, text: textOf(response), finish_reason: 'stop', logprobs: null }],
    usage,
  }),
  '/embeddings': (model, _response, body) => ({
    object: 'list',
    model,
    data: (Array.isArray(body.input) ? body.input : [body.input]).map((_, index) => ({
      object: 'embedding',
      index,
      embedding: [0.25, -0.5],
    })),
    usage: { prompt_tokens: 5, total_tokens: 5 },
  }),
  '/responses': (model, response) => responsesReply(model, response, 'completed'),
  '/messages': (model, response) => ({
    id: `msg_${response.id ?? 'invented'}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [
      ...(response.reasoning
        ? [{ type: 'thinking', thinking: response.reasoning, signature: 'invented' }]
        : []),
      ...(textOf(response) ? [{ type: 'text', text: textOf(response) }] : []),
      ...callsOf(response).map((call) => ({
        type: 'tool_use',
        id: call.id,
        name: call.name,
        input: JSON.parse(call.arguments),
      })),
    ],
    stop_reason: response.toolCalls ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 11, output_tokens: 7 },
  }),
};

const chatToolCall = (call: { id: string; name: string; arguments: string }) => ({
  id: call.id,
  type: 'function',
  function: { name: call.name, arguments: call.arguments },
});

function responsesOutput(response: ModelResponse): Record<string, unknown>[] {
  const text = textOf(response);
  const summary = [{ type: 'summary_text', text: response.reasoning }];
  return [
    ...(response.reasoning ? [{ type: 'reasoning', id: 'rs_invented', summary }] : []),
    ...(text
      ? [
          {
            type: 'message',
            id: 'msg_invented',
            status: 'completed',
            role: 'assistant',
            content: [{ type: 'output_text', text, annotations: [], ...response.more }],
          },
        ]
      : []),
    ...callsOf(response).map((call) => ({
      type: 'function_call',
      id: `fc_${call.id}`,
      call_id: call.id,
      name: call.name,
      arguments: call.arguments,
      status: 'completed',
    })),
  ];
}

function responsesReply(model: string, response: ModelResponse, status: 'completed' | 'in_progress') {
  const done = status === 'completed';
  return {
    id: `resp_${response.id ?? 'invented'}`,
    object: 'response',
    created_at: created,
    status,
    model,
    output: done ? responsesOutput(response) : [],
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    max_output_tokens: null,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    text: { format: { type: 'text' } },
    truncation: 'disabled',
    usage: done ? responsesUsage : null,
    user: null,
    store: true,
  };
}

function geminiStream(response: ModelResponse): Frame[] {
  const texts = pieces(response);
  return texts.map((text, index) => ({ data: geminiReply(text, index === texts.length - 1), text }));
}

/** The second and third block of a stream of `/v1/messages`: what is searched for, and what was found. */
function searchBlocks(
  { query, results }: NonNullable<ModelResponse['search']>,
  block: (index: number, content: Record<string, unknown>, deltas?: Frame[]) => Frame[],
  event: (type: string, fields: Record<string, unknown>) => Frame,
): Frame[] {
  const id = 'srvtoolu_invented_1';
  const partial_json = JSON.stringify({ query });
  const asked = event('content_block_delta', {
    index: 1,
    delta: { type: 'input_json_delta', partial_json },
  });
  const content = results.map((result) => ({
    type: 'web_search_result',
    ...result,
    encrypted_content: 'invented',
    page_age: null,
  }));
  return [
    ...block(1, { type: 'server_tool_use', id, name: 'web_search', input: {} }, [asked]),
    ...block(2, { type: 'web_search_tool_result', tool_use_id: id, content }),
  ];
}

const streams: Record<string, (model: string, response: ModelResponse) => Frame[]> = {
  '/chat/completions'(model, response) {
    const chunk = (
      delta: Record<string, unknown>,
      finish: string | null,
      text?: string,
      index = 0,
    ): Frame => ({
      data: {
        id: `chatcmpl-${response.id ?? 'invented'}`,
        object: 'chat.completion.chunk',
        created,
        model,
        choices: [{ index, delta, finish_reason: finish }],
      },
      ...(text === undefined ? {} : { text }),
    });
    const choices = [pieces(response), ...(response.others ?? []).map((text) => pieces(response, text))];
    const rounds = Math.max(...choices.map(({ length }) => length));
    return [
      chunk({ role: 'assistant', content: '' }, null),
      ...Array.from({ length: rounds }, (_, round) =>
        choices.flatMap((texts, index) => {
          const text = texts[round];
          return text === undefined ? [] : [chunk({ content: text }, null, text, index)];
        }),
      ).flat(),
      ...callsOf(response).flatMap((call, index) => {
        const half = Math.ceil(call.arguments.length / 2);
        return [
          chunk({ tool_calls: [{ index, ...chatToolCall({ ...call, arguments: '' }) }] }, null),
          chunk({ tool_calls: [{ index, function: { arguments: call.arguments.slice(0, half) } }] }, null),
          chunk({ tool_calls: [{ index, function: { arguments: call.arguments.slice(half) } }] }, null),
        ];
      }),
      chunk({}, response.toolCalls ? 'tool_calls' : 'stop'),
      ...choices.slice(1).map((_, index) => chunk({}, 'stop', undefined, index + 1)),
      { data: '[DONE]' },
    ];
  },
  '/completions'(model, response) {
    const chunk = (text: string, finish: string | null): Frame => ({
      data: {
        id: `cmpl-${response.id ?? 'invented'}`,
        object: 'text_completion',
        created,
        model,
        choices: [{ index: 0, text, finish_reason: finish, logprobs: null }],
      },
      text,
    });
    return [...pieces(response).map((text) => chunk(text, null)), chunk('', 'stop'), { data: '[DONE]' }];
  },
  '/responses'(model, response) {
    let sequence = 0;
    const event = (type: string, fields: Record<string, unknown>, text?: string): Frame => ({
      event: type,
      data: { type, sequence_number: sequence++, ...fields },
      ...(text === undefined ? {} : { text }),
    });
    const output = responsesOutput(response);
    return [
      event('response.created', { response: responsesReply(model, response, 'in_progress') }),
      event('response.in_progress', { response: responsesReply(model, response, 'in_progress') }),
      ...output.flatMap((item, index) => {
        const at = { output_index: index, item_id: item.id };
        if (item.type === 'function_call') {
          return [
            event('response.output_item.added', {
              output_index: index,
              item: { ...item, arguments: '', status: 'in_progress' },
            }),
            event('response.function_call_arguments.delta', { ...at, delta: item.arguments }),
            event('response.function_call_arguments.done', {
              ...at,
              name: item.name,
              arguments: item.arguments,
            }),
            event('response.output_item.done', { output_index: index, item }),
          ];
        }
        const part = { type: 'output_text', text: textOf(response), annotations: [], logprobs: [] };
        const inPart = { ...at, content_index: 0 };
        return [
          event('response.output_item.added', {
            output_index: index,
            item: { ...item, content: [], status: 'in_progress' },
          }),
          event('response.content_part.added', { ...inPart, part: { ...part, text: '' } }),
          ...pieces(response).map((text) =>
            event('response.output_text.delta', { ...inPart, delta: text, logprobs: [] }, text),
          ),
          event('response.output_text.done', { ...inPart, text: textOf(response), logprobs: [] }),
          event('response.content_part.done', { ...inPart, part }),
          event('response.output_item.done', { output_index: index, item }),
        ];
      }),
      event('response.completed', { response: responsesReply(model, response, 'completed') }),
    ];
  },
  '/messages'(model, response) {
    const event = (type: string, fields: Record<string, unknown>, text?: string): Frame => ({
      event: type,
      data: { type, ...fields },
      ...(text === undefined ? {} : { text }),
    });
    const text = textOf(response);
    const calls = callsOf(response);
    const block = (index: number, content_block: Record<string, unknown>, deltas: Frame[] = []): Frame[] => [
      event('content_block_start', { index, content_block }),
      ...deltas,
      event('content_block_stop', { index }),
    ];
    const textBlock = (index: number, parts: readonly string[]): Frame[] => {
      const delta = (piece: string) => ({ index, delta: { type: 'text_delta', text: piece } });
      const deltas = parts.map((piece) => event('content_block_delta', delta(piece), piece));
      return block(index, { type: 'text', text: '' }, deltas);
    };
    const parts = text ? pieces(response) : [];
    const half = response.search === undefined ? parts.length : Math.ceil(parts.length / 2);
    const textBlocks = [
      ...(text ? textBlock(0, parts.slice(0, half)) : []),
      ...(response.search === undefined
        ? []
        : [...searchBlocks(response.search, block, event), ...textBlock(3, parts.slice(half))]),
    ];
    const first = response.search === undefined ? (text ? 1 : 0) : 4;
    return [
      event('message_start', {
        message: {
          id: `msg_${response.id ?? 'invented'}`,
          type: 'message',
          role: 'assistant',
          model,
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: 11, output_tokens: 1 },
        },
      }),
      ...textBlocks,
      ...calls.flatMap((call, n) => [
        event('content_block_start', {
          index: first + n,
          content_block: { type: 'tool_use', id: call.id, name: call.name, input: {} },
        }),
        event('content_block_delta', {
          index: first + n,
          delta: { type: 'input_json_delta', partial_json: call.arguments },
        }),
        event('content_block_stop', { index: first + n }),
      ]),
      event('message_delta', {
        delta: { stop_reason: calls.length > 0 ? 'tool_use' : 'end_turn', stop_sequence: null },
        usage: { output_tokens: 7 },
      }),
      event('message_stop', {}),
    ];
  },
};
