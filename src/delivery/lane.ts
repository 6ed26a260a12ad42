/** Failures, with no success between them, that are taken for an outage of the backend. */
const OUTAGE = 8;
/** Deliveries that are under way at once in the beginning, and after an outage. */
const FIRST = 4;
/** Deliveries by which the width is decided, at least. */
const ROUND = 16;
/** Milliseconds by which it is decided, once it has been found. */
const ROUND_MS = 250;
/** Share of deliveries with which the backend may ask for less: one in twenty is no more than its weather. */
const TOLERATED = 0.1;
/** The same while it opens, as those rounds are short. */
const TOLERATED_FIRST = 0.25;
/** A delivery takes too long from this many times what it took among few others on, and this many milliseconds. */
const SLOWER = 1.5;
const SLACK_MS = 20;
/** Part of the latest round in the smoothed time of a delivery. */
const SMOOTHING = 1 / 4;
/** Growth in a second, once the width has been found; the same again for each of these seconds since it was too wide. */
const GROWTH = 0.05;
const GROWTH_SECONDS = 10;
/** Narrowest pace, in milliseconds between two deliveries. */
const MAX_GAP_MS = 1000;

/** How much a failed delivery says of the load: nothing, that it is too much, or that the backend itself asks for less. */
export type Pressure = 'none' | 'overload' | 'throttle';

/**
 * Decides how many deliveries to a backend may be under way, in rounds, by how it took those of the last one. The number is
 * doubled until it has been too many once, and then grows by a twentieth a second, faster the longer that was ago. It
 * becomes smaller by the share of deliveries with which the backend asked for less, where that is more than one in ten,
 * and to where a delivery takes half as long again as it does among few. It does not grow while fewer are under way. Below 1
 * it is the part of the time in which one is under way. Any other failure among successes slows nothing down; several in a
 * row are an outage.
 */
export class Lane {
  readonly #max: number;
  readonly #now: () => number;
  #width: number;
  /** It is doubled up to here. */
  #opensTo: number;
  /** Milliseconds that a delivery takes, smoothed; and what it took among few others, undefined until that is measured. */
  #latency = 0;
  #base: number | undefined;
  /** Failures since the last success. */
  #failures = 0;
  #round: Round;
  /** Since the last outage, or the beginning. */
  #run: { readonly since: number; taken: number };
  #endedAt = Number.NEGATIVE_INFINITY;
  #narrowedAt: number;

  /** @param now milliseconds */
  constructor(max: number, now: () => number) {
    this.#max = max;
    this.#now = now;
    this.#width = Math.min(FIRST, max);
    this.#opensTo = max;
    this.#round = startRound(now());
    this.#run = { since: now(), taken: 0 };
    this.#narrowedAt = now();
  }

  /** Deliveries that may be under way; while it looks like an outage no more than it takes to tell. */
  get width(): number {
    const width = Math.max(1, Math.floor(this.#width));
    return this.#failures === 0 ? width : Math.min(width, OUTAGE - this.#failures);
  }

  /** The same as a number that is not rounded, and below 1 for a pace: for an operator. */
  get exactWidth(): number {
    return this.#width;
  }

  /** Milliseconds until the next delivery may begin, if none is under way. */
  waitMs(): number {
    if (this.#width >= 1) return 0;
    return Math.max(0, this.#endedAt + this.#latency / this.#width - this.#latency - this.#now());
  }

  /** @param underWay with this one */
  began(underWay: number): void {
    if (underWay >= this.width) this.#round.isFull = true;
  }

  /** @param ms the time that the delivery took */
  succeeded(ms: number): void {
    this.#failures = 0;
    this.#run.taken++;
    this.#round.taken++;
    this.#round.ms += ms;
    this.#ended();
  }

  /** Returns true if that makes an outage. */
  failed(pressure: Pressure): boolean {
    this.#failures++;
    if (this.#failures === OUTAGE) {
      this.#stop(pressure);
      return true;
    }
    if (pressure !== 'none') this.#round.pressed++;
    this.#ended();
    return false;
  }

  #ended(): void {
    const now = this.#now();
    this.#endedAt = now;
    const round = this.#round;
    round.ended++;
    const isOpening = this.#width < this.#opensTo;
    if (round.ended < Math.max(ROUND, this.#width)) return;
    // Much of it asks for less: no reason to wait
    if (!isOpening && now - round.since < ROUND_MS && round.pressed < ROUND) return;
    this.#decide(round, now);
    this.#round = startRound(now);
  }

  #decide({ ended, pressed, taken, ms, since, isFull }: Round, now: number): void {
    if (taken > 0) {
      const mean = ms / taken;
      this.#latency = this.#base === undefined ? mean : this.#latency + (mean - this.#latency) * SMOOTHING;
      this.#base = Math.min(this.#base ?? mean, this.#latency);
    }
    const most = (this.#base ?? 0) * SLOWER + SLACK_MS;
    const isOpening = this.#width < this.#opensTo;
    const share = pressed / ended;
    if (share > (isOpening ? TOLERATED_FIRST : TOLERATED)) this.#narrow(this.#width * (1 - share));
    else if (this.#latency > most && this.#width > FIRST) {
      this.#narrow(Math.max(FIRST, (this.#width * most) / this.#latency));
      // As it should be from now on
      this.#latency = most;
      if (this.#width === FIRST) {
        // It takes that long among few too: that is measured anew
        this.#base = undefined;
        this.#opensTo = this.#max;
      }
    } else if (!isFull) return;
    else if (isOpening) this.#width = Math.min(this.#opensTo, this.#width * 2);
    else this.#grow((now - since) / 1000, (now - this.#narrowedAt) / 1000);
  }

  #grow(seconds: number, secondsSince: number): void {
    const growth = Math.min(1, seconds) * GROWTH * (1 + secondsSince / GROWTH_SECONDS);
    this.#width = Math.min(this.#max, this.#width * (1 + growth));
  }

  #narrow(width: number): void {
    this.#narrowedAt = this.#now();
    this.#width = Math.max(width, Math.min(1, this.#latency / MAX_GAP_MS));
    this.#opensTo = this.#width;
  }

  #stop(pressure: Pressure): void {
    const now = this.#now();
    if (pressure === 'throttle') {
      // To the rate at which it took them since it stopped last: about what it allows
      const allowed = (this.#run.taken / Math.max(1, now - this.#run.since)) * this.#latency;
      this.#narrow(Math.max(this.#width / 8, Math.min(this.#width * 0.9, allowed)));
    }
    this.#width = Math.min(FIRST, this.#opensTo);
    this.#failures = 0;
    this.#run = { since: now, taken: 0 };
    this.#round = startRound(now);
  }
}

type Round = {
  readonly since: number;
  ended: number;
  taken: number;
  pressed: number;
  ms: number;
  /** True once as many were under way as may be. */
  isFull: boolean;
};

const startRound = (since: number): Round => ({
  ...{ since, ended: 0, taken: 0, pressed: 0, ms: 0 },
  isFull: false,
});
