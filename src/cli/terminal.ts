import { createWriteStream } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { CommanderError, InvalidArgumentError } from 'commander';
import { type Env, type EnvSources, envSources, readEnv } from '../config/read.ts';
import { addressIn } from '../doctor/address.ts';
import { isAtLeast, NEWEST_TESTED, OLDEST_SUPPORTED } from '../litellm/releases.ts';

/** The surroundings of a command: settings, streams, clock and exit code. */
export type Terminal = {
  /** @throws Error if there is a `.env` that cannot be read */
  readonly env: () => Env;
  readonly sources: () => EnvSources;
  readonly in: NodeJS.ReadableStream;
  /** The result and nothing else, so that it can be piped. */
  readonly out: Writable & { readonly isTTY?: boolean };
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
  return {
    ...{ env: readEnv, sources: envSources, in: stdin, out: stdout, err: stderr },
    ...{ now: Date.now, sleep, exitCode: 0 },
  };
}

/** Writes a line to standard error. */
export const warnOn =
  ({ err }: Pick<Terminal, 'err'>) =>
  (message: string): void => {
    err.write(`${message}\n`);
  };

/** Reads the value of an option: a whole number from `min` to `max`. */
export function countOf(min: number, max: number): (text: string) => number {
  return (text) => {
    const count = /^\d{1,6}$/.test(text) ? Number(text) : -1;
    if (count >= min && count <= max) return count;
    throw new InvalidArgumentError(`Write a number, ${min} to ${max}`);
  };
}

const TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** Reads the value of an option: a time, in UTC without a zone, as in rows. */
function timeOf(text: string): number {
  const [match, zone] = TIME.exec(text) ?? [];
  const at = Date.parse(match?.includes('T') && zone === undefined ? `${match}Z` : (match ?? ''));
  if (Number.isNaN(at)) throw new InvalidArgumentError('Write a time like 2026-11-21T10:00:00Z');
  return at;
}

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Reads the value of an option: a time, or a span before now such as `90m`, `24h` or `7d`. */
export function momentOf(now: () => number): (text: string) => number {
  return (text) => {
    const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
    if (count !== undefined) return now() - Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
    try {
      return timeOf(text);
    } catch {
      throw new InvalidArgumentError('Write a span like 90m, 24h or 7d, or a time like 2026-11-21T10:00:00Z');
    }
  };
}

/** Reads the value of an option: an address without a slash at its end. A wrong one is not repeated, since it may hold a password. */
export function addressOption(option: string, example: string): (text: string) => string {
  return (text) => {
    const url = addressIn(text);
    if (url !== undefined && `${url.username}${url.password}${url.search}${url.hash}` === '')
      return text.trim().replace(/\/+$/, '');
    const wanted = `write an address such as ${example}, without user, password and query`;
    throw new CommanderError(2, 'address', `${option}: ${wanted}`);
  };
}

/** Reads the value of an option: a release of LiteLLM that is supported. */
export function supportedRelease(text: string): string {
  if (isAtLeast(text, OLDEST_SUPPORTED)) return text;
  const [oldest, newest] = [OLDEST_SUPPORTED.join('.'), NEWEST_TESTED.join('.')];
  throw new InvalidArgumentError(`Write a version from ${oldest} on, such as ${newest}`);
}

/**
 * Writes lines as fast as they are taken: to a new file that only this user can read, or to standard output. A reader that
 * leaves before the end causes no error.
 *
 * @throws Error that an operator can read, if `--out` exists or has no folder
 */
export async function writeLines(
  lines: Iterable<string> | AsyncIterable<string>,
  out: string | undefined,
  terminal: Terminal,
): Promise<void> {
  try {
    const source = Readable.from(lines, { highWaterMark: 1 });
    if (out === undefined) await pipeline(source, terminal.out, { end: false });
    else await pipeline(source, createWriteStream(out, { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (out === undefined && (code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE')) return;
    if (code === 'EEXIST') throw new Error(`--out: ${out} exists already`, { cause: error });
    if (code === 'ENOENT') throw new Error(`--out: there is no folder for ${out}`, { cause: error });
    throw error;
  }
}
