import { LRUCache } from 'lru-cache';
import type { GuardrailCall } from '../guardrail/call.ts';
import { parseGuardrailCall } from '../litellm/request.ts';

/** A stretch of memory that is filled, kept for a while, and then filled anew. */
type Slab = { readonly bytes: Buffer; used: number; readonly keys: string[]; lastAt: number };
type Stretch = { readonly slab: Slab; readonly start: number; readonly end: number };

const SLAB_BYTES = 1024 * 1024;

/**
 * LiteLLM sends a response without the request it belongs to, and some backends judge both together. Requests are kept in
 * memory alone, bounded by size and age, and forgotten at a restart; another replica may hold the request, or none.
 *
 * The bytes are copied into a few large slabs off the heap, the oldest of which makes room. An ordinary cache of strings,
 * objects or single buffers costs the garbage collector more than all of a check: every body outlives a collection. A request
 * is parsed when the first round of its response asks for it, and kept parsed for the rounds that follow.
 */
export class RequestMemory {
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  readonly #now: () => number;
  /** The oldest first. */
  readonly #slabs: Slab[] = [];
  /** Where the body of a request stands, by the state key of its call. */
  readonly #stretches = new Map<string, Stretch>();
  /** Bytes of all slabs. */
  #total = 0;
  /** Requests whose responses are under way. */
  readonly #parsed: LRUCache<string, { readonly stretch: Stretch; readonly call: GuardrailCall }>;

  constructor({ maxBytes = 64 * SLAB_BYTES, maxAgeMs = 15 * 60_000, now = () => performance.now() } = {}) {
    this.#maxBytes = maxBytes;
    this.#maxAgeMs = maxAgeMs;
    this.#now = now;
    this.#parsed = new LRUCache({
      max: 1000,
      ttl: maxAgeMs,
      maxSize: Math.max(1, maxBytes / 4),
      sizeCalculation: ({ stretch: { start, end } }) => Math.max(1, end - start),
    });
  }

  /** Keeps the body of a request under the state key of its call. */
  remember(key: string, body: Buffer): void {
    if (body.length > this.#maxBytes) return;
    const slab = this.#slabFor(body.length);
    const start = slab.used;
    slab.used += body.copy(slab.bytes, start);
    slab.keys.push(key);
    slab.lastAt = this.#now();
    this.#stretches.set(key, { slab, start, end: slab.used });
  }

  /** The request with that state key, if this instance saw it not too long ago. */
  recall(key: string): GuardrailCall | undefined {
    const stretch = this.#stretches.get(key);
    if (stretch === undefined || this.#now() - stretch.slab.lastAt > this.#maxAgeMs) return undefined;
    const known = this.#parsed.get(key);
    if (known?.stretch === stretch) return known.call;
    const { slab, start, end } = stretch;
    const parsed = parseGuardrailCall(slab.bytes.toString('utf8', start, end));
    if ('bad' in parsed) return undefined;
    this.#parsed.set(key, { stretch, call: parsed.call });
    return parsed.call;
  }

  /** A slab with room for `size` more bytes; older ones make room for it. */
  #slabFor(size: number): Slab {
    const last = this.#slabs.at(-1);
    if (last !== undefined && last.used + size <= last.bytes.length) return last;
    const length = Math.max(SLAB_BYTES, size);
    let spare: Buffer | undefined;
    while (this.#slabs.length > 0 && this.#total + length > this.#maxBytes)
      spare = this.#forget(this.#slabs.shift() as Slab);
    const bytes = spare?.length === length ? spare : Buffer.allocUnsafeSlow(length);
    const slab: Slab = { bytes, used: 0, keys: [], lastAt: 0 };
    this.#slabs.push(slab);
    this.#total += length;
    return slab;
  }

  #forget(slab: Slab): Buffer {
    for (const key of slab.keys) if (this.#stretches.get(key)?.slab === slab) this.#stretches.delete(key);
    this.#total -= slab.bytes.length;
    return slab.bytes;
  }
}
