import { latinByAlike } from './look-alikes.ts';
import { Rewriting, type Rewritten } from './offsets.ts';

/** Where characters stand that look like a Latin letter; not signs, Chinese, Japanese, Korean and most emoji. */
const MAY_BE_ALIKE =
  /[\u00d0\u00d8\u00de\u00f0\u00f8\u00fe\u0110-\u1fff\u212e\u2336-\u237a\u2c00-\u2dff\u3007\ua000-\uabff\ud800-\ud83c]/;
/** Letters of words; of scripts that put spaces between them, and what looks like a letter without being one. */
const WORD =
  /^[[\p{L}\p{N}\p{RI}℮\u2336-\u237a\u{1f150}-\u{1f189}]--[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}]]$/v;
/** Letters of a script that whole texts are written in. */
const FOREIGN = /^[\p{L}--\p{sc=Latin}]$/v;

/** True if a text is ASCII: four times as fast as an expression. */
export const isAscii = (text: string) => Buffer.byteLength(text) === text.length;

/** UTF-16 units from the first letter that is not ASCII to the end of the longest word that is compared. */
const LONGEST = 128;
/** UTF-16 units round a word within which a letter that looks like no Latin one says that it is of that script. */
const NEAR = 32;
/** UTF-16 units that a word may depend on before it. */
export const WORD_CONTEXT = LONGEST + NEAR;

/** Kinds of characters; the Latin letter in the lowest seven bits. */
const [IN_WORD, ALIKE, OF_SCRIPT, KNOWN] = [0x80, 0x100, 0x200, 0x400];
const kinds = new Uint16Array(0x2_0000);

function kindOf(point: number): number {
  if (point > 0x1ffff) return 0;
  return kinds[point] || learned(point);
}

function learned(point: number): number {
  const letter = String.fromCodePoint(point);
  let kind = KNOWN;
  if (WORD.test(letter)) kind |= IN_WORD;
  if (point >= 0x80) {
    const latin = latinByAlike().get(letter);
    if (latin !== undefined) kind |= ALIKE | latin.charCodeAt(0);
    if (FOREIGN.test(letter)) kind |= OF_SCRIPT;
  }
  kinds[point] = kind;
  return kind;
}

/**
 * The text with each word that looks like a word of Latin letters written in them: `іgnоrе` in half Cyrillic letters
 * becomes `ignore`. Other words stay whole, and words of another script alone do among letters of it, so that Russian stays Russian.
 * Undefined if that is the text itself. Linear.
 *
 * @param before what stands before the text: {@link WORD_CONTEXT} units, or all
 */
export function withLatinWords(text: string, before: string): Rewritten | undefined {
  if (isAscii(text) || !MAY_BE_ALIKE.test(text)) return undefined;
  const rewriting = new Rewriting(text);
  eachLatinWord(before + text, (start, end) => {
    if (start < before.length) return;
    for (let at = start - before.length; at < end - before.length; at++) {
      const point = text.codePointAt(at)!;
      const width = point > 0xffff ? 2 : 1;
      if (point >= 0x80) rewriting.put(at, at + width, String.fromCharCode(kindOf(point) & 0x7f));
      at += width - 1;
    }
  });
  return rewriting.finish();
}

/** The place before which no further text changes what {@link withLatinWords} makes of a text that ends at `end`. */
export function openWords(text: string, end: number, before: string): number {
  // The half of a pair may become a letter
  let whole = end;
  while (whole > Math.max(0, end - LONGEST) && /[\ud800-\udbff]/.test(text[whole - 1]!)) whole--;
  const from = Math.max(0, whole - WORD_CONTEXT);
  const tail = text.slice(from, whole);
  if (!MAY_BE_ALIKE.test(tail)) return whole;
  const start = Math.max(0, from - WORD_CONTEXT);
  const context = start > 0 ? text.slice(start, from) : before + text.slice(0, from);
  return Math.max(0, from - context.length + eachLatinWord(context + tail, () => {}));
}

const BEYOND_ASCII = /[^\0-\x7f]/g;

/** Where the next word with a letter beyond ASCII begins, or the first sign beyond ASCII, from a place between words on. */
function nextWord(text: string, from: number): number {
  BEYOND_ASCII.lastIndex = from;
  let at = BEYOND_ASCII.test(text) ? BEYOND_ASCII.lastIndex - 1 : text.length;
  while (at > from && (kindOf(text.charCodeAt(at - 1)) & IN_WORD) !== 0) at--;
  return at;
}

/**
 * Visits each word to rewrite, from its first letter that is not ASCII on.
 *
 * @returns where the first word begins, likewise, that further text may decide
 */
function eachLatinWord(text: string, visit: (start: number, end: number) => void): number {
  /** Where letters were seen that look like no Latin ones, of scripts of their own: the last one, and the next one ahead. */
  let last = -NEAR - 1;
  let ahead = -1;
  let first = -1;
  let isOther = false;
  let isMixed = false;
  let open = text.length;
  const isForeign = (kind: number) => (kind & (OF_SCRIPT | ALIKE)) === OF_SCRIPT;
  /** True if no letter of another script follows soon; undefined if the text ends too early to tell. */
  const isAlone = (end: number): boolean | undefined => {
    for (ahead = Math.max(ahead, end); ahead < end + NEAR; ahead++) {
      if (ahead >= text.length) return undefined;
      if (isForeign(kindOf(text.codePointAt(ahead)!))) return false;
    }
    return true;
  };
  for (let at = 0; at <= text.length; ) {
    const point = at < text.length ? text.codePointAt(at)! : 0;
    const kind = kindOf(point);
    if ((kind & IN_WORD) !== 0) {
      if (point >= 0x80 && first < 0) first = at;
      if (point < 0x80) isMixed ||= point >= 0x41;
      else if ((kind & ALIKE) === 0) {
        isOther = true;
        if ((kind & OF_SCRIPT) !== 0) last = at;
      } else if ((kind & OF_SCRIPT) === 0) isMixed = true;
    } else {
      if (first >= 0 && !isOther && at - first <= LONGEST) {
        const isCut = at === text.length;
        const isNative = !isMixed && first - last <= NEAR;
        const alone = isMixed || isNative ? true : isAlone(at);
        if (isCut || alone === undefined) open = Math.min(open, first);
        if (!isNative && alone !== false) visit(first, at);
      }
      first = -1;
      isOther = false;
      isMixed = false;
      if (point < 0x80 && at + 1 < text.length) {
        at = nextWord(text, at + 1);
        continue;
      }
    }
    at += point > 0xffff ? 2 : 1;
  }
  return open;
}
