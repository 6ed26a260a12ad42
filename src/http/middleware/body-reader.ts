import type { IncomingMessage } from 'node:http';
import { ReceivedBody } from '../../calls/received-body.ts';
import { ArrivingBody } from './arriving-body.ts';
import { BodyRoom, LOOK_MS } from './body-room.ts';
import { PromptBodies, type PromptBody } from './prompt-bodies.ts';

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

/** Bodies of known size up to this one are expected to arrive at once. */
const PROMPT_BYTES = 64 * 1024;
/** Up to this size bodies of known size have a room of their own, which large ones cannot fill. */
const SMALL_BYTES = 256 * 1024;
/** Part of the room for large bodies that small ones have. */
const SMALL_ROOM = 1 / 4;
/** Bytes that a sender has read in one turn of the event loop: without a bound it is 2 MB, and eight of them hold up others for 20 ms. */
const TURN_BYTES = 512 * 1024;
/** A body that is refused is thrown away as it comes, up to so many times the size that it may have. */
const MAX_THROWN_AWAY = 16;

/** A body while it is read. */
type Reading = {
  readonly body: ArrivingBody;
  readonly resolve: (body: Body) => void;
  readonly room: BodyRoom;
  refused: 'too_large' | 'overloaded' | undefined;
  thrownAway: number;
  /** Bytes in this turn of the event loop. */
  turn: number;
};

class HeldBody {
  readonly received: ReceivedBody;
  readonly #room: BodyRoom;
  readonly #size: number;

  constructor(received: ReceivedBody, room: BodyRoom) {
    this.received = received;
    this.#room = room;
    this.#size = received.size;
  }

  release(): void {
    this.received.clear();
    this.#room.release(this.#size);
  }
}

/**
 * Reads bodies within bounds of memory and time. Counted is what has arrived. Where there is no room for more, a body waits in the
 * network until another has its reply, and slow ones give way to it. A refused body is read on to its end and thrown away, as a caller
 * that is still sending would not see an earlier reply, but no longer than any body may take.
 */
export class BodyReader {
  readonly #maxBytes: number;
  readonly #timeoutMs: number;
  readonly #smallBytes: number;
  readonly #promptBytes: number;
  readonly #small: BodyRoom;
  readonly #large: BodyRoom;
  readonly #prompt: PromptBodies<Body>;
  /** All but the prompt ones. */
  readonly #readings = new Map<ArrivingBody, Reading>();
  #timer: NodeJS.Timeout | undefined;
  #looksAt = Number.POSITIVE_INFINITY;

  constructor({ maxBytes, largestAtOnce, timeoutMs }: BodyLimits) {
    this.#maxBytes = maxBytes;
    this.#timeoutMs = timeoutMs;
    const large = maxBytes * largestAtOnce;
    this.#smallBytes = Math.min(SMALL_BYTES, maxBytes, (large * SMALL_ROOM) / 2);
    this.#promptBytes = Math.min(PROMPT_BYTES, this.#smallBytes);
    this.#large = new BodyRoom(large, maxBytes, timeoutMs);
    this.#small = new BodyRoom(large * SMALL_ROOM, this.#smallBytes, timeoutMs);
    this.#prompt = new PromptBodies<Body>((bytes) => this.#hold(bytes), this.#watchLate);
  }

  /** A body that was read elsewhere. */
  take(bytes: Buffer): Body {
    return bytes.length > this.#maxBytes
      ? { refused: 'too_large' }
      : { received: ReceivedBody.of(bytes), release() {} };
  }

  read(incoming: IncomingMessage): Promise<Body> {
    const length = incoming.headers['content-length'];
    const promised = length === undefined ? Number.POSITIVE_INFINITY : Number(length);
    if (promised <= this.#promptBytes && promised > 0) return this.#prompt.read(incoming, promised);
    return new Promise((resolve) => this.#watch(incoming, promised, performance.now(), [], resolve));
  }

  #hold(bytes: Buffer): Body {
    this.#small.hold(bytes.length);
    return new HeldBody(ReceivedBody.of(bytes), this.#small);
  }

  readonly #watchLate = ({ incoming, length, startedAt, first, rest, resolve }: PromptBody<Body>): void => {
    const chunks = first === undefined ? [] : [first, ...(rest ?? [])];
    this.#watch(incoming, length, startedAt, chunks, resolve);
  };

  /** @param chunks those that have arrived */
  #watch(
    incoming: IncomingMessage,
    promised: number,
    startedAt: number,
    chunks: readonly Buffer[],
    resolve: (body: Body) => void,
  ): void {
    if (incoming.destroyed) {
      resolve({ refused: 'aborted' });
      return;
    }
    const body = new ArrivingBody(incoming, promised, this.#maxBytes, startedAt);
    for (const chunk of chunks) body.add(chunk);
    const isTooLarge = promised > this.#maxBytes && Number.isFinite(promised);
    const room = promised <= this.#smallBytes ? this.#small : this.#large;
    const refused = isTooLarge ? 'too_large' : undefined;
    const reading: Reading = { body, resolve, room, refused, thrownAway: 0, turn: 0 };
    this.#readings.set(body, reading);
    this.#lookIn(Math.max(0, this.#timeoutMs - body.elapsedMs(performance.now())));

    incoming.on('data', (chunk: Buffer) => {
      if (reading.refused === undefined) this.#add(reading, chunk);
      else this.#throwAway(reading, chunk);
      reading.turn += chunk.length;
      if (reading.turn >= TURN_BYTES) this.#endTurn(reading);
    });
    incoming.on('end', () => {
      if (!this.#readings.delete(body)) return;
      if (reading.refused !== undefined) return resolve({ refused: reading.refused });
      room.leave(body, true);
      return resolve(new HeldBody(body.take(), room));
    });
    const abort = () => {
      if (this.#readings.delete(body)) this.#drop(reading);
      resolve({ refused: 'aborted' });
    };
    incoming.on('error', abort);
    incoming.on('close', abort);
    if (refused === undefined) this.#enter(reading);
  }

  #enter({ body, room }: Reading): void {
    room.enter(body);
    if (room.isAwaited) this.#lookIn(LOOK_MS);
  }

  #add(reading: Reading, chunk: Buffer): void {
    const { body, room } = reading;
    if (body.size + chunk.length > this.#maxBytes) {
      this.#refuse(reading, 'too_large');
      return;
    }
    const isWorthIt = body.add(chunk);
    room.grow(body, chunk.length);
    if (!isWorthIt) {
      this.#refuse(reading, 'too_large');
      this.#giveUp(reading, 'too_large');
    } else if (body.isWaiting) this.#lookIn(LOOK_MS);
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
      room.look(this.#giveWay);
      if (room.isAwaited) nextMs = Math.min(nextMs, LOOK_MS);
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#lookIn(nextMs);
  };
}
