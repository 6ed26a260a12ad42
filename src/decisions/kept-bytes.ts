/** A call on its way to the one who keeps it. */
export type KeptBytes = {
  /** JSON of a `KeptHead`. */
  readonly head: string;
  /** JSON of the call; undefined where it is not kept. */
  readonly body: Uint8Array | undefined;
};

const LENGTHS = 8;
const NONE = 0xffffffff;
const FIRST_BYTES = 64 * 1024;
const MOST_USUAL_BYTES = 1.25 * 1024 * 1024;
/** Most bytes of UTF-8 that a unit of UTF-16 takes. */
const UNIT_BYTES = 3;

/** Calls in one piece of memory that can be handed over: a buffer of its own for each costs twenty times what copying it does. */
export class CallPacker {
  #bytes: Buffer<ArrayBuffer> | undefined;
  #at = 0;
  #calls = 0;
  /** Bytes that the calls before took: to grow is to copy. */
  #usual = FIRST_BYTES;

  get bytes(): number {
    return this.#at;
  }

  get calls(): number {
    return this.#calls;
  }

  /** @param body bytes, which are copied, or a text */
  add(head: string, body: Uint8Array | string | undefined): void {
    const most = typeof body === 'string' ? UNIT_BYTES * body.length : (body?.length ?? 0);
    const bytes = this.#roomFor(LENGTHS + UNIT_BYTES * head.length + most);
    const start = this.#at + LENGTHS;
    const headLength = bytes.write(head, start);
    const bodyLength = body === undefined ? NONE : put(bytes, body, start + headLength);
    bytes.writeUInt32LE(headLength, this.#at);
    bytes.writeUInt32LE(bodyLength, this.#at + 4);
    this.#at = start + headLength + (bodyLength === NONE ? 0 : bodyLength);
    this.#calls++;
  }

  /** Gives away all calls; undefined for none. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#bytes === undefined || this.#calls === 0) return undefined;
    const packed = new Uint8Array(this.#bytes.buffer, 0, this.#at);
    this.#usual = Math.min(Math.max(FIRST_BYTES, this.#bytes.length), MOST_USUAL_BYTES);
    this.#bytes = undefined;
    this.#at = 0;
    this.#calls = 0;
    return packed;
  }

  #roomFor(more: number): Buffer<ArrayBuffer> {
    const before = this.#bytes;
    if (before !== undefined && before.length - this.#at >= more) return before;
    const size = Math.max(this.#usual, 2 * (before?.length ?? 0), this.#at + more);
    const bytes = Buffer.allocUnsafeSlow(size);
    before?.copy(bytes, 0, 0, this.#at);
    this.#bytes = bytes;
    return bytes;
  }
}

function put(bytes: Buffer, body: Uint8Array | string, at: number): number {
  if (typeof body === 'string') return bytes.write(body, at);
  bytes.set(body, at);
  return body.length;
}

/** The calls in such a piece of memory. */
export function* unpackCalls(packed: Uint8Array): Generator<KeptBytes> {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const headEnd = at + LENGTHS + bytes.readUInt32LE(at);
    const bodyLength = bytes.readUInt32LE(at + 4);
    const head = bytes.toString('utf8', at + LENGTHS, headEnd);
    at = bodyLength === NONE ? headEnd : headEnd + bodyLength;
    yield { head, body: bodyLength === NONE ? undefined : bytes.subarray(headEnd, at) };
  }
}
