import { isDocumented } from './documented.ts';

/** Words, masks and names of variables that stand where a secret is to be filled in. */
const PLACEHOLDER =
  /example|placeholder|change[_-]?me|redacted|qwerty|(?:^|[^A-Za-z])(?:dummy|your|insert|replace)(?![a-z])|your[_ -]?(?:api|access|secret|own|token|key|pass)|[_-]here(?![a-z])|\.{3}|…|[*#]{3}|<[a-z][\w.-]{0,60}>|\$\{[^}]{0,80}(?:\}|$)|\{\{|^sk-\d{1,4}$/i;
/** Rows of `x`, and places of formats, which a percent code is not. */
const MASKS = /x{5,}|%(?:[sv@]|d(?![0-9a-f])|\(\w{1,40}\)?[a-z]?)/gi;
const CAMEL_PLACEHOLDER = /[a-z]Here(?![a-z])|(?:^|[^A-Za-z])Your[A-Z]/;
const ZEROS = /0{8}/;
/** `1234-1234-1234`. */
const SAME_GROUPS = /(?<!\d)(\d{4,12})(?:[-_.]\1){2}(?!\d)/;

/** True for what stands in place of a secret: what {@link isMask} knows, or a sequence such as `1234567890abcdef`. */
export function isFiller(value: string): boolean {
  if (isMask(value)) return true;
  const ends = endsOf(value);
  const group = SAME_GROUPS.exec(ends)?.[1];
  const letters = lettersOf(ends);
  return (group !== undefined && isCounting(group)) || (letters.length >= 8 && isCounting(letters));
}

/** True for a word that says so, a row of one letter or of few, a key out of a documentation. */
export function isMask(value: string): boolean {
  const ends = endsOf(value);
  if (PLACEHOLDER.test(ends) || CAMEL_PLACEHOLDER.test(ends) || ZEROS.test(ends) || isMasked(ends))
    return true;
  return isMonotonous(lettersOf(ends)) || isDocumented(value);
}

/** True for a mask with little beside it: a password can hold one by chance. */
function isMasked(value: string): boolean {
  const rest = value.replace(MASKS, '');
  if (rest.length === value.length) return false;
  return rest.length < 8 || rest.length * 3 <= value.length * 2 || isName(rest);
}

/** Letters that are looked at, at either end. */
const LOOKED_AT = 256;

/** A value, or both ends of a long one, which tell as much. */
export function endsOf(value: string): string {
  if (value.length <= 2 * LOOKED_AT) return value;
  return `${value.slice(0, LOOKED_AT)}\n${value.slice(-LOOKED_AT)}`;
}

function lettersOf(value: string): string {
  return value
    .slice(-LOOKED_AT)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '');
}

/** True if letters repeat, as random ones do once in ten thousand times at most. */
function isMonotonous(letters: string): boolean {
  if (letters.length < 8) return new Set(letters).size < 3;
  // The beginning of a token can be the mark of its vendor
  const tail = letters.slice(-Math.max(16, Math.floor(letters.length * 0.6)));
  return entropyOf(tail) < leastEntropy(tail);
}

/** Least bits for each letter of something random, far below what is usual. */
function leastEntropy({ length }: string): number {
  if (length >= 24) return 2.3;
  return length >= 16 ? 1.9 : 1.2;
}

/** Steps of one, up or down, are few among random letters. */
function isCounting(letters: string): boolean {
  let steps = 0;
  for (let i = 1; i < letters.length; i++) {
    const before = rankOf(letters.charCodeAt(i - 1));
    const now = rankOf(letters.charCodeAt(i));
    if (Math.abs(now - before) === 1 || (before === 9 && now === 0) || (before === 0 && now === 10)) steps++;
  }
  return steps >= (letters.length - 1) * (letters.length < 32 ? 0.62 : 0.5);
}

/** Digits, then letters: `9` and `a` are neighbours. */
const rankOf = (unit: number) => (unit < 0x40 ? unit - 0x30 : unit - 0x57);

/** Shannon entropy of an ASCII text, in bits for each character. */
export function entropyOf(text: string): number {
  const counts = new Uint32Array(128);
  for (let i = 0; i < text.length; i++) counts[text.charCodeAt(i) & 127]!++;
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

const WORDS = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g;

/**
 * True for a name such as `MyApp_Secret2`, made of words that can be spoken. Weak passwords and one of a hundred random ones
 * are such names too: it tells something together with what else is known only.
 */
export function isName(value: string): boolean {
  if (!/^[\w.:/$@ -]*$/.test(value)) return false;
  let spoken = 0;
  for (const [word] of value.matchAll(WORDS)) if (isSpoken(word)) spoken += word.length;
  const letters = value.replace(/[^A-Za-z]+/g, '').length;
  const digits = value.replace(/[^0-9]+/g, '').length;
  return digits * 2 <= letters && spoken >= (letters + digits / 2) * 0.62;
}

/** True for a name of several words and hardly a digit, as programs have them: no random letters are like that. */
export function isIdentifier(value: string): boolean {
  const words = (value.match(/[A-Z]?[a-z]+/g) ?? []).filter(isSpoken);
  const spoken = words.reduce((sum, { length }) => sum + length, 0);
  return words.length >= 3 && spoken >= value.replace(/[^A-Za-z0-9]+/g, '').length * 0.85;
}

function isSpoken(word: string): boolean {
  return word.length >= 3 && /[aeiouy]/i.test(word) && !/[^aeiouy]{5}/i.test(word);
}
