import { fieldsOf, textOf } from '../guardrail/call.ts';
import { CANARY_TEXT } from '../guardrail/canary.ts';
import { connectionCode } from './bridge-client.ts';

/** For what LiteLLM tells of itself, and for a model. */
const TIMEOUT_MS = 15_000;
const MODEL_TIMEOUT_MS = 60_000;

/** Tokens that a canary asks for: OpenAI's responses take no fewer. A model that thinks first says nothing in so few, and gets more. */
const FEW_TOKENS = 16;
const MORE_TOKENS = 1024;

/** The kinds of calls that the doctor makes, all with the same text. */
export const CANARY_KINDS = ['chat', 'streamed chat', '/v1/messages', '/v1/responses'] as const;
export type CanaryKind = (typeof CANARY_KINDS)[number];

/** The reply of LiteLLM to a canary. */
export type CanaryReturn = {
  /** Undefined if nothing came back. */
  readonly status: number | undefined;
  /** The words of an error, from LiteLLM or from the network. */
  readonly error: string | undefined;
  /** True if the model said something: of nothing LiteLLM asks no guardrail. */
  readonly hasText: boolean;
};

/** Thrown if LiteLLM cannot be asked; its sentence is for an operator. */
export class NoProxyError extends Error {
  override readonly name = 'NoProxyError';
  readonly code: 'proxy_unreachable' | 'proxy_key_wrong' | 'canary_failed';

  constructor(code: NoProxyError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

type Got = { readonly status: number; readonly body: string };

/** A LiteLLM Proxy that runs somewhere, asked as a client with a virtual key or the master key. */
export class ProxyClient {
  readonly url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.url = url.replace(/\/+$/, '').replace(/\/v1$/, '');
    this.#key = key;
  }

  /** Its release; null if it does not tell it. @throws NoProxyError */
  async release(): Promise<string | null> {
    return textOf(fieldsOf(json((await this.#get('/health/readiness')).body)).litellm_version) ?? null;
  }

  /** Names of the models that the key may use. @throws NoProxyError */
  async models(): Promise<readonly string[]> {
    const { status, body } = await this.#get('/v1/models');
    if (status === 401 || status === 403) {
      throw new NoProxyError('proxy_key_wrong', `LiteLLM at ${this.url} refuses the key (HTTP ${status})`);
    }
    if (status === 400 && /\bconnected db\b/i.test(errorIn(json(body)) ?? '')) {
      const known = 'it has no database, and knows its master key alone';
      throw new NoProxyError('proxy_key_wrong', `LiteLLM at ${this.url} refuses the key: ${known}`);
    }
    const { data } = fieldsOf(json(body));
    if (status !== 200 || !Array.isArray(data))
      throw new NoProxyError(
        'proxy_unreachable',
        `${this.url} is no LiteLLM (HTTP ${status} for /v1/models)`,
      );
    return data.flatMap((one) => textOf(fieldsOf(one).id) ?? []);
  }

  /** Models that are told to be for something else than chats. */
  async otherModels(): Promise<ReadonlySet<string>> {
    const { data } = fieldsOf(json((await this.#get('/v1/model/info')).body));
    const rows = Array.isArray(data) ? data.map(fieldsOf) : [];
    const isOther = ({ model_info }: Record<string, unknown>) => {
      const mode = textOf(fieldsOf(model_info).mode);
      return mode !== undefined && mode !== 'chat' && mode !== 'responses';
    };
    return new Set(rows.filter(isOther).flatMap(({ model_name }) => textOf(model_name) ?? []));
  }

  /** Number of MCP servers that the key sees. */
  async mcpServers(): Promise<number> {
    const servers = json((await this.#get('/v1/mcp/server')).body);
    return Array.isArray(servers) ? servers.length : 0;
  }

  /** Makes one cheap call of a model under a call id. */
  async call(kind: CanaryKind, model: string, callId: string, isSecond = false): Promise<CanaryReturn> {
    const { path, body } = REQUESTS[kind](isSecond ? MORE_TOKENS : FEW_TOKENS);
    try {
      const got = await this.#fetch(path, MODEL_TIMEOUT_MS, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-litellm-call-id': callId },
        body: JSON.stringify({ model, ...body }),
      });
      const said = kind === 'streamed chat' ? streamed(got.body) : whole(json(got.body));
      const error = got.status >= 400 ? (errorIn(json(got.body)) ?? got.body) : said.error;
      return { status: got.status, error, hasText: said.hasText };
    } catch (error) {
      return { status: undefined, error: connectionCode(error), hasText: false };
    }
  }

  async #get(path: string): Promise<Got> {
    try {
      return await this.#fetch(path, TIMEOUT_MS, {});
    } catch (error) {
      const message = `no LiteLLM answers at ${this.url} (${connectionCode(error)})`;
      throw new NoProxyError('proxy_unreachable', message);
    }
  }

  async #fetch(path: string, timeoutMs: number, init: RequestInit): Promise<Got> {
    const headers = { ...(init.headers as Record<string, string>), authorization: `Bearer ${this.#key}` };
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(this.url + path, { ...init, headers, signal, redirect: 'manual' });
    return { status: response.status, body: await response.text() };
  }
}

const MESSAGES = [{ role: 'user', content: CANARY_TEXT }];

const REQUESTS: Readonly<Record<CanaryKind, (tokens: number) => { path: string; body: object }>> = {
  chat: (max_tokens) => ({ path: '/v1/chat/completions', body: { messages: MESSAGES, max_tokens } }),
  'streamed chat': (max_tokens) => ({
    path: '/v1/chat/completions',
    body: { messages: MESSAGES, max_tokens, stream: true },
  }),
  '/v1/messages': (max_tokens) => ({ path: '/v1/messages', body: { messages: MESSAGES, max_tokens } }),
  '/v1/responses': (max_output_tokens) => ({
    path: '/v1/responses',
    body: { input: CANARY_TEXT, max_output_tokens },
  }),
};

type Said = { readonly hasText: boolean; readonly error: string | undefined };

/** Reads a response of any of the endpoints: their texts stand under `content` or `text`. */
function whole(reply: unknown): Said {
  const { choices, content, output } = fieldsOf(reply);
  const parts = [choices, content, output].flatMap((list) => (Array.isArray(list) ? list.map(fieldsOf) : []));
  const texts = parts.flatMap((part) => [
    textOf(part.text),
    textOf(fieldsOf(part.message).content),
    ...(Array.isArray(part.content) ? part.content.map((inner) => textOf(fieldsOf(inner).text)) : []),
  ]);
  return { hasText: texts.some((text) => text !== undefined && text !== ''), error: undefined };
}

/** Reads a streamed chat. One that was blocked ends with an error in the place of a chunk. */
function streamed(body: string): Said {
  const events = body
    .split('\n')
    .flatMap((line) => (line.startsWith('data: {') ? [json(line.slice(6))] : []));
  const hasText = events.some((event) => {
    const { choices } = fieldsOf(event);
    const deltas = Array.isArray(choices) ? choices.map((choice) => fieldsOf(fieldsOf(choice).delta)) : [];
    return deltas.some(({ content }) => textOf(content) !== undefined && content !== '');
  });
  return { hasText, error: events.map(errorIn).find((error) => error !== undefined) };
}

/** The message of an error in any of the forms that LiteLLM gives it. */
function errorIn(reply: unknown): string | undefined {
  const { error, detail } = fieldsOf(reply);
  return textOf(fieldsOf(error).message) ?? textOf(error) ?? textOf(fieldsOf(detail).error) ?? textOf(detail);
}

function json(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
