import { quoted } from './file/nearest.ts';

const ASCII = /^[\0-\x7f]*$/;
/** UTF-16 units that a name may have for each of its folded form: four letters become one (`ᾆ`), each of at most two units. */
const MAX_SHRINKAGE = 8;

/**
 * A name as it is compared: without regard to capitals and to forms of the same letter, `STRASSE` as `straße`, `ﬁ` as `fi`,
 * full width as plain. Accents, letters that only look alike and characters that show nothing still tell names apart.
 * Bound a client's name before: it can become eighteen times as long.
 *
 * @see https://www.unicode.org/reports/tr15 for NFKC; case is folded as in CaseFolding.txt, but for Cherokee into small letters
 */
export function foldedName(name: string): string {
  if (ASCII.test(name)) return name.toLowerCase();
  // The capital of the dotless i is another letter's
  return name.normalize('NFKC').split('ı').map(foldedCase).join('ı').normalize('NFKC');
}

/** By way of capitals, which for `ß` are two letters. The small form of `Σ` depends on what is beside it. */
const foldedCase = (text: string) => text.toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ');

/**
 * Finds what stands beside a name, as {@link foldedName} compares; of several the first. A name that is too long to be any of them
 * is not folded: a client may have chosen it.
 */
export function byName<Value>(
  entries: Iterable<readonly [name: string, value: Value]>,
): (name: string) => Value | undefined {
  const values = new Map<string, Value>();
  let maxLength = -1;
  for (const [name, value] of entries) {
    const folded = foldedName(name);
    if (!values.has(folded)) values.set(folded, value);
    maxLength = Math.max(maxLength, MAX_SHRINKAGE * folded.length);
  }
  return (name) => (name.length > maxLength ? undefined : values.get(foldedName(name)));
}

/** Tells if a name is one of some, as {@link foldedName} compares. */
export function isAmong(names: readonly string[]): (name: string) => boolean {
  const find = byName(names.map((name) => [name, true]));
  return (name) => find(name) === true;
}

export const NO_KEY_HASH = 'is no hash of a key (64 hexadecimal digits)';
/** SHA-256, and what LiteLLM puts in its place for the master key and for sessions. */
export const KEY_HASH = /^(?:[0-9a-fA-F]{64}|[Ll][Ii][Tt][Ee][Ll][Ll][Mm][-_].+)$/;

/**
 * Says what is wrong with a name of a virtual key that is not its hash. An alias is chosen by whoever makes the key, and in
 * LiteLLM each internal user may; a hash is not.
 *
 * @param alias the key of the option for aliases, if there is one
 * @see LiteLLM 1.110.2, `generate_key_fn` and `_enforce_unique_key_alias` in key_management_endpoints.py
 */
export function keyHashMistake(name: string, alias?: string): string | undefined {
  if (KEY_HASH.test(name)) return undefined;
  const problem = quoted(name, NO_KEY_HASH);
  return alias === undefined
    ? problem
    : `${problem}; an alias, which whoever makes the key chooses, goes under ${alias}`;
}
