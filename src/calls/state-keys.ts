import { LRUCache } from 'lru-cache';
import { boundedBy } from '../guardrail/memory.ts';

/** Longer than anything is kept by such a key. */
const MAX_AGE_MS = 60 * 60_000;

/**
 * The state keys of calls that belong to the thread of large calls. Both threads have the same, and forget them in the same order:
 * nobody may ask for one by `get`, which would make it younger.
 */
export class StateKeys {
  readonly #keys = new LRUCache<string, true>({
    ttl: MAX_AGE_MS,
    ...boundedBy('state of calls', () => 0),
  });

  add(key: string): void {
    this.#keys.set(key, true);
  }

  has(key: string): boolean {
    return this.#keys.size > 0 && this.#keys.has(key);
  }

  clear(): void {
    this.#keys.clear();
  }
}
