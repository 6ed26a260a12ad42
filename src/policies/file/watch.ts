import { type Stats, unwatchFile, watchFile } from 'node:fs';

/**
 * Calls back when a file was written, or another one put in its place. It asks for the file's state again and again,
 * which also sees a Kubernetes ConfigMap change, where a symbolic link above the file is exchanged. A file that is gone
 * is waited for. It does not keep the process running.
 *
 * @param intervalMs how often it looks; a second by default
 * @returns what ends it
 */
export function watchPolicyFile(path: string, onChange: () => void, intervalMs = 1000): () => void {
  const listener = (now: Stats) => {
    // The state of a missing file was never modified
    if (now.mtimeMs > 0) onChange();
  };
  watchFile(path, { interval: intervalMs, persistent: false }, listener);
  return () => unwatchFile(path, listener);
}
