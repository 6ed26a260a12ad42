import { quoted } from './file/nearest.ts';

const ASCII = /^[\0-\x7f]*$/;

/**
 * A name as it is compared: without regard to capitals and to forms of the same letter, `STRASSE` as `straße`, `ﬁ` as `fi`,
 * full width as plain. Accents, letters that only look alike and characters that show nothing still tell names apart.
 *
 * @see https://www.unicode.org/reports/tr15 for NFKC; case is folded as in CaseFolding.txt, but for Cherokee into small letters
 */
export function foldedName(name: string): string {
  if (ASCII.test(name)) return name.toLowerCase();
  // Letter by letter, as the small form of some depends on what is beside it
  return Array.from(name.normalize('NFKC'), foldedLetter).join('').normalize('NFKC');
}

/** By way of its capital, which for `ß` is two letters; that of the dotless `ı` is another letter's. */
function foldedLetter(letter: string): string {
  return letter === 'ı' ? letter : letter.toLowerCase().toUpperCase().toLowerCase();
}

/** Tells if a name is one of some, as {@link foldedName} compares. */
export function isAmong(names: readonly string[]): (name: string) => boolean {
  const folded = new Set(names.map(foldedName));
  return (name) => folded.has(foldedName(name));
}

/** SHA-256, and what LiteLLM puts in its place for the master key and for sessions. */
const KEY_HASH = /^(?:[0-9a-f]{64}|litellm[-_].+)$/i;

/**
 * Says what is wrong with a name of a virtual key that is not its hash. An alias is chosen by whoever makes the key, and in
 * LiteLLM each internal user may; a hash is not.
 *
 * @param alias the key of the option for aliases, if there is one
 * @see LiteLLM 1.110.2, `generate_key_fn` and `_enforce_unique_key_alias` in key_management_endpoints.py
 */
export function keyHashMistake(name: string, alias?: string): string | undefined {
  if (KEY_HASH.test(name)) return undefined;
  const problem = quoted(name, 'is no hash of a key (64 hexadecimal digits)');
  return alias === undefined
    ? problem
    : `${problem}; an alias, which whoever makes the key chooses, goes under ${alias}`;
}
