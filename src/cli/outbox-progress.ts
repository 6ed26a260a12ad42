import type { Terminal } from './terminal.ts';

/** Tells how far a long command is. */
export type Progress = { show(text: string): void; end(): void };

const LINE_EVERY_MS = 5000;

/** On a terminal one line that changes; elsewhere, as in the log of a job, a line every few seconds. */
export function createProgress({ err, now }: Terminal): Progress {
  let shown: { readonly text: string; readonly at: number } | undefined;
  return {
    show(text) {
      if (text === shown?.text) return;
      if (err.isTTY) err.write(`\r${text.padEnd(shown?.text.length ?? 0)}`);
      else if (shown !== undefined && now() - shown.at < LINE_EVERY_MS) return;
      else err.write(`${text}\n`);
      shown = { text, at: now() };
    },
    end() {
      if (err.isTTY && shown !== undefined) err.write(`\r${' '.repeat(shown.text.length)}\r`);
      shown = undefined;
    },
  };
}
