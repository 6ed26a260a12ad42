import { type Growth, growing } from '../../guardrail/growing-wait.ts';
import { networkOf } from '../../guardrail/ip-list.ts';

/** Wait for the reply to a wrong key, by the number of those before it. */
const DELAY: Growth = { firstMs: 250, maxMs: 8000 };
/** Time without a wrong key after which a sender begins anew. */
const FORGOTTEN_MS = 10 * 60_000;
/** Senders that are remembered; the one that tried least lately goes first. */
const MAX_SENDERS = 4096;
/** Wrong keys of all senders together that make the wait of each one longer by a step, and of which one is forgotten each second. */
const STEP = 32;
/** Replies that wait at once, of all and of one sender. */
const MAX_WAITING = 64;
const MAX_WAITING_OF_ONE = 8;
/** Wrong keys of a sender that are compared in a row, and then one more each second. */
const COMPARED = 16;
/** Time for which a sender that has shown a right key has all of its keys compared. */
const TRUSTED_MS = 3_600_000;

type Sender = { tries: number; lastAt: number; waiting: number; compared: number };

export type WrongKeysOptions = {
  /** Milliseconds. */
  readonly now?: () => number;
  /** Calls back after a time; returns a function that ends the wait without that. */
  readonly later?: (ms: number, done: () => void) => () => void;
};

function laterByTimer(ms: number, done: () => void): () => void {
  const timer = setTimeout(done, ms);
  return () => clearTimeout(timer);
}

/**
 * Slows wrong keys. Their replies wait: longer with each one of the same sender, and with those of all. As a sender need not wait for
 * them, its keys are not even compared beyond a bound, unless it has shown a right one lately, so that nobody is locked out who is in
 * use, be it behind the same proxy. A right key that is compared never waits. Memory and the number of replies that wait are bounded.
 */
export class WrongKeys {
  readonly #now: () => number;
  readonly #later: (ms: number, done: () => void) => () => void;
  /** By network, the one that tried least lately first. */
  readonly #senders = new Map<string, Sender>();
  /** Times of the last right key by network, the one that showed it least lately first. */
  readonly #trusted = new Map<string, number>();
  readonly #all = { tries: 0, lastAt: 0 };
  /** Ends waits. */
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor({ now = performance.now.bind(performance), later = laterByTimer }: WrongKeysOptions = {}) {
    this.#now = now;
    this.#later = later;
  }

  /** Number of senders that are remembered. */
  get senders(): number {
    return this.#senders.size;
  }

  /** False if no key of this sender is to be compared now. */
  areCompared(address: string | undefined): boolean {
    const network = networkOf(address ?? '');
    const rightAt = this.#trusted.get(network);
    if (rightAt !== undefined && this.#now() - rightAt < TRUSTED_MS) return true;
    const sender = this.#senders.get(network);
    return sender === undefined || this.#comparedLately(sender) < COMPARED;
  }

  /** Remembers who has shown a right key. */
  trust(address: string | undefined): void {
    putLast(this.#trusted, networkOf(address ?? ''), this.#now());
  }

  /**
   * Counts a wrong key, and waits.
   *
   * @param onGone takes a function to be called when the sender is gone, so that nothing waits for it
   * @returns false at once if it was not compared, or too many wait already
   */
  slow(address: string | undefined, onGone: (end: () => void) => void = () => {}): Promise<boolean> {
    const isCompared = this.areCompared(address);
    const sender = this.#tried(networkOf(address ?? ''));
    const isFull = !isCompared || this.#waiting.size >= MAX_WAITING || sender.waiting >= MAX_WAITING_OF_ONE;
    if (isFull || this.#isClosed) return Promise.resolve(!isFull);
    const steps = Math.floor(this.#all.tries / STEP);
    return new Promise((resolve) => {
      const end = () => {
        stop();
        if (!this.#waiting.delete(end)) return;
        sender.waiting--;
        resolve(true);
      };
      sender.waiting++;
      this.#waiting.add(end);
      const stop = this.#later(growing(DELAY, sender.tries + steps), end);
      onGone(end);
    });
  }

  /** Ends all waits, for good: the bridge is going. */
  close(): void {
    this.#isClosed = true;
    for (const end of this.#waiting) end();
  }

  #comparedLately({ compared, lastAt }: Sender): number {
    return Math.max(0, compared - (this.#now() - lastAt) / 1000);
  }

  #tried(network: string): Sender {
    const now = this.#now();
    const known = this.#senders.get(network);
    const isKnown = known !== undefined && now - known.lastAt < FORGOTTEN_MS;
    const sender: Sender = known ?? { tries: 0, lastAt: now, waiting: 0, compared: 0 };
    sender.tries = isKnown ? sender.tries + 1 : 1;
    const compared = this.#comparedLately(sender);
    // One that was not compared takes nothing from those that will be
    sender.compared = compared < COMPARED ? compared + 1 : compared;
    sender.lastAt = now;
    putLast(this.#senders, network, sender);
    const forgotten = (now - this.#all.lastAt) / 1000;
    this.#all.tries = Math.max(0, this.#all.tries - forgotten) + 1;
    this.#all.lastAt = now;
    return sender;
  }
}

/** Puts a network behind all others; the first goes if they are too many. */
function putLast<Value>(networks: Map<string, Value>, network: string, value: Value): void {
  networks.delete(network);
  networks.set(network, value);
  const [first] = networks.keys();
  if (networks.size > MAX_SENDERS && first !== undefined) networks.delete(first);
}
