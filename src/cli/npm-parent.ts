import { processEnv } from '../config/read.ts';

const PARENT_MS = 200;

/**
 * Calls back when npm, or npx, has ended that started this process: a signal to it ends its shell, which tells nobody, and then the parent
 * of this process is another.
 *
 * @returns stops watching
 */
export function onNpmEnd(end: () => void): () => void {
  if (processEnv().npm_lifecycle_event === undefined) return () => {};
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    end();
  }, PARENT_MS).unref();
  return () => clearInterval(timer);
}
