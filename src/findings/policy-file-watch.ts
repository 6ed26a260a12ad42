import { readFile, stat } from 'node:fs/promises';
import type { PolicySource } from '../policies/store.ts';

/** Time between two comparisons: longer than a changed file waits to be read. */
const LOOK_MS = 5000;

/**
 * Compares the policy file, and the files that it names, with what is in force. One file at a time: a disk that hangs holds one of the few threads
 * that all of this process share, for the names of backends too. Unchanged files are not read again.
 */
export class PolicyFileWatch {
  readonly #path: string;
  readonly #source: () => PolicySource | undefined;
  /** Looks in a row that found another text. */
  #other = 0;
  #isLooking = false;
  /** The version that was in force, and the state of each file on the disk that said the same. */
  #same: { readonly source: PolicySource; readonly states: Map<string, string> } | undefined;
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

  /** A look while the last one still waits for the disk finds that nobody can tell what is there. */
  async look(): Promise<void> {
    const source = this.#source();
    if (source === undefined) return;
    if (this.#isLooking) {
      this.#other++;
      return;
    }
    this.#isLooking = true;
    try {
      this.#other = (await this.#isInForce(source)) ? 0 : this.#other + 1;
    } finally {
      this.#isLooking = false;
    }
  }

  async #isInForce(source: PolicySource): Promise<boolean> {
    if (this.#same?.source !== source) this.#same = { source, states: new Map() };
    const { states } = this.#same;
    for (const [path, known] of [[this.#path, source.text] as const, ...source.files]) {
      // A file that cannot be read is not in force either
      const state = await stateOf(path).catch(() => undefined);
      if (state !== undefined && states.get(path) === state) continue;
      if (state === undefined || (await readFile(path, 'utf8').catch(() => undefined)) !== known)
        return false;
      states.set(path, state);
    }
    return true;
  }
}

/** Another one after each write. */
async function stateOf(path: string): Promise<string> {
  const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}
