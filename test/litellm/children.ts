const kills = new Set<() => void>();

process.once('exit', () => {
  for (const kill of kills) kill();
});

/** Sees to it that a child process does not outlive this one; returns the undoing. */
export function killAtExit(kill: () => void): () => void {
  kills.add(kill);
  return () => kills.delete(kill);
}
