import { distance } from 'fastest-levenshtein';
import { hasCredential } from '../../detectors/remove.ts';

/**
 * A wrong value as a message quotes it: `"blok"`, `1.5`, `nothing`. Undefined for lists and mappings, and for texts that
 * are no short words or could be a secret.
 */
export function quotedValue(value: unknown): string | undefined {
  if (value === null) return 'nothing';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string' || !/^[\p{L}\p{N} _.,:;@/*!?+&=-]{1,64}$/u.test(value)) return undefined;
  // Addresses have passwords in them, and keys
  const isOpen = /\/\/[^/]*@|[?&][^=]*=/.test(value);
  return isOpen || /[a-z0-9]{20}/i.test(value) || hasCredential(value) ? undefined : `"${value}"`;
}

/** A problem with the value before it, where that may be quoted: `"red-*" is no hash of a key`. */
export function quoted(value: string, problem: string): string {
  return [quotedValue(value), problem].join(' ').trim();
}

/** `"secretz" is no kind of policy; did you mean secrets?` for a name that is not among the known ones. */
export function unknownName(name: string, problem: string, known: Iterable<string>): string {
  return quoted(name, problem + didYouMean(name, known));
}

/** The same for a kind; the kinds are listed where none is near. @param listed those to list, by default all that are known */
export function unknownKind(
  name: string,
  problem: string,
  known: readonly string[],
  listed: readonly string[] = known,
): string {
  const meant = didYouMean(name, known);
  return quoted(name, problem + (meant === '' ? `; the kinds are ${listed.join(', ')}` : meant));
}

/** `; did you mean action?` as the end of a message about a misspelt name, or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const meant = nearest(name, known);
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}

/**
 * The known name that a misspelt one was probably meant to be: at most a third of its letters differ, or stand in another
 * order. Capitals, `_` and `-` are not told apart.
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

const sorted = (name: string) => [...name].sort().join('');
const flat = (name: string) => name.toLowerCase().replaceAll('_', '-');
