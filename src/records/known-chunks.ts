import { hash } from 'node:crypto';
import { storable } from '../outbox/note-bytes.ts';

/** More than can be under way to a thread that ends. */
const MAX_CHUNKS = 20_000;
const HASH_BYTES = 6;

/**
 * Notes that came together, by their hash. A thread that is started again reads them from the outbox, and is handed those that the last
 * one had not confirmed: they are the same.
 */
export class KnownChunks {
  readonly #hashes = new Set<number>();

  /** True the first time. */
  isNew(notes: Uint8Array): boolean {
    const digest = hash('sha1', storable(Uint8Array.from(notes)), 'buffer').readUIntBE(0, HASH_BYTES);
    if (this.#hashes.has(digest)) return false;
    this.#hashes.add(digest);
    if (this.#hashes.size > MAX_CHUNKS) for (const oldest of this.#hashes) return this.#hashes.delete(oldest);
    return true;
  }
}
