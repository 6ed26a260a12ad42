import type { Dispatcher } from 'undici';
import { type Deadline, STOPPED } from '../guardrail/deadline.ts';
import { BackendError } from '../guardrail/failure.ts';
import { refusalOf, waitOf } from './refusal.ts';
import { isBrokenConnection } from './to-failure.ts';

/** The ways to a backend: over kept connections, and over a new one for each call. */
export type Connections = { readonly pooled: Dispatcher; readonly fresh: Dispatcher };

/** Reads a reply from the JSON that it held. Throws if it has another shape. */
export type Read<Reply> = (reply: unknown) => Reply;

/** Bytes of a refusal from which on no more is kept of it. */
const REFUSAL_BYTES = 2000;

/** A POST to make. */
export type Outgoing<Reply> = {
  readonly connections: Connections;
  readonly request: Dispatcher.DispatchOptions;
  readonly read: Read<Reply>;
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
  /** Of a refusal only the beginning. */
  readonly #body: Buffer[] = [];

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
    _: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // Others are only on the way to the reply
    if (status < 200) return;
    this.#status = status;
    const wait = headers['retry-after'];
    if (typeof wait === 'string') this.#retryAfter = wait;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (isSuccess(this.#status) || sizeOf(this.#body) < REFUSAL_BYTES) this.#body.push(chunk);
  }

  onResponseEnd(): void {
    this.#controller = undefined;
    if (!isSuccess(this.#status)) {
      const refusal = refusalOf(textOf(this.#body), waitOf(this.#retryAfter));
      this.#reject(new BackendError({ kind: 'http_status', status: this.#status }, refusal));
      return;
    }
    try {
      this.#resolve(this.#outgoing.read(JSON.parse(textOf(this.#body))));
    } catch (error) {
      this.#reject(error);
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

  #stop(): void {
    this.#controller?.abort(STOPPED);
    this.#reject(STOPPED);
  }
}

function sizeOf(body: readonly Buffer[]): number {
  return body.reduce((sum, { length }) => sum + length, 0);
}

function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}

/** Without a byte order mark, which is not JSON. */
function textOf(body: readonly Buffer[]): string {
  const text = (body.length === 1 ? (body[0] as Buffer) : Buffer.concat(body)).toString();
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}
