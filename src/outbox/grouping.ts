/** Work that goes into a common transaction with other work. */
export type Groupable = { readonly entries: number; readonly bytes: number };

export type GroupingOptions<Work> = {
  /** Milliseconds that the first of a group waits for others, unless a group is under way: then it waits for that. */
  readonly gatherMs: number;
  /** A group ends before it is larger; one piece of work can be larger alone. */
  readonly most: Groupable;
  /** Does the work of a group; never rejects. */
  readonly run: (group: readonly Work[]) => Promise<void>;
};

/** Gathers work into groups, one of which is done at a time. */
export class Grouping<Work extends Groupable> {
  readonly #options: GroupingOptions<Work>;
  #waiting: Work[] = [];
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GroupingOptions<Work>) {
    this.#options = options;
  }

  add(work: Work): void {
    this.#waiting.push(work);
    if (!this.#isRunning) this.#timer ??= setTimeout(() => this.#start(), this.#options.gatherMs);
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isRunning) this.#running = this.#runAll();
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) await this.#options.run(this.#next());
    this.#isRunning = false;
  }

  #next(): Work[] {
    const { most } = this.#options;
    let [entries, bytes] = [0, 0];
    const end = this.#waiting.findIndex((work, i) => {
      entries += work.entries;
      bytes += work.bytes;
      return i > 0 && (entries > most.entries || bytes > most.bytes);
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  /** Resolves when all work is done. */
  async end(): Promise<void> {
    this.#start();
    await this.#running;
  }
}
