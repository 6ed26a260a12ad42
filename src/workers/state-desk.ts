import { MemoryStore } from '../state/memory-store.ts';
import { replyFrom, type StoreReply, type StoreRequest } from '../state/remote-store.ts';
import type { StoredEntry } from '../state/state-store.ts';

/** In the database there is more room. */
const MAX_BYTES = 128 * 1024 * 1024;

/** Keeps in memory what workers share. */
export class StateDesk {
  readonly #store: MemoryStore;

  /** @param maxBytes those of the configuration */
  constructor(maxBytes: number) {
    this.#store = new MemoryStore(Math.min(maxBytes, MAX_BYTES));
  }

  /** Never rejects. */
  reply(request: StoreRequest): Promise<StoreReply> {
    const { method, args } = request;
    const owned = args.map((arg) => (Array.isArray(arg) ? arg.map(withOwnValue) : arg));
    return replyFrom(
      this.#store,
      method === 'write' || method === 'swap' ? { ...request, args: owned } : request,
    );
  }
}

/** A value as it comes is a piece of all that was read at once, which it would hold. */
function withOwnValue(entry: Partial<StoredEntry>): Partial<StoredEntry> {
  return entry.value === undefined ? entry : { ...entry, value: new Uint8Array(entry.value) };
}
