import ky, { isHTTPError, type Options } from 'ky';
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import * as v from 'valibot';
import { BackendError, type Failure } from '../guardrail/failure.ts';

/** Asks a backend: posts `body` as JSON and reads the JSON reply by `schema`. */
export type Http = {
  post<Schema extends v.GenericSchema>(
    url: string,
    body: unknown,
    options: { headers?: Record<string, string>; schema: Schema; signal: AbortSignal },
  ): Promise<v.InferOutput<Schema>>;
  close(): Promise<void>;
};

export type HttpOptions = { readonly maxReplyBytes?: number; readonly proxy?: ForwardProxy | undefined };

/** Addresses of forward proxies by the scheme of the backend, and the hosts that are asked without one. */
export type ForwardProxy = {
  readonly httpProxy?: string;
  readonly httpsProxy?: string;
  readonly noProxy: string;
};

/**
 * ky for errors, hooks and schemas, with undici's `request` underneath: a whole call through the bridge costs about
 * 150 us of CPU, with ky over the global `fetch` more than twice that.
 *
 * Nothing here waits, repeats or gives up by the clock: the deadline is the caller's `signal`. The one exception is a
 * kept-alive connection that the backend closes just as a call goes out, which is sent again once on another.
 *
 * @param options.maxReplyBytes a longer reply is the failure `oversize`
 * @param options.proxy a forward proxy on the way to backends
 */
export function createHttp({ maxReplyBytes = 64 * 1024 * 1024, proxy }: HttpOptions = {}): Http {
  const options = {
    connections: 64,
    keepAliveTimeout: 30_000,
    // undici's own limits run on a clock too coarse for deadlines (100 ms fired at 1008 ms measured)
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: 0 },
    maxResponseSize: maxReplyBytes,
    allowH2: false,
  };
  const agent = proxy === undefined ? new Agent(options) : new EnvHttpProxyAgent({ ...options, ...proxy });
  const client = ky.create({ retry: 0, timeout: false, fetch: viaUndici });

  async function viaUndici(_: unknown, init?: unknown): Promise<Response> {
    const { wire } = init as { wire: Wire };
    const { status, text } = await send(wire.url, {
      method: 'POST',
      headers: wire.headers,
      body: wire.body,
      signal: wire.signal,
      dispatcher: agent,
    });
    if (status >= 200 && status < 300) return replyOf(status, text);
    if (status < 200 || status > 599) throw new BackendError({ kind: 'http_status', status });
    return new Response(null, { status });
  }

  return {
    async post(url, body, { headers = {}, schema, signal }) {
      const wire: Wire = {
        url,
        headers: { ...JSON_HEADERS, ...headers },
        body: JSON.stringify(body),
        signal,
      };
      const options: Options & { wire: Wire } = { wire };
      return client.post(url, options).json(schema);
    },
    close: () => agent.close(),
  };
}

/** What goes out, handed past ky's `Request`, which would parse, copy and give back every part of it. */
type Wire = { url: string; headers: Record<string, string>; body: string; signal: AbortSignal };

const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json' };

/** As much of a `Response` as ky reads of a good one: 29 us less than a real one. */
function replyOf(status: number, text: string): Response {
  const reply = {
    status,
    ok: true,
    type: 'default',
    headers: NO_HEADERS,
    text: () => Promise.resolve(text),
    [Symbol.toStringTag]: 'Response',
  };
  return reply as unknown as Response;
}

const NO_HEADERS = new Headers();

type SendOptions = Omit<Dispatcher.RequestOptions, 'origin' | 'path'> & {
  signal: AbortSignal;
  dispatcher: Dispatcher;
};

async function send(
  url: string,
  options: SendOptions,
  again = true,
): Promise<{ status: number; text: string }> {
  try {
    const { statusCode, body } = await request(url, options);
    return { status: statusCode, text: await body.text() };
  } catch (error) {
    if (again && !options.signal.aborted && STALE_SOCKET.has(codeOf(error))) return send(url, options, false);
    throw error;
  }
}

const STALE_SOCKET = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * Sorts what a check threw, except for the deadline and the caller's leaving, which the pipeline knows itself.
 * Only the sorted value is logged: ky's errors carry the request with its headers.
 */
export function toFailure(error: unknown): Failure {
  if (error instanceof BackendError) return error.failure;
  if (isHTTPError(error)) return { kind: 'http_status', status: error.response.status };
  if (!(error instanceof Error)) return { kind: 'bug', error };
  if (error.name === 'SchemaValidationError' && 'issues' in error) {
    return {
      kind: 'wrong_shape',
      field: v.getDotPath((error.issues as [v.BaseIssue<unknown>])[0]) ?? 'body',
    };
  }
  if (error instanceof SyntaxError) return { kind: 'not_json' };
  const code = codeOf(error);
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return { kind: 'oversize' };
  if (TLS.test(code)) return { kind: 'tls', code };
  if (NETWORK.test(code)) return { kind: 'unreachable', code };
  return { kind: 'bug', error };
}

const TLS =
  /^(?:ERR_TLS|ERR_SSL|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;
const NETWORK =
  /^(?:E[A-Z]+|UND_ERR_(?:SOCKET|CONNECT_TIMEOUT|HEADERS_OVERFLOW|DESTROYED|CLOSED)|HPE_[A-Z_]+)$/;

/** The system's or undici's code; undici hides some in `cause`, and a failed happy-eyeballs race in `errors`. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string' && error.code !== '') return error.code;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return codeOf(error.cause);
}
