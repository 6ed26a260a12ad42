import type { IncomingMessage } from 'node:http';
import { ReceivedBody } from '../../calls/received-body.ts';

/** Smaller pieces are put together: one of a byte takes two hundred. */
const WHOLE_PIECE = 4096;
const MAX_BLOCK = 64 * 1024;
/** Pieces cost time, whatever is in them: beyond the first ones a body has no more than one for so many bytes. */
const FREE_PIECES = 1024;
const BYTES_OF_PIECE = 16;

/** A body that brought fewer bytes in that time has stopped. */
const PROGRESS_BYTES = 64 * 1024;
const PROGRESS_MS = 1000;
/** Pace is told after that. */
const MEASURED_MS = 1000;

/** A body that has begun to arrive. Time in which it is told to wait does not count for it. */
export class ArrivingBody {
  readonly incoming: IncomingMessage;
  /** Bytes that it will have, as its sender says; infinite if it says nothing. */
  readonly promised: number;
  size = 0;
  isWaiting = false;
  /** Up to this size nobody has to ask for room. */
  admittedTo = 0;
  readonly #received: ReceivedBody;
  #pieces = 0;
  /** Holds small pieces that are still to be added, up to `#filled`. */
  #block: Buffer | undefined;
  #filled = 0;
  readonly #startedAt = performance.now();
  #waitedMs = 0;
  #waitsSince = 0;
  #progressAt = this.#startedAt;
  #progress = 0;

  constructor(incoming: IncomingMessage, maxBytes: number) {
    this.incoming = incoming;
    const length = incoming.headers['content-length'];
    this.promised = length === undefined ? Number.POSITIVE_INFINITY : Number(length);
    this.#received = new ReceivedBody(maxBytes);
  }

  /** Returns false if it comes in so many pieces that it is not worth the time. */
  add(chunk: Buffer): boolean {
    this.size += chunk.length;
    if (chunk.length >= WHOLE_PIECE || this.size === chunk.length) {
      this.#endBlock();
      this.#received.add(chunk);
    } else this.#append(chunk);
    if (this.size - this.#progress >= PROGRESS_BYTES) {
      this.#progress = this.size;
      this.#progressAt = performance.now();
    }
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
    const waited = this.#waited(performance.now());
    this.isWaiting = false;
    this.#waitedMs += waited;
    this.#progressAt += waited;
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

  /** True if it has stopped, or will not have arrived in time at its pace. */
  isLost(now: number, timeoutMs: number): boolean {
    if (this.isWaiting) return false;
    if (now - this.#progressAt >= PROGRESS_MS) return true;
    if (this.promised === Number.POSITIVE_INFINITY || this.elapsedMs(now) < MEASURED_MS) return false;
    return this.pace(now) * timeoutMs < this.promised;
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
