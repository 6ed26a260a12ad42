/** Processes of this machine, as /proc tells of them. */
import { readdirSync, readFileSync } from 'node:fs';

/** Processes whose parent is that one. */
export function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const [, state, parent] = /\) (\S) (\d+) /.exec(readFileSync(`/proc/${name}/stat`, 'latin1')) ?? [];
      return Number(parent) === pid && state !== 'Z' ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** The command line of a process. */
export const commandOf = (pid: number): string =>
  readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');

/** True while a process runs. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
