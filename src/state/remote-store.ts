import { StateError } from './shared-state.ts';
import type { StateStore } from './state-store.ts';

type Method = Exclude<keyof StateStore, 'close'>;

/** Asks another thread or process for one thing of its store: plain data. */
export type StoreRequest = { readonly n: number; readonly method: Method; readonly args: readonly unknown[] };
export type StoreReply = { readonly n: number } & (
  | { readonly value: unknown }
  /** It failed, for a reason that was told where the store is. */
  | { readonly failed: true; readonly isLate: boolean }
);

/** A store in another thread or process. */
export class RemoteStore implements StateStore {
  readonly #send: (request: StoreRequest) => void;
  readonly #asked = new Map<number, PromiseWithResolvers<unknown>>();
  #last = 0;

  constructor(send: (request: StoreRequest) => void) {
    this.#send = send;
  }

  /** Takes the reply to a request. */
  receive(reply: StoreReply): void {
    const asked = this.#asked.get(reply.n);
    this.#asked.delete(reply.n);
    if ('failed' in reply)
      asked?.reject(reply.isLate ? new StateError('timeout') : new Error('the store failed'));
    else asked?.resolve(reply.value);
  }

  read = this.#method('read');
  write = this.#method('write');
  hold = this.#method('hold');
  swap = this.#method('swap');
  delete = this.#method('delete');
  secret = this.#method('secret');
  ping = this.#method('ping');

  /** The store itself goes on. */
  async close(): Promise<void> {
    for (const { reject } of this.#asked.values()) reject(new Error('closed'));
    this.#asked.clear();
  }

  #method<Name extends Method>(method: Name): StateStore[Name] {
    const call = (...args: unknown[]): Promise<unknown> => {
      const asked = Promise.withResolvers<unknown>();
      const n = ++this.#last;
      this.#asked.set(n, asked);
      try {
        this.#send({ n, method, args });
      } catch (error) {
        this.#asked.delete(n);
        asked.reject(error);
      }
      return asked.promise;
    };
    return call as StateStore[Name];
  }
}

/** The reply to a request of another thread or process. Never rejects. */
export async function replyFrom(store: StateStore, { n, method, args }: StoreRequest): Promise<StoreReply> {
  try {
    const run = store[method].bind(store) as (...args: readonly unknown[]) => Promise<unknown>;
    return { n, value: await run(...args) };
  } catch (error) {
    return { n, failed: true, isLate: error instanceof StateError && error.reason === 'timeout' };
  }
}
