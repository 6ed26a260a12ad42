import type { IncomingMessage } from 'node:http';

/** A body of more pieces is not prompt. */
const MAX_PIECES = 16;
/** How often those are looked for that did not arrive at once. */
const LATE_MS = 500;

/** A body that is expected to arrive at once. */
export type PromptBody<Result> = {
  readonly incoming: IncomingMessage;
  readonly length: number;
  readonly startedAt: number;
  readonly resolve: (result: Result) => void;
  size: number;
  first: Buffer | undefined;
  /** Those behind the first. */
  rest: Buffer[] | undefined;
  readonly onData: (chunk: Buffer) => void;
  previous: PromptBody<Result> | undefined;
  next: PromptBody<Result> | undefined;
};

/**
 * Small bodies, which nearly always arrive at once. One costs a listener, and its place in a list whose links are cleared: an entry in
 * a Set keeps calls alive beyond V8's minor collections. One that is late is handed over, to be watched from then on.
 */
export class PromptBodies<Result> {
  readonly #whole: (bytes: Buffer) => Result;
  readonly #late: (body: PromptBody<Result>) => void;
  #head: PromptBody<Result> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param whole makes the result of a body that has arrived
   * @param late takes over a body that has not; it is not listened to any more
   */
  constructor(whole: (bytes: Buffer) => Result, late: (body: PromptBody<Result>) => void) {
    this.#whole = whole;
    this.#late = late;
  }

  read(incoming: IncomingMessage, length: number): Promise<Result> {
    return new Promise((resolve) => {
      const body: PromptBody<Result> = {
        incoming,
        length,
        startedAt: performance.now(),
        resolve,
        size: 0,
        first: undefined,
        rest: undefined,
        onData: (chunk) => this.#add(body, chunk),
        previous: undefined,
        next: this.#head,
      };
      if (this.#head !== undefined) this.#head.previous = body;
      this.#head = body;
      this.#timer ??= setTimeout(this.#look, LATE_MS).unref();
      incoming.on('data', body.onData);
    });
  }

  #add(body: PromptBody<Result>, chunk: Buffer): void {
    body.size += chunk.length;
    if (body.first === undefined) body.first = chunk;
    else if (body.rest === undefined) body.rest = [chunk];
    else body.rest.push(chunk);
    if (body.size === body.length) {
      this.#remove(body);
      const { first, rest } = body;
      body.resolve(this.#whole(rest === undefined ? first : Buffer.concat([first, ...rest], body.size)));
    } else if (body.rest !== undefined && body.rest.length >= MAX_PIECES) this.#handOver(body);
  }

  #handOver(body: PromptBody<Result>): void {
    this.#remove(body);
    body.incoming.off('data', body.onData);
    this.#late(body);
  }

  #remove(body: PromptBody<Result>): void {
    const { previous, next } = body;
    if (previous === undefined) this.#head = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    body.previous = undefined;
    body.next = undefined;
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    const since = performance.now() - LATE_MS;
    for (let body = this.#head; body !== undefined; ) {
      const { next } = body;
      if (body.startedAt < since || body.incoming.destroyed) this.#handOver(body);
      body = next;
    }
    if (this.#head !== undefined) this.#timer = setTimeout(this.#look, LATE_MS).unref();
  };
}
