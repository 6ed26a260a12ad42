/** Where each line of the log goes as well, once somebody wants them. What is said of the exports themselves does not: it would not end. */
export class LogTap {
  #to: ((line: string) => void) | undefined;
  #isQuiet = false;

  /** Called with each line. */
  readonly line = (line: string): void => {
    if (!this.#isQuiet) this.#to?.(line);
  };

  /** Hands over lines from now on. */
  open(to: (line: string) => void): void {
    this.#to = to;
  }

  /** Writes to the log, and to the log alone. */
  quietly(write: () => void): void {
    this.#isQuiet = true;
    try {
      write();
    } finally {
      this.#isQuiet = false;
    }
  }
}
