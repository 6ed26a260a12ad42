import { undisguised } from './disguised.ts';
import { withLatinLetters } from './look-alikes.ts';

export { decodedParts } from './decoded.ts';

export type PlainOptions = {
  /** Undoes compatibility forms, accents, invisible characters, digits for letters and letters set apart. */
  readonly normalizes?: boolean;
  /** Writes look-alike letters of other scripts as Latin ones. */
  readonly homoglyphs?: boolean;
};

const BEYOND_ASCII = /\P{ASCII}/u;
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]+/gu;
/** Tag characters repeat ASCII invisibly. */
const TAG = /[\u{e0020}-\u{e007e}]/gu;
const TAG_OFFSET = 0xe0000;
/** One character each that NFKC makes 18 and 8 of. */
const PHRASES = /[\ufdfa\ufdfb]/g;
const FLOOD = /(\p{M}{8})\p{M}+/gu;
const ACCENTS = /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+/g;

/**
 * What a text says once disguises are undone: NFKC, no invisible characters, tag characters as the ASCII they stand for,
 * no accents, look-alike letters as Latin ones, `1gn0re` and `i g n o r e` as the word. Undefined if that is the text
 * itself. No place in it says anything about places in the text.
 *
 * Linear: ASCII costs three tests, about 4 ms a megabyte, other text about 100 ms a megabyte.
 */
export function plainOf(
  text: string,
  { normalizes = true, homoglyphs = true }: PlainOptions = {},
): string | undefined {
  let plain = text;
  if (BEYOND_ASCII.test(text)) {
    if (normalizes) plain = normalized(plain);
    if (homoglyphs) plain = withLatinLetters(plain);
  }
  if (normalizes) plain = undisguised(plain);
  return plain === text ? undefined : plain;
}

function normalized(text: string): string {
  return (
    text
      .replace(TAG, (tag) => String.fromCodePoint(tag.codePointAt(0)! - TAG_OFFSET))
      .replace(INVISIBLE, '')
      .replace(PHRASES, ' ')
      // Putting many marks in order takes quadratic time
      .replace(FLOOD, '$1')
      .normalize('NFKD')
      .replace(ACCENTS, '')
      .normalize('NFC')
  );
}
