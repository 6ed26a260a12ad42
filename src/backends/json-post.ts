import type { Dispatcher } from 'undici';
import { type Deadline, STOPPED } from '../guardrail/deadline.ts';
import { BackendError } from '../guardrail/failure.ts';
import { isBrokenConnection } from './to-failure.ts';

/** The ways to a backend: over kept connections, and over a new one for each call. */
export type Connections = { readonly pooled: Dispatcher; readonly fresh: Dispatcher };

/** How a reply is read from the JSON that it held. Throws if it has another shape. */
export type Read<Reply> = (reply: unknown) => Reply;

/**
 * One POST of JSON and its reply. Sent once more, on a new connection, if the first one broke before the reply.
 *
 * It listens to undici itself: with `undici.request`, whose stream, async resource and abort signal it does without, a
 * call costs half as much again, and most of that outlives a minor garbage collection.
 */
export class JsonPost<Reply> implements Dispatcher.DispatchHandler {
  readonly #connections: Connections;
  readonly #options: Dispatcher.DispatchOptions;
  readonly #read: Read<Reply>;
  readonly #deadline: Deadline;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: unknown) => void;
  /** Set while a connection carries the call. */
  #controller: Dispatcher.DispatchController | undefined;
  #isRepeated = false;
  /** 0 until the reply begins. */
  #status = 0;
  readonly #body: Buffer[] = [];

  /** Rejects with what undici or `read` threw, or a `BackendError` for a status that is not 2xx. */
  static send<Reply>(
    connections: Connections,
    options: Dispatcher.DispatchOptions,
    read: Read<Reply>,
    deadline: Deadline,
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const post = new JsonPost(connections, options, read, deadline, resolve, reject);
      deadline.onStop(() => post.#stop());
      if (!deadline.isStopped) connections.pooled.dispatch(options, post);
    });
  }

  private constructor(
    connections: Connections,
    options: Dispatcher.DispatchOptions,
    read: Read<Reply>,
    deadline: Deadline,
    resolve: (reply: Reply) => void,
    reject: (error: unknown) => void,
  ) {
    this.#connections = connections;
    this.#options = options;
    this.#read = read;
    this.#deadline = deadline;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // It waited for a connection until its time was up
    if (this.#deadline.isStopped) controller.abort(STOPPED);
    else this.#controller = controller;
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number): void {
    // Others are only on the way to the reply
    if (status >= 200) this.#status = status;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (isSuccess(this.#status)) this.#body.push(chunk);
  }

  onResponseEnd(): void {
    this.#controller = undefined;
    if (!isSuccess(this.#status)) {
      this.#reject(new BackendError({ kind: 'http_status', status: this.#status }));
      return;
    }
    try {
      this.#resolve(this.#read(JSON.parse(textOf(this.#body))));
    } catch (error) {
      this.#reject(error);
    }
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#controller = undefined;
    const isWorthIt = this.#status === 0 && !this.#isRepeated && !this.#deadline.isStopped;
    if (isWorthIt && isBrokenConnection(error)) {
      this.#isRepeated = true;
      this.#connections.fresh.dispatch(this.#options, this);
    } else {
      this.#reject(error);
    }
  }

  #stop(): void {
    this.#controller?.abort(STOPPED);
    this.#reject(STOPPED);
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}

/** Without a byte order mark, which is no JSON. */
function textOf(body: readonly Buffer[]): string {
  const text = (body.length === 1 ? (body[0] as Buffer) : Buffer.concat(body)).toString();
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}
