import { decodedParts } from './decoded.ts';
import { undisguised } from './disguised.ts';
import { INVISIBLE, withLatinLetters } from './look-alikes.ts';

/** Disguises that are undone to get the plain text of a text. */
export type PlainUse = {
  /** Base64, hex, percent codes, entities and escapes. */
  readonly decodes: boolean;
  /** Compatibility forms, accents, invisible characters, digits for letters, letters set apart. */
  readonly normalizes: boolean;
  /** Letters of other scripts that look like Latin ones. */
  readonly homoglyphs: boolean;
};

const BEYOND_ASCII = /\P{ASCII}/u;
/** Characters that can be a disguise: all but ASCII, punctuation, Chinese, Japanese and Korean writing, and emoji. */
const SUSPICIOUS =
  /[^\p{ASCII}\u00a1-\u00a7\u00a9\u00ab\u00ae\u00b0\u00b1\u00b6\u00b7\u00bb\u00bf\u2010\u2012-\u2016\u2018-\u2027\u2030-\u2032\u2039-\u203b\u20ac\u2190-\u21ff\u2500-\u259f\u25a0-\u25ff\u2600-\u27bf\u3001-\u3003\u3008-\u3011\u3041-\u3096\u30a1-\u30fc\u4e00-\u9fff\uac00-\ud7a3\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f\u{1f300}-\u{1faff}]/u;
/** Precomposed Latin letters and the ASCII letter each is without its accents. */
const BASE = new Map<number, string>();
for (let unit = 0xc0; unit < 0x180; unit++) {
  const bare = String.fromCharCode(unit)
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]+/g, '');
  if (/^[a-z]$/i.test(bare)) BASE.set(unit, bare);
}
const LATIN = /[\u00c0-\u017f]/g;

const ACCENTED = 1;
const COMPATIBLE = 2;
const SUSPECT = 4;
const SURROGATE = 8;
const UNKNOWN = 16;
/** Kinds of the units that were seen so far: to ask for all of them would take 20 ms. */
const kindOf = new Uint8Array(65_536).fill(UNKNOWN);

function learnedKind(unit: number): number {
  const letter = String.fromCharCode(unit);
  let kind = letter.normalize('NFKD') === letter ? 0 : COMPATIBLE;
  if (unit >= 0xd800 && unit <= 0xdfff) kind = SURROGATE;
  else if (BASE.has(unit) || unit === 0xdf) kind = ACCENTED;
  else if (SUSPICIOUS.test(letter)) kind = SUSPECT;
  kindOf[unit] = kind;
  return kind;
}

/** The disguise of a text: none, only accents of Latin letters, or more. */
function disguiseOf(text: string): 'none' | 'accents' | 'more' {
  let kinds = 0;
  for (let i = 0; i < text.length && kinds < SUSPECT; i++) {
    const unit = text.charCodeAt(i);
    const kind = kindOf[unit]!;
    kinds |= kind === UNKNOWN ? learnedKind(unit) : kind;
  }
  if (kinds < SUSPECT) return (kinds & ACCENTED) === 0 ? 'none' : kinds === ACCENTED ? 'accents' : 'more';
  return kinds >= SURROGATE && !SUSPICIOUS.test(text) ? 'none' : 'more';
}

/** Tag characters repeat ASCII invisibly. */
const TAG = /[\u{e0020}-\u{e007e}]/gu;
const TAG_OFFSET = 0xe0000;
/** One character each that NFKC makes 18 and 8 of. */
const PHRASES = /[\ufdfa\ufdfb]/g;
const FLOOD = /(\p{M}{8})\p{M}+/gu;
const ACCENTS = /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+/g;

/**
 * The text with its disguises undone: NFKC, no invisible characters, tag characters as the ASCII they stand for,
 * no accents, look-alike letters as Latin ones, `1gn0re` and `i g n o r e` as the word. Undefined if that is the text
 * itself; typographic quotes, dashes, Chinese, Japanese and Korean writing alone are left as they are. No place in it says anything about places in the text.
 *
 * Linear: ASCII costs three tests, about 2 ms a megabyte, French 13, Cyrillic 55; the worst known is 120, for single letters.
 */
export function plainOf(
  text: string,
  { normalizes = true, homoglyphs = true }: Partial<PlainUse> = {},
): string | undefined {
  let plain = text;
  const disguise = BEYOND_ASCII.test(text) ? disguiseOf(text) : 'none';
  if (disguise === 'accents' && normalizes)
    plain = plain.replace(LATIN, (letter) => BASE.get(letter.charCodeAt(0)) ?? letter);
  else if (disguise !== 'none') {
    if (normalizes) plain = normalized(plain);
    if (homoglyphs && BEYOND_ASCII.test(plain)) plain = withLatinLetters(plain);
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

/** The other readings of a text: without disguise, and the texts encoded in it, these without disguise too. */
export function plainVariants(text: string, use: PlainUse): string[] {
  const plain = plainOf(text, use);
  const decoded = use.decodes ? decodedParts(text).map((part) => plainOf(part, use) ?? part) : [];
  return plain === undefined ? decoded : [plain, ...decoded];
}
