import { type Accepted, type Entry, OutboxError, type RecordOutbox } from '../outbox/contract.ts';
import type { RecordsObserver } from './records-observer.ts';

/** Time in which the record of a blocked call is tried to be stored, a second apart. */
const PATIENCE_MS = 60_000;
/** Records that are made of those that wait at once, while they can be stored. */
const TOGETHER = 100;

/** A blocked call whose record could not be stored yet. */
type Waiting = {
  readonly json: Uint8Array;
  readonly since: number;
  resolve(): void;
  reject(error: unknown): void;
};

type Failed = { readonly entry: Entry; readonly reason: OutboxError['kind'] };

export type BlockedCallsOptions = {
  readonly outbox: Pick<RecordOutbox, 'accept'>;
  readonly observer: Pick<RecordsObserver, 'blockStored' | 'blockedLost'>;
  /** Undefined for a call that is not to be recorded. @param isAgain true where the same call was tried before */
  entryOf(json: Uint8Array, isAgain: boolean): Entry | undefined | Promise<Entry | undefined>;
  /** Called once the record is stored, with how, or given up. */
  onDone(entry: Entry, accepted?: readonly Accepted[]): void;
  readonly now: () => number;
};

/**
 * Stores the records of blocked calls. Nobody else has them: their callers are told that the calls were blocked, stored or not. While
 * nothing can be stored they wait as the bytes they came in, and one of them is tried.
 */
export class BlockedCalls {
  readonly #options: BlockedCallsOptions;
  /** In the order in which they were tried last. */
  #waiting: Waiting[] = [];
  #retrying: Promise<void> | undefined;
  #isClosing = false;

  constructor(options: BlockedCallsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the record is stored, or is given up and that is counted.
   *
   * @param json a `BlockedCall`
   * @param onWait called if it cannot be stored at once
   */
  async store(json: Uint8Array, onWait: (reason: OutboxError['kind']) => void): Promise<void> {
    const since = this.#options.now();
    const failed = await this.#attempt(json, false);
    if (failed === undefined) return;
    if (this.#isClosing) return this.#lose(failed);
    onWait(failed.reason);
    await new Promise<void>((resolve, reject) => this.#waiting.push({ json, since, resolve, reject }));
  }

  /** Tries one of those that wait, and the others if it can be stored; gives those up that have waited too long. */
  retry(): Promise<void> {
    this.#retrying ??= this.#retry(this.#options.now() - PATIENCE_MS).finally(() => {
      this.#retrying = undefined;
    });
    return this.#retrying;
  }

  /** Tries all of them a last time. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#retrying;
    await this.#retry(Number.POSITIVE_INFINITY);
  }

  async #retry(before: number): Promise<void> {
    const late = this.#waiting.filter(({ since }) => since <= before);
    this.#waiting = this.#waiting.filter(({ since }) => since > before);
    while (late.length > 0) await this.#tryAll(late.splice(0, TOGETHER), true);
    for (let together = 1, tried = 0; this.#waiting.length > tried; together = TOGETHER) {
      const some = this.#waiting.splice(0, together);
      const stored = await this.#tryAll(some, false);
      if (stored === 0) return;
      tried += some.length - stored;
    }
  }

  /** Returns how many are stored; the others wait on, or are given up. */
  async #tryAll(some: readonly Waiting[], isLast: boolean): Promise<number> {
    let stored = 0;
    const tryOne = async (waiting: Waiting) => {
      const failed = await this.#attempt(waiting.json, true);
      if (failed !== undefined && !isLast) this.#waiting.push(waiting);
      else {
        if (failed === undefined) stored++;
        else this.#lose(failed);
        waiting.resolve();
      }
    };
    await Promise.all(some.map((waiting) => tryOne(waiting).catch(waiting.reject)));
    return stored;
  }

  #lose({ entry, reason }: Failed): void {
    this.#options.observer.blockedLost(entry.callKey, reason);
    this.#options.onDone(entry);
  }

  /** Returns nothing if the record was stored, or there is to be none. */
  async #attempt(json: Uint8Array, isAgain: boolean): Promise<Failed | undefined> {
    const { outbox, observer, entryOf, onDone } = this.#options;
    const made = entryOf(json, isAgain);
    const entry = made instanceof Promise ? await made : made;
    if (entry === undefined) return undefined;
    try {
      const accepted = await outbox.accept([entry]);
      observer.blockStored(entry.callKey, accepted);
      onDone(entry, accepted);
      return undefined;
    } catch (error) {
      if (!(error instanceof OutboxError)) throw error;
      return { entry, reason: error.kind };
    }
  }
}
