import type { Worker } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { boundedBy, memoryBytes, textBytes } from '../guardrail/memory.ts';
import { MAX_REQUESTS, REQUEST_AGE_MS } from './parsed-requests.ts';
import type { RequestState } from './protocol.ts';

/** Large requests whose responses are to come, by state key: which thread knows them, and what one knew that has ended. */
export class RequestStates {
  readonly #threads = new LRUCache<string, Worker>({
    ttl: REQUEST_AGE_MS,
    ...boundedBy('state of calls', () => 0),
  });
  readonly #parked = new LRUCache<string, RequestState>({
    max: MAX_REQUESTS,
    ttl: REQUEST_AGE_MS,
    maxSize: memoryBytes('parked requests'),
    sizeCalculation: bytesOf,
  });

  get isEmpty(): boolean {
    return this.#threads.size + this.#parked.size === 0;
  }

  /** True if a thread knows something. */
  get isHeld(): boolean {
    return this.#threads.size > 0;
  }

  has(key: string): boolean {
    return this.#threads.has(key) || this.#parked.has(key);
  }

  /** A thread knows the request from now on. */
  held(key: string, thread: Worker): void {
    this.#parked.delete(key);
    this.#threads.set(key, thread);
  }

  forget(key: string): void {
    this.#threads.delete(key);
    this.#parked.delete(key);
  }

  /** Keeps what a thread knew that ends. */
  park(key: string, state: RequestState): void {
    const isLong = bytesOf(state) > memoryBytes('parked requests');
    this.#parked.set(key, isLong ? { ...state, body: undefined } : state);
  }

  /** Hands over what is kept of a request; undefined if it is not kept here. */
  takenBy(thread: Worker, key: string): RequestState | undefined {
    const state = this.#parked.get(key);
    if (state !== undefined) this.held(key, thread);
    return state;
  }

  ended(thread: Worker): void {
    for (const [key, one] of this.#threads.entries()) if (one === thread) this.#threads.delete(key);
  }
}

function bytesOf({ body, markers }: RequestState): number {
  return textBytes(markers?.values.flat() ?? []) + (body?.length ?? 0);
}
