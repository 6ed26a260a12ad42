import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes after which memory is freed at once, and time without more after which it is. */
const AT_ONCE_BYTES = 4 * 1024 * 1024;
const IDLE_MS = 250;

/**
 * Frees the memory of large things in a thread that has nothing to do afterwards, which V8 would keep until there is more to do.
 *
 * @returns a function to call with the bytes of a thing that is not needed any more
 */
export function createGiveBack(): (bytes: number) => void {
  const gc = garbageCollector();
  let unfreed = 0;
  let timer: NodeJS.Timeout | undefined;
  const collect = () => {
    unfreed = 0;
    gc({ type: 'major', execution: 'sync' });
  };
  return (bytes) => {
    unfreed += bytes;
    clearTimeout(timer);
    if (unfreed > AT_ONCE_BYTES) collect();
    else timer = setTimeout(collect, IDLE_MS).unref();
  };
}

/** Frees what was made lately, in a millisecond: V8 does not see how much memory hangs on what threads share. */
export function createGiveBackLate(): () => void {
  let gc: ReturnType<typeof garbageCollector> | undefined;
  return () => {
    gc ??= garbageCollector();
    gc({ type: 'minor', execution: 'sync' });
  };
}

function garbageCollector(): (options: object) => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as (options: object) => void;
}
