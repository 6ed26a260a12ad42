import type { IncomingMessage } from 'node:http';

export type BodyLimits = {
  /** Most bytes of one body. */
  readonly maxBytes: number;
  /** Number of bodies of the greatest size that may be in memory before their replies are sent. */
  readonly largestAtOnce: number;
  /** Milliseconds in which a body has to arrive. */
  readonly timeoutMs: number;
};

/** Why a body was not read: `slow` is one that took too long to arrive. */
export type UnreadBody = 'too_large' | 'overloaded' | 'slow' | 'aborted';

/** A body, to be released once its reply is sent, or why there is none; `isArriving` if its sender may still be sending it. */
export type Body =
  | { readonly bytes: Buffer; release(): void }
  | { readonly refused: UnreadBody; readonly isArriving?: true };

/** Up to this size bodies have a room of their own, which half-sent large ones cannot fill. */
const SMALL_BYTES = 256 * 1024;
/** Part of the room for large bodies that small ones have. */
const SMALL_ROOM = 1 / 8;
/** A body that brought fewer bytes in that time does not come on: it gives way to others. */
const PROGRESS_BYTES = 64 * 1024;
const PROGRESS_MS = 1000;

/** Memory for bodies of one size. */
class Room {
  readonly max: number;
  held = 0;

  constructor(max: number) {
    this.max = max;
  }
}

/** A body that has begun to arrive. */
class Arriving {
  readonly startedAt = performance.now();
  readonly resolve: (body: Body) => void;
  room: Room;
  chunks: Buffer[] = [];
  size = 0;
  refused: 'too_large' | 'overloaded' | undefined;
  #progressAt = this.startedAt;
  #progress = 0;

  constructor(room: Room, resolve: (body: Body) => void) {
    this.room = room;
    this.resolve = resolve;
  }

  add(chunk: Buffer, room: Room): void {
    this.room.held -= this.size;
    this.room = room;
    this.size += chunk.length;
    room.held += this.size;
    this.chunks.push(chunk);
    if (this.size - this.#progress < PROGRESS_BYTES) return;
    this.#progress = this.size;
    this.#progressAt = performance.now();
  }

  comesOn(now: number): boolean {
    return now - this.#progressAt < PROGRESS_MS;
  }

  refuse(reason: 'too_large' | 'overloaded'): void {
    this.refused = reason;
    this.release();
  }

  readonly release = (): void => {
    this.room.held -= this.size;
    this.size = 0;
    this.chunks = [];
  };
}

/**
 * Reads bodies within bounds of memory and time. Counted is what has arrived. Where there is no room for more, those that do not
 * come on give way, the oldest first, then the one that is arriving. A refused body is read on to its end and thrown away, as a
 * caller that is still sending would not see an earlier reply, but no longer than any body may take.
 */
export class BodyReader {
  readonly #maxBytes: number;
  readonly #timeoutMs: number;
  readonly #smallBytes: number;
  readonly #small: Room;
  readonly #large: Room;
  /** The oldest first. */
  readonly #arriving = new Set<Arriving>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ maxBytes, largestAtOnce, timeoutMs }: BodyLimits) {
    this.#maxBytes = maxBytes;
    this.#timeoutMs = timeoutMs;
    this.#large = new Room(maxBytes * largestAtOnce);
    this.#small = new Room(this.#large.max * SMALL_ROOM);
    this.#smallBytes = Math.min(SMALL_BYTES, this.#small.max / 2);
  }

  /** A body that was read elsewhere. */
  take(bytes: Buffer): Body {
    return bytes.length > this.#maxBytes ? { refused: 'too_large' } : { bytes, release() {} };
  }

  read(incoming: IncomingMessage): Promise<Body> {
    return new Promise((resolve) => {
      const body = new Arriving(this.#small, resolve);
      this.#arriving.add(body);
      this.#timer ??= setTimeout(this.#giveUp, this.#timeoutMs).unref();
      if (Number(incoming.headers['content-length']) > this.#maxBytes) body.refused = 'too_large';

      incoming.on('data', (chunk: Buffer) => {
        if (body.refused === undefined) this.#add(body, chunk);
      });
      incoming.on('end', () => {
        this.#arriving.delete(body);
        if (body.refused !== undefined) return resolve({ refused: body.refused });
        const [first] = body.chunks;
        const bytes =
          first !== undefined && body.chunks.length === 1 ? first : Buffer.concat(body.chunks, body.size);
        body.chunks = [];
        return resolve({ bytes, release: body.release });
      });
      const abort = () => {
        this.#arriving.delete(body);
        if (!incoming.readableEnded) body.release();
        resolve({ refused: 'aborted' });
      };
      incoming.on('error', abort);
      incoming.on('close', abort);
    });
  }

  #add(body: Arriving, chunk: Buffer): void {
    const size = body.size + chunk.length;
    if (size > this.#maxBytes) {
      body.refuse('too_large');
      return;
    }
    const room = size > this.#smallBytes ? this.#large : this.#small;
    body.add(chunk, room);
    if (room.held <= room.max) return;
    const now = performance.now();
    for (const other of this.#arriving) {
      if (room.held <= room.max) return;
      if (other.room === room && !other.comesOn(now)) other.refuse('overloaded');
    }
    if (room.held > room.max) body.refuse('overloaded');
  }

  readonly #giveUp = (): void => {
    // After a pause of the process bytes may be waiting that came in time
    setImmediate(() => {
      this.#timer = undefined;
      const now = performance.now();
      for (const body of this.#arriving) {
        const leftMs = body.startedAt + this.#timeoutMs - now;
        if (leftMs > 0) {
          this.#timer = setTimeout(this.#giveUp, leftMs).unref();
          return;
        }
        this.#arriving.delete(body);
        const refused = body.refused ?? 'slow';
        body.refuse('overloaded');
        body.resolve({ refused, isArriving: true });
      }
    });
  };
}
