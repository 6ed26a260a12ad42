import { readFile } from 'node:fs/promises';
import type { PolicySource } from '../policies/store.ts';

/** Time between two comparisons: longer than a changed file waits to be read. */
const LOOK_MS = 5000;

/** Compares the policy file, and the files that it names, with what is in force. */
export class PolicyFileWatch {
  readonly #path: string;
  readonly #source: () => PolicySource | undefined;
  /** Looks in a row that found another text. */
  #other = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param source the policies in force */
  constructor(path: string, source: () => PolicySource | undefined) {
    this.#path = path;
    this.#source = source;
  }

  start(): this {
    this.#timer ??= setInterval(() => {
      this.look().catch(() => {});
    }, LOOK_MS).unref();
    return this;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** The path of the file, if what it says has not been in force for two looks. */
  get other(): string | undefined {
    return this.#other >= 2 ? this.#path : undefined;
  }

  async look(): Promise<void> {
    const source = this.#source();
    if (source === undefined) return;
    const { text, files } = source;
    const isSame = async ([path, known]: readonly [string, string]) => {
      // A file that cannot be read is not in force either
      const now = await readFile(path, 'utf8').catch(() => undefined);
      return now === known;
    };
    const same = await Promise.all([[this.#path, text] as const, ...files].map(isSame));
    this.#other = same.every(Boolean) ? 0 : this.#other + 1;
  }
}
