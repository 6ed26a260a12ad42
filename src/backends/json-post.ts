import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { type Deadline, STOPPED } from '../guardrail/deadline.ts';
import { BackendError, type Failure } from '../guardrail/failure.ts';
import type { JsonLimits } from '../guardrail/json-nodes.ts';
import { refusalOf, waitOf } from './refusal.ts';
import { ReplyBody } from './reply-body.ts';
import { isBrokenConnection } from './to-failure.ts';

/** The ways to a backend: over kept connections, and over a new one for each call. */
export type Connections = { readonly pooled: Dispatcher; readonly fresh: Dispatcher };

/** Reads a reply from the JSON that it held. Throws if it has another shape. */
export type Read<Reply> = (reply: unknown) => Reply;

/**
 * Reads a reply under an error status that is a verdict all the same. Undefined leaves it the failure that the status is.
 *
 * @param body undefined if it is no JSON
 */
export type ReadRefusal<Reply> = (status: number, body: unknown) => Reply | undefined;

/** A POST to make. */
export type Outgoing<Reply> = {
  readonly connections: Connections;
  readonly request: Dispatcher.DispatchOptions & { readonly body: Buffer };
  readonly read: Read<Reply>;
  readonly readRefusal?: ReadRefusal<Reply> | undefined;
  /** Of the JSON that is sent. */
  readonly limits: JsonLimits;
  readonly deadline: Deadline;
};

/**
 * One POST of JSON and its reply. Sent once more, on a new connection, if the first one broke before the reply.
 *
 * It listens to undici itself: `undici.request` adds a stream, an async resource and a listener of an abort signal to each call, most of
 * which outlive a minor garbage collection.
 */
export class JsonPost<Reply> implements Dispatcher.DispatchHandler {
  readonly #outgoing: Outgoing<Reply>;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: unknown) => void;
  /** Set while a connection carries the call. */
  #controller: Dispatcher.DispatchController | undefined;
  #isRepeated = false;
  /** 0 until the reply begins. */
  #status = 0;
  #retryAfter: string | undefined;
  /** Undefined until then, as it would be one more object to outlive a collection. */
  #reply: ReplyBody | undefined;

  /** Rejects with what undici or `read` threw, or a `BackendError` for a status that is not 2xx. */
  static send<Reply>(outgoing: Outgoing<Reply>): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const { connections, request, deadline } = outgoing;
      const post = new JsonPost(outgoing, resolve, reject);
      deadline.onStop(() => post.#stop());
      if (!deadline.isStopped) connections.pooled.dispatch(request, post);
    });
  }

  private constructor(
    outgoing: Outgoing<Reply>,
    resolve: (reply: Reply) => void,
    reject: (error: unknown) => void,
  ) {
    this.#outgoing = outgoing;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // It waited for a connection until its time was up
    if (this.#outgoing.deadline.isStopped) controller.abort(STOPPED);
    else this.#controller = controller;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    // Others are only on the way to the reply
    if (status < 200) return;
    this.#status = status;
    const wait = headers['retry-after'];
    if (typeof wait === 'string') this.#retryAfter = wait;
    const { request, limits } = this.#outgoing;
    this.#reply = new ReplyBody(request.body.length, limits);
    if (this.#reply.isTooLong(headers['content-length'])) this.#cut(controller);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#reply?.add(chunk) === false) this.#cut(controller);
  }

  onResponseEnd(): void {
    this.#controller = undefined;
    try {
      const reply = isSuccess(this.#status)
        ? this.#outgoing.read(this.#reply?.json())
        : this.#outgoing.readRefusal?.(this.#status, this.#body());
      if (reply === undefined && !isSuccess(this.#status)) this.#reject(this.#refused());
      else this.#resolve(reply as Reply);
    } catch (error) {
      this.#reject(error);
    }
  }

  /** The JSON of a refusal; undefined for one that has none. */
  #body(): unknown {
    try {
      return this.#reply?.json();
    } catch {
      return undefined;
    }
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    const { connections, request, deadline } = this.#outgoing;
    this.#controller = undefined;
    const mayRepeat = this.#status === 0 && !this.#isRepeated && !deadline.isStopped;
    if (mayRepeat && isBrokenConnection(error)) {
      this.#isRepeated = true;
      connections.fresh.dispatch(request, this);
    } else {
      this.#reject(error);
    }
  }

  #refused(): BackendError {
    const refusal = refusalOf(this.#reply?.beginning() ?? '', waitOf(this.#retryAfter));
    return new BackendError(statusFailure(this.#status), refusal);
  }

  /** Reads no more of a reply that is too long, and closes its connection. */
  #cut(controller: Dispatcher.DispatchController): void {
    controller.abort(isSuccess(this.#status) ? new BackendError({ kind: 'oversize' }) : this.#refused());
  }

  #stop(): void {
    this.#controller?.abort(STOPPED);
    this.#reject(STOPPED);
  }
}

function statusFailure(status: number): Failure {
  return status === 401 || status === 403
    ? { kind: 'unauthorized', status }
    : { kind: 'http_status', status };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}
