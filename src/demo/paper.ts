import type { Writable } from 'node:stream';
import { styleText } from 'node:util';

/** Where the demo writes. Styles are for a terminal, and not for one that `NO_COLOR` keeps plain. */
export class Paper {
  readonly #out: Writable & { readonly isTTY?: boolean };
  #isWaiting = false;

  constructor(out: Writable & { readonly isTTY?: boolean }) {
    this.#out = out;
  }

  get isTTY(): boolean {
    return this.#out.isTTY === true;
  }

  write(text: string): void {
    this.#clear();
    this.#out.write(text);
  }

  line(text = ''): void {
    this.write(`${text}\n`);
  }

  style(format: Parameters<typeof styleText>[0], text: string): string {
    return this.isTTY ? styleText(format, text, { stream: this.#out }) : text;
  }

  dim(text: string): string {
    return this.style('dim', text);
  }

  /**
   * Says what takes its time, with the seconds on a terminal, until it has ended.
   *
   * @returns ends it
   */
  waiting(text: string): () => void {
    if (!this.isTTY) {
      this.line(text);
      return () => {};
    }
    // Above what is written again and again: no terminal clears a line that it has broken in two
    this.line(this.dim(text));
    const startedAt = performance.now();
    const show = () => {
      this.#clear();
      this.#out.write(this.dim(`  ${((performance.now() - startedAt) / 1000).toFixed(0)} s`));
      this.#isWaiting = true;
    };
    show();
    const timer = setInterval(show, 1000);
    return () => {
      clearInterval(timer);
      this.#clear();
    };
  }

  #clear(): void {
    if (this.#isWaiting) this.#out.write('\r\u001b[2K');
    this.#isWaiting = false;
  }
}
