import { memoryBytes } from '../guardrail/memory.ts';
import type { Requests, ToWorker, UnstoredReason } from './protocol.ts';

/** Bounds of what waits for a thread that hangs, or for the disk; beyond them nothing is handed to it. */
const MAX_MESSAGES = 20_000;
const MAX_BYTES = memoryBytes('messages about records');
/** A message that ended the thread so often would end it again. */
const MAX_TRIES = 3;
/** Other messages were asked for by somebody who asks again, or has left. */
const KEPT: readonly ToWorker['kind'][] = ['notes', 'blocked', 'close'];

/** A message that waits for its reply. */
export type Waiting = {
  readonly message: ToWorker;
  /** Memory that it takes until then. */
  readonly bytes: number;
  /** Memory of it that is given to the thread. */
  readonly transfer: readonly ArrayBuffer[];
  /** Number of times that it was handed over. */
  tries: number;
  /** Gets undefined where there is no reply to come. */
  resolve(result: unknown): void;
  /** Of a blocked call: lets its reply go out before the record is stored. */
  release?(reason: UnstoredReason): void;
};

/** The messages to the thread without a reply, and what becomes of them when the thread ends. */
export class Unanswered {
  readonly #post: (message: ToWorker, transfer: readonly ArrayBuffer[]) => void;
  /** By number, the oldest first. */
  readonly #waiting = new Map<number, Waiting>();
  #bytes = 0;
  #lastNumber = 0;
  /** True while there is a thread to hand them to. */
  #isUp = true;
  #hasBegun = false;
  #isOver = false;
  /**
   * Those to hand over one after the other, in their order: as long as they were handed over twice, the one that ends the thread shows,
   * and the others are not given up with it.
   */
  #again: Waiting[] = [];

  /** @param post hands a message over to the thread that runs */
  constructor(post: (message: ToWorker, transfer: readonly ArrayBuffer[]) => void) {
    this.#post = post;
  }

  /** There is a thread from now on. */
  begin(): void {
    this.#hasBegun = true;
  }

  /** True if no message of this size is to be added. */
  isFull(bytes: number): boolean {
    return this.#isOver || this.#waiting.size >= MAX_MESSAGES || this.#bytes + bytes > MAX_BYTES;
  }

  /** The message that was added last; undefined once it has its reply. */
  get last(): Waiting | undefined {
    return this.#waiting.get(this.#lastNumber);
  }

  /**
   * Hands a message over as soon as its turn comes: mostly now. Resolves with the reply; with undefined if too much waits, or the message
   * could not be taken, as there is no thread yet.
   */
  ask<K extends keyof Requests>(
    kind: K,
    args: Parameters<Requests[K]>,
    bytes = 0,
    transfer: ArrayBuffer[] = [],
  ): Promise<Awaited<ReturnType<Requests[K]>> | undefined> {
    const isOrder = kind === 'close' || kind === 'configure';
    if (!this.#hasBegun || (!isOrder && this.isFull(bytes))) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const message: ToWorker = { n: ++this.#lastNumber, kind, args };
      this.#add(message, { bytes, transfer, resolve: resolve as (result: unknown) => void });
    });
  }

  #add(message: ToWorker, part: Pick<Waiting, 'bytes' | 'transfer' | 'resolve'>): void {
    const waiting: Waiting = { ...part, message, tries: 0 };
    this.#waiting.set(message.n, waiting);
    this.#bytes += part.bytes;
    if (this.#again.length > 0) this.#again.push(waiting);
    else if (this.#isUp) this.#send(waiting);
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

  /** The thread has ended: some are kept for the next, but for one that may have ended it several times. */
  threadEnded(): void {
    this.#isUp = false;
    this.#again = [];
    for (const [n, { message, tries, release }] of this.#waiting) {
      if (KEPT.includes(message.kind) && tries < MAX_TRIES) release?.('restarting');
      else this.settle(n, undefined);
    }
  }

  /** Hands everything over to a new thread. */
  sendAgain(): void {
    this.#isUp = true;
    this.#again = [...this.#waiting.values()];
    this.#sendNext();
  }

  /** Nothing is handed over any more, and no reply comes. */
  giveUp(): void {
    this.#isOver = true;
    this.#again = [];
    for (const n of [...this.#waiting.keys()]) this.settle(n, undefined);
  }

  #send(waiting: Waiting): void {
    waiting.tries++;
    this.#post(waiting.message, waiting.transfer);
  }

  #sendNext(): void {
    const [next] = this.#again;
    if (next !== undefined && next.tries > 1) this.#send(next);
    else for (const waiting of this.#again.splice(0)) this.#send(waiting);
  }
}
