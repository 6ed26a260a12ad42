import { promisify } from 'node:util';
import { gunzip, gunzipSync } from 'node:zlib';

/** A smaller body costs nobody else anything. */
const SMALL_BYTES = 4 * 1024 * 1024;
/** Most that a byte of gzip unpacks to. */
const MOST_UNPACKED = 1032;

const gunzipAside = promisify(gunzip);

/**
 * Unpacks bodies of log events. Those that can be large are unpacked one after the other, and wait for those before them while more than
 * a small body is in memory: a sender of many small ones has them stored together.
 */
export class PostedBodies {
  readonly #maxBytes: number;
  /** Resolved when the next that can be large may be unpacked. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Bytes of those that are unpacked and not done. */
  #bytes = 0;

  /** @param maxBytes most bytes of an unpacked body */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Does something with a body; `too_large` and `not_gzip` if it cannot be unpacked. */
  async read<Result>(
    packed: Buffer,
    isGzip: boolean,
    work: (body: Buffer) => Promise<Result>,
  ): Promise<Result | 'too_large' | 'not_gzip'> {
    if (packed.length * (isGzip ? MOST_UNPACKED : 1) <= SMALL_BYTES) {
      const body = await unpacked(() => (isGzip ? gunzipSync(packed, this.#bound()) : packed));
      return typeof body === 'string' ? body : work(body);
    }
    const unpack = () => (isGzip ? gunzipAside(packed, this.#bound()) : packed);
    const body = this.#turn.then(() => unpacked(unpack));
    const turn = Promise.withResolvers<void>();
    this.#turn = turn.promise;
    return body.then((read) => this.#work(read, work, turn.resolve)).finally(turn.resolve);
  }

  async #work<Result, Refusal extends string>(
    body: Buffer | Refusal,
    work: (body: Buffer) => Promise<Result>,
    next: () => void,
  ): Promise<Result | Refusal> {
    if (typeof body === 'string') return body;
    const { length } = body;
    this.#bytes += length;
    if (this.#bytes <= SMALL_BYTES) next();
    return work(body).finally(() => {
      this.#bytes -= length;
    });
  }

  #bound() {
    return { maxOutputLength: this.#maxBytes };
  }
}

async function unpacked(unpack: () => Buffer | Promise<Buffer>): Promise<Buffer | 'too_large' | 'not_gzip'> {
  try {
    return await unpack();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'not_gzip';
  }
}
