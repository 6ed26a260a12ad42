import { promisify } from 'node:util';
import { gunzip, gunzipSync } from 'node:zlib';

/** A smaller body costs nobody else anything. */
const SMALL_BYTES = 4 * 1024 * 1024;
/** Most that a byte of gzip unpacks to. */
const MOST_UNPACKED = 1032;

const gunzipAside = promisify(gunzip);

/** Unpacks bodies of log events. Of those that can be large, each has to be done before the next is unpacked. */
export class PostedBodies {
  readonly #maxBytes: number;
  /** Resolved when the large bodies so far are done. */
  #large: Promise<unknown> = Promise.resolve();

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
      return this.#unpacked(() => (isGzip ? gunzipSync(packed, this.#bound()) : packed), work);
    }
    const unpack = () => (isGzip ? gunzipAside(packed, this.#bound()) : packed);
    const done = this.#large.then(() => this.#unpacked(unpack, work));
    this.#large = done.catch(() => {});
    return done;
  }

  async #unpacked<Result>(unpack: () => Buffer | Promise<Buffer>, work: (body: Buffer) => Promise<Result>) {
    let body: Buffer;
    try {
      body = await unpack();
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'not_gzip';
    }
    return work(body);
  }

  #bound() {
    return { maxOutputLength: this.#maxBytes };
  }
}
