import { existsSync } from 'node:fs';

/** Flags that bound the heap to what the guide to operations reckons with; `npm start` and the image give them. */
const HEAP_FLAGS = ['--max-semi-space-size=8', '--max-old-space-size=768'];

/**
 * Starts this program anew, as the same process, with bounds of its heap, unless whoever started it has set some: V8 takes them at its
 * start alone, and the bin of a package can give none (`env -S` in its first line is unknown to Alpine). Takes 40 ms, of `serve` alone.
 * Does nothing on Windows, where a process cannot be replaced, in a child that its parent talks to, under `--permission`, and where
 * Node.js is not there any more: an update has taken it away.
 */
export function boundHeap(): void {
  const given = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join(' ');
  if (/--max[-_](?:old|semi)[-_]space/.test(given)) return;
  if (process.platform === 'win32' || process.execve === undefined || process.send !== undefined) return;
  const { execPath, execArgv, argv } = process;
  if (process.permission?.has('child') === false || !existsSync(execPath)) return;
  process.execve(execPath, [execPath, ...HEAP_FLAGS, ...execArgv, ...argv.slice(1)]);
}
