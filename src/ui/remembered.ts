/**
 * Keeps an answer that takes long to find for a while, and asks once however many want it.
 *
 * @param forMs milliseconds
 */
export function remembered<T>(
  ask: () => Promise<T | undefined>,
  forMs: number,
  now: () => number = Date.now,
): () => Promise<T | undefined> {
  let last: Promise<T | undefined> | undefined;
  let until = 0;
  return () => {
    if (last !== undefined && now() < until) return last;
    until = Number.POSITIVE_INFINITY;
    last = ask().then(
      (value) => {
        // An answer that is not known is asked for again
        until = value === undefined ? 0 : now() + forMs;
        return value;
      },
      (error) => {
        until = 0;
        throw error;
      },
    );
    return last;
  };
}
