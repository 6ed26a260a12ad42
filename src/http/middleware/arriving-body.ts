import type { IncomingMessage } from 'node:http';
import { ReceivedBody } from '../../calls/received-body.ts';

/** Smaller pieces are put together: one of a byte takes two hundred. */
const WHOLE_PIECE = 4096;
const MAX_BLOCK = 64 * 1024;
/** Pieces cost time, whatever is in them: beyond the first ones a body has no more than one for so many bytes. */
const FREE_PIECES = 1024;
const BYTES_OF_PIECE = 16;

/** A body that has begun to arrive. Time in which it is told to wait does not count for it. */
export class ArrivingBody {
  readonly incoming: IncomingMessage;
  /** Bytes that it will have, as its sender says; infinite if it says nothing. */
  readonly promised: number;
  size = 0;
  isWaiting = false;
  /** Bytes for which it was let in, and has not brought yet. */
  admitted = 0;
  /** True if those are all that it misses. */
  isWholeAdmitted = false;
  /** How often others that waited went on in its place, as it was slow. */
  lostTurns = 0;
  readonly #received: ReceivedBody;
  #pieces = 0;
  /** Holds small pieces that are still to be added, up to `#filled`. */
  #block: Buffer | undefined;
  #filled = 0;
  readonly #startedAt: number;
  #waitedMs = 0;
  #waitsSince = 0;
  /** Looks of its turn in which it was slow, and its size at the last one. */
  #slowLooks = 0;
  #sizeSeen = 0;

  constructor(incoming: IncomingMessage, promised: number, maxBytes: number, startedAt: number) {
    this.incoming = incoming;
    this.promised = promised;
    this.#startedAt = startedAt;
    this.#received = new ReceivedBody(maxBytes);
  }

  /** Returns false if it comes in so many pieces that it is not worth the time. */
  add(chunk: Buffer): boolean {
    this.size += chunk.length;
    if (chunk.length >= WHOLE_PIECE || this.size === chunk.length) {
      this.#endBlock();
      this.#received.add(chunk);
    } else this.#append(chunk);
    return ++this.#pieces <= FREE_PIECES + this.size / BYTES_OF_PIECE;
  }

  /** Returns what has arrived. */
  take(): ReceivedBody {
    this.#endBlock();
    return this.#received;
  }

  /** Has its sender wait: what it sends meanwhile stays in the network. */
  wait(): void {
    if (this.isWaiting) return;
    this.isWaiting = true;
    this.#waitsSince = performance.now();
    this.incoming.pause();
  }

  goOn(): void {
    if (!this.isWaiting) return;
    this.#waitedMs += this.#waited(performance.now());
    this.isWaiting = false;
    this.#slowLooks = 0;
    this.#sizeSeen = this.size;
    this.incoming.resume();
  }

  /** Reads nothing more of its connection, which is closed after the reply. */
  stop(): void {
    this.incoming.removeAllListeners('data');
    this.incoming.socket.pause();
  }

  /** Milliseconds that it has had to arrive. */
  elapsedMs(now: number): number {
    return now - this.#startedAt - this.waitedMs(now);
  }

  waitedMs(now: number): number {
    return this.#waitedMs + this.#waited(now);
  }

  /** Bytes a millisecond. */
  pace(now: number): number {
    return this.size / Math.max(1, this.elapsedMs(now));
  }

  /** Looks how much it brought since the last look: a pause of the process is one look. Returns how often that was too little, since it was let in. */
  look(pace: number): number {
    if (this.size - this.#sizeSeen < pace) this.#slowLooks++;
    this.#sizeSeen = this.size;
    return this.#slowLooks;
  }

  #waited(now: number): number {
    return this.isWaiting ? now - this.#waitsSince : 0;
  }

  #append(chunk: Buffer): void {
    if (this.#block === undefined || this.#filled + chunk.length > this.#block.length) {
      this.#endBlock();
      const missing = this.promised - this.size + chunk.length;
      this.#block = Buffer.allocUnsafeSlow(Math.min(MAX_BLOCK, Math.max(WHOLE_PIECE, this.size), missing));
    }
    chunk.copy(this.#block, this.#filled);
    this.#filled += chunk.length;
  }

  #endBlock(): void {
    if (this.#block !== undefined) this.#received.add(this.#block.subarray(0, this.#filled));
    this.#block = undefined;
    this.#filled = 0;
  }
}
