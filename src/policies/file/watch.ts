import { type Stats, unwatchFile, watchFile } from 'node:fs';

/**
 * Calls back when one of some files was written, or another one put in its place. It asks for their state again and again,
 * which also sees a Kubernetes ConfigMap or Secret change, where a symbolic link above the file is exchanged. A file that is gone
 * is waited for. It does not keep the process running.
 *
 * @param paths asked again after each change, which can name other files
 * @param intervalMs how often it looks; a second by default
 * @returns what ends it
 */
export function watchFiles(
  paths: () => readonly string[],
  onChange: () => void,
  intervalMs = 1000,
): () => void {
  const watched = new Set<string>();
  const listener = (now: Stats) => {
    // The state of a missing file was never modified
    if (now.mtimeMs === 0) return;
    onChange();
    follow();
  };
  const follow = () => {
    const wanted = new Set(paths());
    for (const path of [...watched].filter((path) => !wanted.has(path))) {
      unwatchFile(path, listener);
      watched.delete(path);
    }
    for (const path of wanted) {
      if (watched.has(path)) continue;
      watched.add(path);
      watchFile(path, { interval: intervalMs, persistent: false }, listener);
    }
  };
  follow();
  return () => {
    for (const path of watched) unwatchFile(path, listener);
  };
}
