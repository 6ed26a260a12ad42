/** Bytes as letters, two for each: consonants, in which no rule for words, numbers or base64 finds anything. */
const LETTERS = 'bcdfghjkmnpqrtvw';

const CODES = Buffer.from(LETTERS);
const NONE = 255;
/** By the code of a letter. */
const VALUES = new Uint8Array(256).fill(NONE);
for (const [value, code] of CODES.entries()) VALUES[code] = value;

export function lettersOf(bytes: Uint8Array): string {
  const letters = Buffer.allocUnsafe(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    letters[2 * i] = CODES[byte >> 4]!;
    letters[2 * i + 1] = CODES[byte & 15]!;
  }
  return letters.toString('latin1');
}

/** The bytes that stand as letters from a place on, up to what is no letter. */
export function bytesOfLetters(letters: Uint8Array, from: number): Buffer {
  let end = from;
  while (end < letters.length && VALUES[letters[end]!] !== NONE) end++;
  const bytes = Buffer.allocUnsafe((end - from) >> 1);
  for (let i = 0; i < bytes.length; i++) {
    const at = from + 2 * i;
    bytes[i] = (VALUES[letters[at]!]! << 4) | VALUES[letters[at + 1]!]!;
  }
  return bytes;
}
