import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import {
  ENTRY_OVERHEAD,
  type HeldValues,
  type ReadValues,
  type StateStore,
  type StoredEntry,
  type StoredQuery,
} from './state-store.ts';

type Kept = Omit<StoredEntry, 'name' | 'ttlMs'> & { readonly expiresAt: number };

/** Far more writers than one machine has. */
const MAX_PARTS = 256;

/** Keeps values in the memory of one process, the least used of them going first. */
export class MemoryStore implements StateStore {
  /** Shares by name. */
  readonly #values: LRUCache<string, ReadonlyMap<string, Kept>>;
  readonly #secret = randomBytes(32);

  constructor(maxBytes: number) {
    this.#values = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: (parts) =>
        [...parts.values()].reduce((bytes, { value }) => bytes + value.length + ENTRY_OVERHEAD, 1),
    });
  }

  async read(queries: readonly StoredQuery[]): Promise<ReadValues> {
    const values = queries.flatMap(({ name, known }) =>
      [...this.#of(name).values()].map(({ part, version, value }) => ({
        ...{ name, part, version },
        value: known.includes(version) ? undefined : value,
      })),
    );
    return { now: Date.now(), values };
  }

  async write(entries: readonly StoredEntry[]): Promise<void> {
    for (const { name, ttlMs, ...entry } of entries) {
      const parts = new Map(this.#of(name));
      // The one that was written last stands at the end
      parts.delete(entry.part);
      if (parts.size === MAX_PARTS) continue;
      parts.set(entry.part, { ...entry, expiresAt: Date.now() + ttlMs });
      this.#values.set(name, parts);
    }
  }

  async hold(names: readonly string[]): Promise<HeldValues> {
    return { ...(await this.read(names.map((name) => ({ name, known: [] })))), hold: 0 };
  }

  async swap(...[read, entries]: Parameters<StateStore['swap']>): Promise<boolean> {
    const isSame = read.every(({ name, version }) => (this.#of(name).get('')?.version ?? 0) === version);
    if (isSame) await this.write(entries);
    return isSame;
  }

  async delete(names: readonly string[]): Promise<void> {
    for (const name of names) this.#values.delete(name);
  }

  async secret(): Promise<Uint8Array> {
    return this.#secret;
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}

  #of(name: string): ReadonlyMap<string, Kept> {
    const parts = this.#values.get(name) ?? NONE;
    const now = Date.now();
    if ([...parts.values()].every(({ expiresAt }) => expiresAt > now)) return parts;
    return new Map([...parts].filter(([, { expiresAt }]) => expiresAt > now));
  }
}

const NONE: ReadonlyMap<string, Kept> = new Map();
