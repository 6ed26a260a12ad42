import { randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { GuardrailCall } from '../guardrail/call.ts';
import type { Decision } from '../guardrail/decision.ts';
import { memoryBytes } from '../guardrail/memory.ts';
import { parseGuardrailCall } from '../litellm/request.ts';
import type { KeptRequests } from './call-handler.ts';

/** Before each record: when it was written, the length of its key and of its body. */
const HEADER_BYTES = 16;
/** Memory of a parsed passage beside its text. */
export const PASSAGE_BYTES = 200;
/** Most requests that are kept: eight times as many as there is room for at 4 KB each. */
const SLOTS = 131_072;
/** Slots that a key can take. */
const PROBES = 8;

/**
 * LiteLLM sends a response without the request it belongs to, and some backends judge both together. Requests are kept in
 * memory alone, bounded by size and age, and forgotten at a restart. What another replica holds is asked for where they share it, see
 * `SharedCalls`.
 *
 * The bytes are copied into a ring off the heap and found by a table of numbers. A cache of strings, objects or single buffers
 * costs the garbage collector more than all of a check, as every body outlives a collection; a `Map` of places in the ring still
 * made each minor collection half as long again (1.2 -> 1.9 ms at 32 callers). A request is parsed when the first round of its
 * response asks for it, and kept parsed for the rounds that follow.
 */
export class RequestMemory implements KeptRequests {
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  readonly #now: () => number;
  /** Records, the newest over the oldest. Made for the first one, as is the table. */
  #ring: Buffer | undefined;
  /** Bytes written so far. A position counts them too: `position % ring.length` is its place. */
  #end = 0;
  /** Position of a record, plus one; 0 is a free slot. */
  #positions = new Float64Array(0);
  /** Hash of the key in the same slot. */
  #hashes = new Uint32Array(0);
  /** Requests whose responses are under way. */
  readonly #parsed: LRUCache<string, { readonly position: number; readonly call: GuardrailCall }>;

  constructor({
    maxBytes = memoryBytes('requests'),
    maxAgeMs = 15 * 60_000,
    now = () => performance.now(),
  } = {}) {
    this.#maxBytes = maxBytes;
    this.#maxAgeMs = maxAgeMs;
    this.#now = now;
    this.#parsed = new LRUCache({
      max: 1000,
      ttl: maxAgeMs,
      maxSize: Math.min(maxBytes, memoryBytes('parsed requests')),
    });
  }

  /** Keeps a request under the state key of its call, as backends may see it. */
  remember(key: string, { call, forwarded }: Decision, body: Buffer): void {
    this.keep(key, forwardedBytes(call, forwarded, body));
  }

  keep(key: string, body: Buffer): void {
    const keyBytes = 2 * key.length;
    const size = HEADER_BYTES + keyBytes + body.length;
    if (size > this.#maxBytes) return;
    const ring = this.#open();
    const slot = this.#slotFor(ring, key);
    const left = ring.length - (this.#end % ring.length);
    // A record is not cut in two
    const position = this.#end + (left < size ? left : 0);
    const at = position % ring.length;
    ring.writeDoubleLE(this.#now(), at);
    ring.writeUInt32LE(keyBytes, at + 8);
    ring.writeUInt32LE(body.length, at + 12);
    ring.write(key, at + HEADER_BYTES, 'utf16le');
    body.copy(ring, at + HEADER_BYTES + keyBytes);
    this.#end = position + size;
    this.#positions[slot] = position + 1;
    this.#hashes[slot] = hashOf(key);
  }

  /** The request with that state key, if this instance saw it not too long ago. */
  recall(key: string): GuardrailCall | undefined {
    const found = this.#locate(key);
    if (found === undefined) return undefined;
    const { position, body } = found;
    const known = this.#parsed.get(key);
    if (known?.position === position) return known.call;
    // It was taken when it came
    const parsed = parseGuardrailCall(body.toString(), Number.POSITIVE_INFINITY);
    if ('bad' in parsed) return undefined;
    this.#parsed.set(
      key,
      { position, call: parsed.call },
      { size: body.length + PASSAGE_BYTES * parsed.call.passages.all.length + 1 },
    );
    return parsed.call;
  }

  /** A copy of the body of that request, for another thread. */
  bytesOf(key: string): Uint8Array | undefined {
    const body = this.#locate(key)?.body;
    return body && new Uint8Array(body);
  }

  /** Finds a request in the ring: its body there holds until the next is written. */
  #locate(key: string): { readonly position: number; readonly body: Buffer } | undefined {
    const ring = this.#ring;
    const slot = ring && this.#find(ring, key);
    if (ring === undefined || slot === undefined) return undefined;
    const position = this.#positions[slot]! - 1;
    const at = position % ring.length;
    if (this.#now() - ring.readDoubleLE(at) > this.#maxAgeMs) return undefined;
    const start = at + HEADER_BYTES + ring.readUInt32LE(at + 8);
    return { position, body: ring.subarray(start, start + ring.readUInt32LE(at + 12)) };
  }

  #open(): Buffer {
    if (this.#ring === undefined) {
      this.#ring = Buffer.allocUnsafeSlow(this.#maxBytes);
      this.#positions = new Float64Array(SLOTS);
      this.#hashes = new Uint32Array(SLOTS);
    }
    return this.#ring;
  }

  /** The slot to write a key into: its own, else the one whose record is oldest, or gone. */
  #slotFor(ring: Buffer, key: string): number {
    const known = this.#find(ring, key);
    if (known !== undefined) return known;
    const hash = hashOf(key);
    let oldest = slotOf(hash, 0);
    for (let i = 1; i < PROBES; i++) {
      const slot = slotOf(hash, i);
      if (this.#positions[slot]! < this.#positions[oldest]!) oldest = slot;
    }
    return oldest;
  }

  /** The slot that holds a key. */
  #find(ring: Buffer, key: string): number | undefined {
    const hash = hashOf(key);
    for (let i = 0; i < PROBES; i++) {
      const slot = slotOf(hash, i);
      const position = this.#positions[slot]! - 1;
      const isThere = position >= 0 && position >= this.#end - ring.length;
      if (!isThere || this.#hashes[slot] !== hash) continue;
      const at = position % ring.length;
      const start = at + HEADER_BYTES;
      if (ring.toString('utf16le', start, start + ring.readUInt32LE(at + 8)) === key) return slot;
    }
    return undefined;
  }
}

/** A request as backends may see it, as JSON. @param body as it was sent */
export function forwardedBytes(call: GuardrailCall, forwarded: GuardrailCall, body: Buffer): Buffer {
  if (forwarded === call && call.door === undefined) return body;
  const { passages: _, ...fields } = forwarded;
  return Buffer.from(JSON.stringify(fields));
}

/** Nobody can choose ids that push out the request of somebody else. */
const SEED = randomInt(0x1_0000_0000);

/** The slots of a hash lie apart by as much as its other bits say: next to each other they would fill up together. */
function slotOf(hash: number, probe: number): number {
  return (hash + probe * ((hash >>> 17) | 1)) % SLOTS;
}

/** FNV-1a over the units of a key. */
function hashOf(key: string): number {
  let hash = SEED;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  // Ids that differ at their end would come out much alike
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
