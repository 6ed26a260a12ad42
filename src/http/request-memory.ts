export type RequestMemory = {
  remember(litellmCallId: string, body: Buffer): void;
  /** The body of the request with that `litellm_call_id`, if this instance saw it not too long ago. */
  recall(litellmCallId: string): Buffer | undefined;
};

/** A stretch of memory that is filled, kept for a while, and then filled anew. */
type Slab = { bytes: Buffer; used: number; ids: string[]; lastAt: number };

const SLAB_BYTES = 1024 * 1024;

/**
 * LiteLLM sends an answer without the request it belongs to, and some backends judge both together. Requests are kept in
 * memory alone, bounded by size and age, and forgotten at a restart; another replica may hold the request, or none.
 *
 * The bytes are copied into a few large slabs off the heap, the oldest of which makes room. An ordinary cache of strings,
 * objects or single buffers costs the garbage collector more than all of a check: every body outlives a collection.
 */
export function createRequestMemory({
  maxBytes = 64 * SLAB_BYTES,
  maxAgeMs = 15 * 60_000,
  now = () => performance.now(),
} = {}): RequestMemory {
  const slabs: Slab[] = [];
  const places = new Map<string, { slab: Slab; start: number; end: number }>();
  let total = 0;

  /** A slab with room for `size` more bytes; older ones make room for it. */
  function slabFor(size: number): Slab {
    const last = slabs.at(-1);
    if (last !== undefined && last.used + size <= last.bytes.length) return last;
    const length = Math.max(SLAB_BYTES, size);
    let spare: Buffer | undefined;
    while (slabs.length > 0 && total + length > maxBytes) spare = forget(slabs.shift() as Slab);
    const bytes = spare?.length === length ? spare : Buffer.allocUnsafeSlow(length);
    const slab: Slab = { bytes, used: 0, ids: [], lastAt: 0 };
    slabs.push(slab);
    total += length;
    return slab;
  }

  function forget(slab: Slab): Buffer {
    for (const id of slab.ids) if (places.get(id)?.slab === slab) places.delete(id);
    total -= slab.bytes.length;
    return slab.bytes;
  }

  return {
    remember(litellmCallId, body) {
      if (body.length > maxBytes) return;
      const slab = slabFor(body.length);
      const start = slab.used;
      slab.used += body.copy(slab.bytes, start);
      slab.ids.push(litellmCallId);
      slab.lastAt = now();
      places.set(litellmCallId, { slab, start, end: slab.used });
    },
    recall(litellmCallId) {
      const place = places.get(litellmCallId);
      if (place === undefined || now() - place.slab.lastAt > maxAgeMs) return undefined;
      return place.slab.bytes.subarray(place.start, place.end);
    },
  };
}
