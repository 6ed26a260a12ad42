import type { Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { readEnv } from '../config/env.ts';
import type { Env } from '../config/read.ts';

/** Where a command reads its settings, writes, and has its time from. */
export type Terminal = {
  /** @throws Error if there is a `.env` that cannot be read */
  readonly env: () => Env;
  readonly out: Writable;
  /** For progress and for what went wrong, so that `out` has the result alone. */
  readonly err: Writable & { readonly isTTY?: boolean };
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
};

/** The one of this process. A reader that has enough, as `head` has, ends nothing in an error. */
export function processTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  return { env: readEnv, out: process.stdout, err: process.stderr, now: Date.now, sleep: (ms) => wait(ms) };
}
