import type { ArrivingBody } from './arriving-body.ts';

/** Most bytes of a body that arrive at once. */
const PIECE = 64 * 1024;
/** Part of the greatest body that one is let in for at a time: to look at each piece took longer than to read it. */
const SHARE_AT_A_TIME = 1 / 64;
/** A body that has waited so long takes the place of much slower ones. */
const IMPATIENT_MS = 1000;
const MUCH_SLOWER = 8;

/** Memory for bodies up to one size: those that arrive, and those that have arrived and wait for their replies. */
export class BodyRoom {
  readonly #maxBytes: number;
  readonly #maxOfBody: number;
  readonly #timeoutMs: number;
  readonly #step: number;
  /** Bytes of all bodies. */
  #held = 0;
  /** Bytes of those that still arrive. */
  #arrivingBytes = 0;
  readonly #arriving = new Set<ArrivingBody>();
  #waiting = 0;
  /** Goes on in any case, see {@link #isStuck}. */
  #next: ArrivingBody | undefined;

  /** @param maxOfBody most bytes that one of them has */
  constructor(maxBytes: number, maxOfBody: number, timeoutMs: number) {
    this.#maxBytes = maxBytes;
    this.#maxOfBody = maxOfBody;
    this.#timeoutMs = timeoutMs;
    this.#step = Math.max(PIECE, maxOfBody * SHARE_AT_A_TIME);
  }

  /** True if there is room for any body: then nobody has to wait. */
  get isWide(): boolean {
    const coming = (this.#arriving.size - this.#waiting) * this.#step;
    return this.#held + coming + this.#maxOfBody <= this.#maxBytes;
  }

  /** True if a body waits for room. */
  get isAwaited(): boolean {
    return this.#waiting > 0;
  }

  enter(body: ArrivingBody): void {
    this.#arriving.add(body);
    this.grow(body.size);
  }

  /** A body that arrives has grown. */
  grow(bytes: number): void {
    this.#held += bytes;
    this.#arrivingBytes += bytes;
  }

  /** A body does not arrive any more. @param isWhole true if it is held until {@link release} */
  leave(body: ArrivingBody, isWhole: boolean): void {
    if (!this.#arriving.delete(body)) return;
    this.#arrivingBytes -= body.size;
    if (!isWhole) this.#held -= body.size;
    if (body.isWaiting) this.#waiting--;
    if (body === this.#next) this.#next = undefined;
    this.letIn();
  }

  release(bytes: number): void {
    this.#held -= bytes;
    this.letIn();
  }

  /** Lets a body go on, or has it wait until there is room. @param giveWay called with each that loses its place to it */
  admit(body: ArrivingBody, giveWay: (other: ArrivingBody) => void): void {
    if (!body.isWaiting && body.size < body.admittedTo) return;
    while (!this.#mayGrow(body)) {
      const other = this.#slowest(body);
      if (other === undefined) {
        if (!body.isWaiting) this.#waiting++;
        body.wait();
        return;
      }
      giveWay(other);
    }
    this.#goOn(body);
  }

  /** Lets those go on that wait and have room now. @param giveWay see {@link admit}; without it nobody loses a place */
  letIn(giveWay?: (other: ArrivingBody) => void): void {
    for (;;) {
      const body = this.#firstWaiting();
      if (body === undefined) return;
      if (giveWay !== undefined) this.admit(body, giveWay);
      else if (this.#mayGrow(body)) this.#goOn(body);
      // The others miss more
      if (body.isWaiting) return;
    }
  }

  #goOn(body: ArrivingBody): void {
    if (body.isWaiting) this.#waiting--;
    body.admittedTo = body.size + this.#step;
    body.goOn();
  }

  /** The one that misses least. */
  #firstWaiting(): ArrivingBody | undefined {
    if (this.#waiting === 0) return undefined;
    let first: ArrivingBody | undefined;
    for (const body of this.#arriving) {
      if (body.isWaiting && (first === undefined || this.#missing(body) < this.#missing(first))) first = body;
    }
    return first;
  }

  /** True if nothing will happen by itself, as all of it is held by bodies that wait. */
  get #isStuck(): boolean {
    return this.#waiting === this.#arriving.size && this.#held === this.#arrivingBytes;
  }

  #missing(body: ArrivingBody): number {
    return Math.max(0, Math.min(body.promised, this.#maxOfBody) - body.size);
  }

  /**
   * True if there is room for the next piece, and every body can still arrive whole, one after the other: first the one that misses
   * least, then with its room the next. Without that, bodies that have each arrived in part could fill the room for good.
   */
  #mayGrow(body: ArrivingBody): boolean {
    if (this.#missing(body) === 0 || body === this.#next) return true;
    if (this.#isStuck) {
      this.#next = body;
      return true;
    }
    let coming = 0;
    const others = [...this.#arriving].map((one) => {
      const missing = this.#missing(one);
      const step = one === body ? this.#step : one.isWaiting ? 0 : Math.max(PIECE, one.admittedTo - one.size);
      const piece = Math.min(step, missing);
      coming += piece;
      return { size: one.size + piece, missing: missing - piece };
    });
    if (this.#held + coming > this.#maxBytes) return false;
    let free = this.#maxBytes - this.#arrivingBytes - coming;
    for (const { missing, size } of others.sort((a, b) => a.missing - b.missing)) {
      if (missing > free) return false;
      free += size;
    }
    return true;
  }

  /** The slowest of those that are lost, or much slower than a body that has waited long and too slow for the greatest of bodies. */
  #slowest(waiting: ArrivingBody): ArrivingBody | undefined {
    const now = performance.now();
    const isImpatient = waiting.waitedMs(now) >= IMPATIENT_MS;
    let slowest: ArrivingBody | undefined;
    for (const body of this.#arriving) {
      if (body === waiting || body.size === 0) continue;
      const pace = body.pace(now);
      const isSlower =
        isImpatient &&
        !body.isWaiting &&
        pace * MUCH_SLOWER < waiting.pace(now) &&
        pace * this.#timeoutMs < this.#maxOfBody;
      if (!isSlower && !body.isLost(now, this.#timeoutMs)) continue;
      if (slowest === undefined || body.pace(now) < slowest.pace(now)) slowest = body;
    }
    return slowest;
  }
}
