/** A longer body is large: it is read into a buffer that another thread can be given. */
export const LARGE_BYTES = 1024 * 1024;
/** By so much the buffer of a large body grows. */
const STEP_BYTES = 1024 * 1024;

/**
 * The body of a request: while it arrives, and then for one reader. The pieces of a large one are put into one buffer as they
 * come, so that there are none to join. That buffer is resizable, as such memory is taken from the system and given back to it: the
 * heap that Node.js takes other buffers from keeps up to 64 MB for later, and what lies between its pieces.
 */
export class ReceivedBody {
  readonly #maxBytes: number;
  #size = 0;
  #chunks: Buffer[] = [];
  /** Holds the body once it is large. */
  #large: Uint8Array<ArrayBuffer> | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A body that was read elsewhere. */
  static of(bytes: Buffer): ReceivedBody {
    const body = new ReceivedBody(bytes.length);
    body.add(bytes);
    return body;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds the next piece. The body must not become longer than its bound. */
  add(chunk: Buffer): void {
    const at = this.#size;
    this.#size += chunk.length;
    if (this.#size <= LARGE_BYTES) {
      this.#chunks.push(chunk);
      return;
    }
    // It follows its buffer as that grows
    this.#large ??= new Uint8Array(new ArrayBuffer(0, { maxByteLength: this.#maxBytes }));
    const { buffer } = this.#large;
    if (this.#size > buffer.byteLength) buffer.resize(Math.min(this.#maxBytes, this.#size + STEP_BYTES));
    let start = 0;
    for (const one of this.#chunks.splice(0)) {
      this.#large.set(one, start);
      start += one.length;
    }
    this.#large.set(chunk, at);
  }

  /** All of it. */
  bytes(): Buffer {
    if (this.#large !== undefined) return Buffer.from(this.#large.buffer, 0, this.#size);
    const [first] = this.#chunks;
    if (first !== undefined && this.#chunks.length === 1) return first;
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [bytes];
    return bytes;
  }

  /** All of it, in a buffer that can be transferred; nothing is left here. */
  take(): ArrayBuffer {
    const buffer = this.#large?.buffer ?? bufferOf(this.bytes());
    if (buffer.resizable) buffer.resize(this.#size);
    this.#large = undefined;
    this.clear();
    return buffer;
  }

  /** Frees the memory of what was not taken. */
  clear(): void {
    this.#large?.buffer.resize(0);
    this.#large = undefined;
    this.#chunks = [];
    this.#size = 0;
  }
}

/** Bytes in a buffer of their own: small ones are parts of a pool. */
function bufferOf(bytes: Buffer): ArrayBuffer {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length
    ? buffer
    : new Uint8Array(bytes).buffer;
}
