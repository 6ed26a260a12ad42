/** Thrown when a call takes more work than one may. */
export class OutOfTime extends Error {
  override readonly name = 'OutOfTime';
}

/** Characters that are looked at in one go. */
export const SLICE = 32 * 1024;

/** Milliseconds that other calls may have to wait. */
const TURN_MS = 10;

/** Cost of a text beside its length, in characters. */
const PER_TEXT = 64;

/** More findings in one call than this would cost more than any caller is worth. */
const MAX_FINDINGS = 100_000;

/** Gives large calls their turns: one goes on each time the event loop comes round, so many delay others no more than one. */
export class Turns {
  /** Calls that wait to go on, in order. */
  readonly #waiting: (() => void)[] = [];

  get isContested(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves when it is the caller's turn. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(this.#run);
    });
  }

  readonly #run = (): void => {
    this.#waiting[0]?.();
    this.#waiting.shift();
    if (this.#waiting.length > 0) setImmediate(this.#run);
  };
}

/** The work that one call may cost, and whose turn it is. */
export class Budget {
  readonly #turns: Turns;
  readonly #timeoutMs: number;
  /** When the call's turn began. */
  #turnAt = performance.now();
  /** Milliseconds of work in earlier turns. */
  #worked = 0;
  /** Characters since the clock was read. */
  #unread = 0;
  #findings = 0;

  /** @param timeoutMs milliseconds of work; waiting for others does not count */
  constructor(turns: Turns, timeoutMs: number) {
    this.#turns = turns;
    this.#timeoutMs = timeoutMs;
  }

  /** Takes note of findings. @throws OutOfTime if a call has more than 100,000 */
  found(count: number): void {
    this.#findings += count;
    if (this.#findings > MAX_FINDINGS) throw new OutOfTime();
  }

  /** Takes note of work done: a promise if others are to have their turn. @throws OutOfTime */
  spend(chars: number): Promise<void> | undefined {
    this.#unread += chars + PER_TEXT;
    if (this.#unread < SLICE) return undefined;
    this.#unread = 0;
    const now = performance.now();
    const turnMs = now - this.#turnAt;
    if (this.#worked + turnMs > this.#timeoutMs) throw new OutOfTime();
    if (!this.#turns.isContested && turnMs < TURN_MS) return undefined;
    return this.#pause(this.#turns.next(), now);
  }

  /** Waits for others, which is no work. */
  waitFor(others: Promise<void>): Promise<void> {
    return this.#pause(others, performance.now());
  }

  #pause(others: Promise<void>, now: number): Promise<void> {
    this.#worked += now - this.#turnAt;
    return others.then(() => {
      this.#turnAt = performance.now();
    });
  }
}

/** Work that yields a promise where others are to have their turn. */
export type Work<Result> = Generator<Promise<void>, Result, void>;

/** Runs work to its end: at once if it never yields, so a short call costs no promise. */
export function inTurns<Result>(work: Work<Result>): Result | Promise<Result> {
  const step = work.next();
  return step.done ? step.value : step.value.then(() => inTurns(work));
}
