/** The one reason of every abort: making a DOMException for each is measurable. */
export const STOPPED = new Error('stopped');

/**
 * Starts the time of one check, which covers all of it: queueing, connecting, sending and reading.
 *
 * @param timeoutMs milliseconds
 * @param parent ends the check too when it aborts, as when the caller hangs up
 */
export function startDeadline(timeoutMs: number, parent?: AbortSignal): Deadline {
  return new Deadline(timeoutMs, parent);
}

/**
 * The time of one check. `clear()` it when the check has ended.
 *
 * A timer, an `AbortController` and a promise for each check outlive a minor garbage collection, and hold the whole call. Here one
 * timer serves all checks of one length, and a controller is made only for who asks for `signal`.
 */
export class Deadline {
  /** When the time is up, by `performance.now()`. */
  readonly #endsAt: number;
  readonly #parent: AbortSignal | undefined;
  /** Where it waits for its time; undefined once it has stopped or been cleared. */
  #clock: Clock | undefined;
  #isOver = false;
  #isStopped = false;
  #controller: AbortController | undefined;
  #listeners: (() => void)[] | undefined;
  /** Neighbours in the list of the clock. */
  previous: Deadline | undefined;
  next: Deadline | undefined;

  constructor(timeoutMs: number, parent?: AbortSignal) {
    this.#endsAt = performance.now() + timeoutMs;
    this.#parent = parent;
    if (parent?.aborted) {
      this.#isStopped = true;
      return;
    }
    this.#clock = clockFor(timeoutMs);
    this.#clock.add(this);
    parent?.addEventListener('abort', this);
  }

  /** True once the time is up or the parent has aborted. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Aborts when the check shall stop. For clients that take one; {@link onStop} costs less. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isStopped) this.#controller.abort(STOPPED);
    }
    return this.#controller.signal;
  }

  /** Calls `listener` when the check shall stop: at once if it already has to. Never after `clear()`. */
  onStop(listener: () => void): void {
    if (this.#isStopped) listener();
    else if (this.#listeners === undefined) this.#listeners = [listener];
    else this.#listeners.push(listener);
  }

  /** Settles as `work` does, but rejects with {@link STOPPED} when the check shall stop, for work that does not listen. */
  limit<T>(work: PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.onStop(() => reject(STOPPED));
      work.then(resolve, reject);
    });
  }

  /** True if the time was up, rather than the parent gone. */
  isOver(): boolean {
    return this.#isOver;
  }

  /** Ends the watch over the check. */
  clear(): void {
    this.#clock?.remove(this);
    this.#clock = undefined;
    this.#listeners = undefined;
    this.#parent?.removeEventListener('abort', this);
  }

  /** Milliseconds that are left at a time. For the clock alone. */
  leftAt(now: number): number {
    return this.#endsAt - now;
  }

  /** The time is up. For the clock alone. */
  expire(): void {
    this.#isOver = true;
    this.#stop();
  }

  /** The parent has aborted. */
  handleEvent(): void {
    this.#stop();
  }

  #stop(): void {
    const listeners = this.#listeners;
    this.clear();
    this.#isStopped = true;
    this.#controller?.abort(STOPPED);
    for (const listener of listeners ?? []) listener();
  }
}

/**
 * All running deadlines of one length, the first to end first: they end in the order in which they began. A list and not a `Set`, whose
 * old tables form a chain that holds every later entry until a major garbage collection; its links are cleared for the same reason.
 */
class Clock {
  readonly #timeoutMs: number;
  #first: Deadline | undefined;
  #last: Deadline | undefined;
  /** Set for the first deadline at the latest, and left to run when that has gone. */
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  add(deadline: Deadline): void {
    deadline.previous = this.#last;
    if (this.#last === undefined) this.#first = deadline;
    else this.#last.next = deadline;
    this.#last = deadline;
    if (this.#timer === undefined) this.#wait(this.#timeoutMs);
    else if (deadline === this.#first) this.#timer.ref();
  }

  remove(deadline: Deadline): void {
    const { previous, next } = deadline;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    deadline.previous = undefined;
    deadline.next = undefined;
    // Nothing to wait for is no reason for the process to go on
    if (this.#first === undefined) this.#timer?.unref();
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => this.#ring(), ms);
  }

  #ring(): void {
    const now = performance.now();
    try {
      while (this.#first !== undefined && this.#first.leftAt(now) <= 0) this.#first.expire();
    } finally {
      // Also where a listener throws: the others have to be told of their end
      this.#timer = undefined;
      if (this.#first === undefined) clocks.delete(this.#timeoutMs);
      else this.#wait(Math.max(0, Math.ceil(this.#first.leftAt(now))));
    }
  }
}

/** One for each length in use: there are as many as configured timeouts. */
const clocks = new Map<number, Clock>();

function clockFor(timeoutMs: number): Clock {
  let clock = clocks.get(timeoutMs);
  if (clock === undefined) {
    clock = new Clock(timeoutMs);
    clocks.set(timeoutMs, clock);
  }
  return clock;
}
