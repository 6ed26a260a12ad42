import type { ToWorker, UnstoredReason } from './protocol.ts';

/** Bounds of what waits for a thread that hangs; beyond them nothing is handed to it. */
const MAX_MESSAGES = 20_000;
const MAX_BYTES = 192 * 1024 * 1024;
/** A message that ended the thread so often would end it again. */
const MAX_TRIES = 3;

/** A message that waits for its reply. */
export type Waiting = {
  readonly message: ToWorker;
  readonly bytes: number;
  /** Number of times that it was handed over. */
  tries: number;
  /** Gets undefined where there is no reply to come. */
  resolve(result: unknown): void;
  /** Of a blocked call: lets its reply go out before the record is stored. */
  release?(reason: UnstoredReason): void;
};

/** The messages to the thread without a reply, and what becomes of them when the thread ends. */
export class Unanswered {
  readonly #post: (message: ToWorker) => void;
  /** By number, the oldest first. */
  readonly #waiting = new Map<number, Waiting>();
  #bytes = 0;
  /** Those to hand over one after the other: the one that ends the thread shows, and the others are not given up with it. */
  #again: Waiting[] = [];

  /** @param post hands a message over to the thread that runs */
  constructor(post: (message: ToWorker) => void) {
    this.#post = post;
  }

  /** True if no message of this size is to be added. */
  isFull(bytes: number): boolean {
    return this.#waiting.size >= MAX_MESSAGES || this.#bytes + bytes > MAX_BYTES;
  }

  /** Adds a message that is handed over now. */
  add(message: ToWorker, bytes: number, resolve: Waiting['resolve']): void {
    this.#waiting.set(message.n, { message, bytes, tries: 1, resolve });
    this.#bytes += bytes;
  }

  get(n: number): Waiting | undefined {
    return this.#waiting.get(n);
  }

  settle(n: number, result: unknown): void {
    const waiting = this.#waiting.get(n);
    if (waiting === undefined) return;
    this.#waiting.delete(n);
    this.#bytes -= waiting.bytes;
    waiting.resolve(result);
    if (this.#again[0] !== waiting) return;
    this.#again.shift();
    this.#sendNext();
  }

  /** The thread has ended: notes and blocked calls are kept for the next, but for one that may have ended it several times. */
  threadEnded(): void {
    this.#again = [];
    for (const [n, { message, tries, release }] of this.#waiting) {
      release?.('restarting');
      const isKept = message.kind === 'notes' || message.kind === 'blocked';
      if (!isKept || tries >= MAX_TRIES) this.settle(n, undefined);
    }
  }

  /** Hands everything over to a new thread: at once, or, where one of them may have ended two, one after the other. */
  sendAgain(): void {
    const all = [...this.#waiting.values()];
    if (all.some(({ tries }) => tries > 1)) {
      this.#again = all;
      this.#sendNext();
    } else for (const waiting of all) this.#send(waiting);
  }

  #send(waiting: Waiting): void {
    waiting.tries++;
    this.#post(waiting.message);
  }

  #sendNext(): void {
    const [next] = this.#again;
    if (next !== undefined) this.#send(next);
  }
}
