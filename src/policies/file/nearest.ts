import { distance } from 'fastest-levenshtein';

/**
 * The known name that a misspelt one was probably meant to be, if any is near: at most a third of its
 * letters differ, or stand in another order.
 * Capitals, `_` and `-` are not told apart.
 */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > 64) return undefined;
  const plain = flat(name);
  let best: string | undefined;
  let least = Math.max(1, Math.floor(plain.length / 3)) + 1;
  for (const candidate of known) {
    const other = flat(candidate);
    // Two letters exchanged are one slip, and not two
    const edits = sorted(plain) === sorted(other) ? 1 : distance(plain, other);
    if (edits < least) {
      best = candidate;
      least = edits;
    }
  }
  return best;
}

/** `did you mean action?` as the end of a message, or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const meant = nearest(name, known);
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}

const sorted = (name: string) => [...name].sort().join('');
const flat = (name: string) => name.toLowerCase().replaceAll('_', '-');
