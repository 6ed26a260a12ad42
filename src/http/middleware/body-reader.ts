import type { IncomingMessage } from 'node:http';
import { ReceivedBody } from '../../calls/received-body.ts';
import { ArrivingBody } from './arriving-body.ts';
import { BodyRoom } from './body-room.ts';

export type BodyLimits = {
  /** Most bytes of one body. */
  readonly maxBytes: number;
  /** Number of bodies of the greatest size that may be in memory before their replies are sent. */
  readonly largestAtOnce: number;
  /** Milliseconds in which a body has to arrive, and which it may wait for room. */
  readonly timeoutMs: number;
};

/** Why a body was not read: `slow` is one that took too long to arrive. */
export type UnreadBody = 'too_large' | 'overloaded' | 'slow' | 'aborted';

/** A body, to be released once its reply is sent, or why there is none; `isArriving` if its sender may still be sending it. */
export type Body =
  | { readonly received: ReceivedBody; release(): void }
  | { readonly refused: UnreadBody; readonly isArriving?: true };

/** Up to this size bodies have a room of their own, which large ones cannot fill. */
const SMALL_BYTES = 256 * 1024;
/** Part of the room for large bodies that small ones have. */
const SMALL_ROOM = 1 / 4;
/** Bytes that a sender has read in one turn of the event loop: without a bound it is 2 MB, and eight of them hold up others for 20 ms. */
const TURN_BYTES = 512 * 1024;
/** A body that is refused is thrown away as it comes, up to so many times the size that it may have. */
const MAX_THROWN_AWAY = 16;
/** How often those that wait look whether others have become slow. */
const LOOK_MS = 250;

/** What is kept of a body while it is read. */
type Reading = {
  readonly body: ArrivingBody;
  readonly resolve: (body: Body) => void;
  room: BodyRoom;
  refused: 'too_large' | 'overloaded' | undefined;
  thrownAway: number;
  /** Bytes in this turn of the event loop. */
  turn: number;
};

/**
 * Reads bodies within bounds of memory and time. Counted is what has arrived. Where there is no room for more, a body waits in the
 * network until another has its reply, and those that will not arrive in time give way to it. A refused body is read on to its end and
 * thrown away, as a caller that is still sending would not see an earlier reply, but no longer than any body may take.
 */
export class BodyReader {
  readonly #maxBytes: number;
  readonly #timeoutMs: number;
  readonly #smallBytes: number;
  readonly #small: BodyRoom;
  readonly #large: BodyRoom;
  readonly #readings = new Map<ArrivingBody, Reading>();
  #timer: NodeJS.Timeout | undefined;
  #looksAt = Number.POSITIVE_INFINITY;

  constructor({ maxBytes, largestAtOnce, timeoutMs }: BodyLimits) {
    this.#maxBytes = maxBytes;
    this.#timeoutMs = timeoutMs;
    const large = maxBytes * largestAtOnce;
    this.#smallBytes = Math.min(SMALL_BYTES, (large * SMALL_ROOM) / 2);
    this.#large = new BodyRoom(large, maxBytes, timeoutMs);
    this.#small = new BodyRoom(large * SMALL_ROOM, this.#smallBytes, timeoutMs);
  }

  /** A body that was read elsewhere. */
  take(bytes: Buffer): Body {
    return bytes.length > this.#maxBytes
      ? { refused: 'too_large' }
      : { received: ReceivedBody.of(bytes), release() {} };
  }

  read(incoming: IncomingMessage): Promise<Body> {
    return new Promise((resolve) => {
      const body = new ArrivingBody(incoming, this.#maxBytes);
      const refused =
        body.promised > this.#maxBytes && Number.isFinite(body.promised) ? 'too_large' : undefined;
      const reading: Reading = { body, resolve, room: this.#small, refused, thrownAway: 0, turn: 0 };
      this.#readings.set(body, reading);
      if (refused === undefined) reading.room.enter(body);
      this.#lookIn(this.#timeoutMs);

      incoming.on('data', (chunk: Buffer) => {
        if (reading.refused === undefined) this.#add(reading, chunk);
        else this.#throwAway(reading, chunk);
        reading.turn += chunk.length;
        if (reading.turn >= TURN_BYTES) this.#endTurn(reading);
      });
      incoming.on('end', () => {
        if (!this.#readings.delete(body)) return;
        if (reading.refused !== undefined) return resolve({ refused: reading.refused });
        const { room } = reading;
        const { size } = body;
        room.leave(body, true);
        const received = body.take();
        const release = () => {
          received.clear();
          room.release(size);
        };
        return resolve({ received, release });
      });
      const abort = () => {
        if (this.#readings.delete(body)) this.#drop(reading);
        resolve({ refused: 'aborted' });
      };
      incoming.on('error', abort);
      incoming.on('close', abort);
    });
  }

  #add(reading: Reading, chunk: Buffer): void {
    const { body } = reading;
    const size = body.size + chunk.length;
    if (size > this.#maxBytes) {
      this.#refuse(reading, 'too_large');
      return;
    }
    if (size > this.#smallBytes && reading.room === this.#small) {
      this.#small.leave(body, false);
      this.#large.enter(body);
      reading.room = this.#large;
    }
    const isWorthIt = body.add(chunk);
    reading.room.grow(chunk.length);
    if (!isWorthIt) {
      this.#refuse(reading, 'too_large');
      this.#giveUp(reading, 'too_large');
    } else if (!reading.room.isWide) {
      reading.room.admit(body, this.#giveWay);
      if (body.isWaiting) this.#lookIn(LOOK_MS);
    }
  }

  #throwAway(reading: Reading, chunk: Buffer): void {
    reading.thrownAway += chunk.length;
    if (reading.thrownAway > MAX_THROWN_AWAY * this.#maxBytes)
      this.#giveUp(reading, reading.refused ?? 'too_large');
  }

  /** Lets others have a turn. */
  #endTurn(reading: Reading): void {
    const { incoming } = reading.body;
    incoming.pause();
    setImmediate(() => {
      reading.turn = 0;
      if (!reading.body.isWaiting && this.#readings.has(reading.body)) incoming.resume();
    });
  }

  readonly #giveWay = (body: ArrivingBody): void => {
    const reading = this.#readings.get(body);
    if (reading !== undefined) this.#refuse(reading, 'overloaded');
  };

  #refuse(reading: Reading, reason: 'too_large' | 'overloaded'): void {
    reading.refused = reason;
    this.#drop(reading);
    reading.body.goOn();
  }

  /** Frees the memory of a body that is not wanted. */
  #drop({ body, room }: Reading): void {
    room.leave(body, false);
    body.take().clear();
  }

  /** Replies to a sender that is still sending. */
  #giveUp(reading: Reading, refused: UnreadBody): void {
    if (this.#readings.delete(reading.body)) this.#drop(reading);
    reading.body.stop();
    reading.resolve({ refused, isArriving: true });
  }

  #lookIn(ms: number): void {
    const at = performance.now() + ms;
    if (at >= this.#looksAt) return;
    clearTimeout(this.#timer);
    this.#looksAt = at;
    // After a pause of the process bytes may be waiting that came in time
    this.#timer = setTimeout(() => setImmediate(this.#look), ms).unref();
  }

  readonly #look = (): void => {
    this.#looksAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const reading of this.#readings.values()) {
      const { body, refused } = reading;
      const leftMs = this.#timeoutMs - body.elapsedMs(now);
      if (leftMs <= 0) this.#giveUp(reading, refused ?? 'slow');
      else if (body.isWaiting && body.waitedMs(now) >= this.#timeoutMs) this.#refuse(reading, 'overloaded');
      else nextMs = Math.min(nextMs, leftMs);
    }
    for (const room of [this.#small, this.#large]) {
      room.letIn(this.#giveWay);
      if (room.isAwaited) nextMs = Math.min(nextMs, LOOK_MS);
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#lookIn(nextMs);
  };
}
