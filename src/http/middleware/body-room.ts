import type { ArrivingBody } from './arriving-body.ts';

/** Most bytes of a body that arrive at once. */
const PIECE = 64 * 1024;
/** Part of the greatest body that one is let in for at a time: to look at each piece took longer than to read it. */
const SHARE_AT_A_TIME = 1 / 64;
/** How often it is looked, while bodies wait, which others are slow. */
export const LOOK_MS = 25;
/**
 * A body is slow if it brings less than the greatest of bodies needs to arrive in time: with that pace while so few wait, and with
 * more the more wait, as a crowd has no time for one that is only just in time.
 */
const CROWD = 8;
const MAX_HASTE = 8;
/** Looks in which one may be slow before it loses its turn: fewer the more bodies wait, so that each has its turn in time. */
const MAX_SLOW_LOOKS = 30;
const MIN_SLOW_LOOKS = 2;
const PART_OF_TIMEOUT = 1 / 8;

/**
 * Memory for bodies up to one size: those that arrive, and those that have arrived and wait for their replies. All may grow, step by
 * step, while there is room for the greatest of bodies besides; in that room grow those that fit into it whole. Where others wait, a
 * slow one loses its turn: it goes on behind all that did not, and gives up its place if one of those needs it.
 */
export class BodyRoom {
  readonly #maxBytes: number;
  readonly #maxOfBody: number;
  readonly #timeoutMs: number;
  /** Bytes between two looks at the pace at which the greatest of bodies arrives in time. */
  readonly #pace: number;
  readonly #step: number;
  /** Bytes of all bodies. */
  #held = 0;
  /** Bytes of those that have arrived. */
  #whole = 0;
  /** Bytes for which others are let in: for a step, or for all that they miss. */
  #coming = 0;
  #reserved = 0;
  /** Those that arrive, in the order in which they came. */
  readonly #arriving = new Set<ArrivingBody>();
  #waiting = 0;
  #isLettingIn = false;

  /** @param maxOfBody most bytes that one of them has */
  constructor(maxBytes: number, maxOfBody: number, timeoutMs: number) {
    this.#maxBytes = maxBytes;
    this.#maxOfBody = maxOfBody;
    this.#timeoutMs = timeoutMs;
    this.#pace = (LOOK_MS * maxOfBody) / timeoutMs;
    this.#step = Math.max(PIECE, maxOfBody * SHARE_AT_A_TIME);
  }

  /** True if a body waits for room. */
  get isAwaited(): boolean {
    return this.#waiting > 0;
  }

  /** A body that arrived at once is held until {@link release}. */
  hold(bytes: number): void {
    this.#held += bytes;
    this.#whole += bytes;
  }

  release(bytes: number): void {
    this.#held -= bytes;
    this.#whole -= bytes;
    if (this.#waiting > 0) this.letIn();
  }

  /** A body begins to arrive: it goes on, or waits until there is room. */
  enter(body: ArrivingBody): void {
    this.#arriving.add(body);
    this.#held += body.size;
    this.#ask(body);
  }

  /** A body has grown: it goes on, or waits until there is room for more. */
  grow(body: ArrivingBody, bytes: number): void {
    this.#held += bytes;
    this.#admit(body, Math.max(0, body.admitted - bytes), body.isWholeAdmitted);
    if (!body.isWaiting) {
      if (body.admitted === 0) this.#ask(body);
    } else if (this.#missing(body) === 0) {
      // Its last piece came after it was told to wait
      this.#waiting--;
      body.goOn();
    }
  }

  /** A body does not arrive any more. @param isWhole true if it is held until {@link release} */
  leave(body: ArrivingBody, isWhole: boolean): void {
    if (!this.#arriving.delete(body)) return;
    if (isWhole) this.#whole += body.size;
    else this.#held -= body.size;
    if (body.isWaiting) this.#waiting--;
    this.#admit(body, 0);
    this.letIn();
  }

  /** Takes their turns from slow ones, if others wait. @param giveWay called with each that loses its place */
  look(giveWay: (other: ArrivingBody) => void): void {
    if (this.#waiting === 0) return;
    const looks = (this.#timeoutMs * PART_OF_TIMEOUT) / LOOK_MS / this.#waiting;
    const most = Math.min(MAX_SLOW_LOOKS, Math.max(MIN_SLOW_LOOKS, looks));
    const pace = this.#pace * Math.min(MAX_HASTE, Math.max(1, this.#waiting / CROWD));
    for (const body of this.#arriving) {
      if (body.isWaiting || body.look(pace) < most) continue;
      body.lostTurns++;
      this.#wait(body);
    }
    this.letIn(giveWay);
  }

  /** Lets those go on that wait and have room now. @param giveWay see {@link look}; without it nobody loses a place */
  letIn(giveWay?: (other: ArrivingBody) => void): void {
    if (this.#isLettingIn) return;
    this.#isLettingIn = true;
    for (let body = this.#first(); body !== undefined; body = this.#first()) {
      while (!this.#letGoOn(body)) {
        const other = giveWay && this.#slowest(body);
        if (other === undefined) {
          this.#isLettingIn = false;
          return;
        }
        giveWay?.(other);
      }
      this.#waiting--;
      body.goOn();
    }
    this.#isLettingIn = false;
  }

  #ask(body: ArrivingBody): void {
    if (this.#missing(body) === 0) return;
    // One that begins does not overtake those that wait
    if ((this.#waiting > 0 && body.size === 0) || !this.#mayStep(body)) {
      this.#wait(body);
      this.letIn();
    } else this.#admit(body, this.#stepOf(body));
  }

  #wait(body: ArrivingBody): void {
    this.#admit(body, 0);
    this.#waiting++;
    body.wait();
  }

  #admit(body: ArrivingBody, bytes: number, isWhole = false): void {
    this.#coming += bytes - body.admitted;
    if (body.isWholeAdmitted) this.#reserved -= body.admitted;
    if (isWhole) this.#reserved += bytes;
    body.admitted = bytes;
    body.isWholeAdmitted = isWhole;
  }

  /** The one that has waited longest, of those that lost the fewest turns. */
  #first(): ArrivingBody | undefined {
    if (this.#waiting === 0) return undefined;
    let first: ArrivingBody | undefined;
    for (const body of this.#arriving) {
      if (!body.isWaiting || (first !== undefined && first.lostTurns <= body.lostTurns)) continue;
      first = body;
      if (body.lostTurns === 0) break;
    }
    return first;
  }

  #missing(body: ArrivingBody): number {
    return Math.max(0, Math.min(body.promised, this.#maxOfBody) - body.size);
  }

  #stepOf(body: ArrivingBody): number {
    return Math.min(this.#step, this.#missing(body));
  }

  /** True if a body may grow beside all others. @param given bytes that others give up */
  #mayStep(body: ArrivingBody, given = 0): boolean {
    const kept = Math.max(this.#maxOfBody, this.#reserved);
    const coming = this.#coming - this.#reserved + this.#stepOf(body);
    return this.#held - given + coming + kept <= this.#maxBytes;
  }

  /** True if all that a body misses may come. @param given bytes that others give up */
  #mayEnd(body: ArrivingBody, given = 0): boolean {
    return this.#held - given + this.#coming + this.#missing(body) <= this.#maxBytes;
  }

  /** Returns false if there is no room for a body. */
  #letGoOn(body: ArrivingBody): boolean {
    if (this.#mayStep(body)) {
      this.#admit(body, this.#stepOf(body));
      return true;
    }
    // Nothing will happen by itself where all of it is held by those that wait
    const isStuck = this.#waiting === this.#arriving.size && this.#whole === 0;
    if (!isStuck && !this.#mayEnd(body)) return false;
    this.#admit(body, this.#missing(body), true);
    return true;
  }

  /** The slowest of those that lost a turn, if that much room is enough for another. */
  #slowest(waiting: ArrivingBody): ArrivingBody | undefined {
    const now = performance.now();
    let slowest: ArrivingBody | undefined;
    let bytes = 0;
    for (const body of this.#arriving) {
      if (body === waiting || !body.isWaiting || body.lostTurns === 0 || body.size === 0) continue;
      bytes += body.size;
      if (slowest === undefined || body.pace(now) < slowest.pace(now)) slowest = body;
    }
    return this.#mayStep(waiting, bytes) || this.#mayEnd(waiting, bytes) ? slowest : undefined;
  }
}
