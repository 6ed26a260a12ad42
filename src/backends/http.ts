import { createRequire } from 'node:module';
import type { KyInstance } from 'ky';
import type { Dispatcher } from 'undici';
import * as v from 'valibot';
import { type Deadline, STOPPED } from '../guardrail/deadline.ts';
import { BackendError } from '../guardrail/failure.ts';
import { DEFAULT_LIMITS, type JsonLimits } from '../guardrail/json-nodes.ts';
import { type Connections, JsonPost, type Read, type ReadRefusal } from './json-post.ts';
import { ReplyBody } from './reply-body.ts';
import { toFailure } from './to-failure.ts';

type PostOptions<Reply> = {
  readonly headers?: Record<string, string>;
  /** Reads the reply, by a schema or by hand; what it throws is thrown. */
  readonly read: Read<Reply>;
  /** For a vendor whose verdict can come under an error status. */
  readonly readRefusal?: ReadRefusal<Reply>;
  readonly deadline: Deadline;
};

type DeliverOptions<Schema> = {
  readonly headers?: Record<string, string>;
  readonly schema: Schema;
  readonly deadline: Deadline;
};

export type Http = {
  /**
   * Asks a backend: posts JSON text, or its bytes, and reads the JSON reply.
   *
   * @param url an address of the configuration, not one made for a call: its parts are remembered
   * @throws BackendError `unauthorized` for a 401 or 403, `http_status` for another status that is not 2xx, with what the reply
   * says of it: `Retry-After`, and the beginning of its text
   */
  post<Reply>(url: string, json: string | Buffer, options: PostOptions<Reply>): Promise<Reply>;
  /**
   * Hands something over: posts `body` as JSON and reads the JSON reply by `schema`. Throws `STOPPED` at the end of the deadline,
   * and a `BackendError` for anything else: its failure is sorted already.
   */
  deliver<Schema extends v.GenericSchema>(
    url: string,
    body: unknown,
    options: DeliverOptions<Schema>,
  ): Promise<v.InferOutput<Schema>>;
  /** Asks whether anything answers at an address, for an operator. Resolves with the HTTP status, whatever it is. */
  reach(url: string, timeoutMs: number): Promise<number>;
  /** ky over the connections to backends, with its own signal, without repetition: for tokens and commands, not for checks. */
  ky(): Promise<KyInstance>;
  /** Loads the client now rather than for the first request, which would wait 70 ms for it. */
  open(): void;
  close(): Promise<void>;
};

export type HttpOptions = {
  /** Of the JSON that is sent; replies may have little more. */
  readonly limits?: JsonLimits;
  readonly proxy?: ForwardProxy | undefined;
};

/** Addresses of forward proxies by the scheme of the backend, and the hosts that are asked without one. */
export type ForwardProxy = {
  readonly httpProxy?: string;
  readonly httpsProxy?: string;
  readonly noProxy: string;
};

/** To one backend. Calls above that wait for one: with 64 a bridge with 128 callers spent a tenth of its time on their queue. */
const MAX_CONNECTIONS = 256;

/** Until a connection stands. Without a limit one that never does would hold its place in the pool for good. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * The HTTP client of all backends. Checks and deliveries go through undici's `dispatch` alone, see {@link JsonPost}: with ky a check had
 * half its speed and five times its p99, as its `Request` objects outlive every minor collection.
 *
 * Nothing here waits or gives up by the clock: the deadline does. Only a call whose connection broke is repeated, once, on a
 * new one: as a rule a kept-alive connection that the backend closed just then.
 *
 * A reply is bounded by what was sent, see `ReplyBody`: a larger one is the failure `oversize`, and its connection is cut.
 *
 * @param options.proxy a forward proxy on the way to backends
 */
export function createHttp(options: HttpOptions = {}): Http {
  return new UndiciHttp(options);
}

class UndiciHttp implements Http {
  readonly #options: HttpOptions;
  /** Undefined until it is needed. */
  #connections: Connections | undefined;
  /** The parts of the addresses that were posted to. */
  readonly #targets = new Map<string, Target>();

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  open(): Connections {
    this.#connections ??= connect(this.#options);
    return this.#connections;
  }

  post<Reply>(
    url: string,
    json: string | Buffer,
    { headers, read, readRefusal, deadline }: PostOptions<Reply>,
  ): Promise<Reply> {
    let target = this.#targets.get(url);
    if (target === undefined) {
      target = targetOf(url);
      this.#targets.set(url, target);
    }
    const { origin, path } = target;
    // As bytes off the heap: the text would outlive a minor collection while the call waits for its reply
    const body = typeof json === 'string' ? Buffer.from(json) : json;
    const request = { origin, path, method: 'POST', headers: { ...JSON_HEADERS, ...headers }, body };
    const { limits = DEFAULT_LIMITS } = this.#options;
    return JsonPost.send({ connections: this.open(), request, read, readRefusal, limits, deadline });
  }

  async deliver<Schema extends v.GenericSchema>(
    url: string,
    body: unknown,
    { schema, ...options }: DeliverOptions<Schema>,
  ): Promise<v.InferOutput<Schema>> {
    try {
      const read = (reply: unknown) => v.parse(schema, reply);
      return await this.post(url, JSON.stringify(body), { ...options, read });
    } catch (error) {
      if (error === STOPPED) throw error;
      // An error of the client holds the address, one of the schema the vendor's words
      throw error instanceof BackendError ? error : new BackendError(toFailure(error));
    }
  }

  async reach(url: string, timeoutMs: number): Promise<number> {
    const ky = await this.ky();
    return (await ky.get(url, { throwHttpErrors: false, timeout: timeoutMs })).status;
  }

  async ky(): Promise<KyInstance> {
    const { default: ky } = await import('ky');
    const fetch = (asked: unknown) => this.#fetch(asked as Request);
    return ky.create({ fetch, retry: 0, timeout: false });
  }

  async #fetch(request: Request): Promise<Response> {
    const { url, method, signal } = request;
    const { statusCode, headers, body } = await this.open().pooled.request({
      ...targetOf(url),
      ...{ method: method as Dispatcher.HttpMethod, signal },
      headers: Object.fromEntries(request.headers),
      body: request.body === null ? null : Buffer.from(await request.arrayBuffer()),
    });
    const reply = new ReplyBody(0, DEFAULT_LIMITS);
    for await (const piece of body) {
      if (!reply.add(piece as Buffer)) throw new BackendError({ kind: 'oversize' });
    }
    const kept = ['content-type', 'date'].flatMap((name): [string, string][] => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    });
    return new Response(NO_BODY.has(statusCode) ? null : reply.bytes(), {
      status: statusCode,
      headers: kept,
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#connections?.pooled.destroy(), this.#connections?.fresh.destroy()]);
  }
}

type Target = { readonly origin: string; readonly path: string };

function targetOf(url: string): Target {
  const { origin, pathname, search } = new URL(url);
  return { origin, path: pathname + search };
}

/** Statuses whose reply has no body by definition. */
const NO_BODY = new Set([204, 205, 304]);

const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json' };

/** Loads undici, which takes 70 ms, and prepares its connections; none is opened. */
function connect({ proxy }: HttpOptions): Connections {
  const { Agent, EnvHttpProxyAgent } = createRequire(import.meta.url)('undici') as typeof import('undici');
  const options = {
    connections: MAX_CONNECTIONS,
    keepAliveTimeout: 30_000,
    // undici's own limits run on a clock too coarse for deadlines (100 ms fired at 1008 ms measured)
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    allowH2: false,
  };
  const create = (more: object) =>
    proxy === undefined
      ? new Agent({ ...options, ...more })
      : new EnvHttpProxyAgent({ ...options, ...more, ...proxy });
  // Pipelining 0 means a connection for each call
  return { pooled: create({}), fresh: create({ pipelining: 0 }) };
}
