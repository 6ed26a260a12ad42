import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Terminal } from './terminal.ts';

/**
 * Writes lines as fast as they are taken: to a new file that only this user can read, or to standard output.
 *
 * @param ahead how many lines are made before they are taken
 * @returns false if whoever read standard output left before its end
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
