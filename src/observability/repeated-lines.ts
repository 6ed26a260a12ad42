import type { Log } from './log.ts';

/** Time of which repetitions are summed up. */
const SUM_MS = 60_000;
/** Kinds of lines that are known at once; those beyond are written as they come. */
const MAX_KINDS = 1000;

type Repeated = { readonly fields: object; readonly message: string; count: number };

/** Writes the first warning of a kind at once, and sums up those that follow within a minute. None of them may tell of a block. */
export class RepeatedLines {
  readonly #log: Pick<Log, 'warn'>;
  readonly #kinds = new Map<string, Repeated>();
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Pick<Log, 'warn'>) {
    this.#log = log;
  }

  /**
   * @param fields the same in all lines of the kind: they make it, with the message
   * @param own of this line alone
   */
  warn(fields: object, own: object, message: string): void {
    const kind = `${message} ${JSON.stringify(fields)}`;
    const known = this.#kinds.get(kind);
    if (known !== undefined) {
      known.count++;
      return;
    }
    if (this.#kinds.size < MAX_KINDS) this.#kinds.set(kind, { fields, message, count: 0 });
    this.#timer ??= setInterval(() => this.sumUp(), SUM_MS).unref();
    this.#log.warn({ ...fields, ...own }, message);
  }

  /** Writes a line for each kind that was repeated since the last time, and forgets those that were not. */
  sumUp(): void {
    for (const [kind, repeated] of this.#kinds) {
      const { fields, message, count } = repeated;
      if (count === 0) this.#kinds.delete(kind);
      else {
        repeated.count = 0;
        this.#log.warn({ ...fields, count, seconds: SUM_MS / 1000 }, `${message}, repeatedly`);
      }
    }
    if (this.#kinds.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
