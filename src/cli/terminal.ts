import { createWriteStream } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { readSettings } from '../config/config.ts';
import { readEnv } from '../config/env.ts';
import type { Env } from '../config/read.ts';

/** The surroundings of a command: settings, streams, clock and exit code. */
export type Terminal = {
  /** @throws Error if there is a `.env` that cannot be read */
  readonly env: () => Env;
  readonly in: NodeJS.ReadableStream;
  /** The result and nothing else, so that it can be piped. */
  readonly out: Writable;
  /** Progress, notes and errors. */
  readonly err: Writable & { readonly isTTY?: boolean };
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** 0 by default; a command sets 1 for a bad result that is no error. */
  exitCode: number;
};

/** The terminal of this process. A reader that leaves early, such as `head`, causes no error. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  const sleep = (ms: number) => wait(ms);
  return { env: readEnv, in: stdin, out: stdout, err: stderr, now: Date.now, sleep, exitCode: 0 };
}

/** `DATA_DIR`, the one setting of commands that work where others are missing or wrong. */
export function dataDir(env: Env): string {
  return readSettings(env, 'DATA_DIR').DATA_DIR;
}

/**
 * Writes lines as fast as they are taken: to a new file that only this user can read, or to standard output.
 *
 * @param ahead number of lines made before they are taken
 * @returns false if the reader of standard output left before the end
 * @throws Error that an operator can read, if `--out` exists or has no folder
 */
export async function writeLines(
  lines: Iterable<string> | AsyncIterable<string>,
  out: string | undefined,
  terminal: Terminal,
  ahead: number,
): Promise<boolean> {
  try {
    const source = Readable.from(lines, { highWaterMark: ahead });
    if (out === undefined) await pipeline(source, terminal.out, { end: false });
    else await pipeline(source, createWriteStream(out, { flags: 'wx', mode: 0o600 }));
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (out === undefined && (code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE')) return false;
    if (code === 'EEXIST') throw new Error(`--out: ${out} exists already`, { cause: error });
    if (code === 'ENOENT') throw new Error(`--out: there is no folder for ${out}`, { cause: error });
    throw error;
  }
}

const PROGRESS_EVERY_MS = 5000;

/** Progress of a long command: one changing line on a terminal, elsewhere a new line every few seconds. */
export class Progress {
  readonly #terminal: Terminal;
  #last: { readonly text: string; readonly at: number } | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(text: string): void {
    const { err, now } = this.#terminal;
    if (text === this.#last?.text) return;
    if (err.isTTY) err.write(`\r${text.padEnd(this.#last?.text.length ?? 0)}`);
    else if (this.#last !== undefined && now() - this.#last.at < PROGRESS_EVERY_MS) return;
    else err.write(`${text}\n`);
    this.#last = { text, at: now() };
  }

  /** Clears the line on a terminal. */
  end(): void {
    const { err } = this.#terminal;
    if (err.isTTY && this.#last !== undefined) err.write(`\r${' '.repeat(this.#last.text.length)}\r`);
    this.#last = undefined;
  }
}
