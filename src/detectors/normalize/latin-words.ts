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

/** UTF-16 units of the longest word that is compared. */
const LONGEST = 128;
/** UTF-16 units round a word within which a letter that looks like no Latin one says that it is of that script. */
const NEAR = 32;
/** UTF-16 units that a word may depend on before it. */
export const WORD_CONTEXT = LONGEST + NEAR;

/** Latin letters beyond ASCII, with accents or without: of languages that are written with them. */
const LATIN = /^[\p{L}&&\p{sc=Latin}]$/v;
/** Letters of those languages that look like others without being disguises of them: \u0142, \u00f8, \u0111. They stay beside accents. */
const LAST_OF_EUROPE = 0x17f;

/** Kinds of characters; the Latin letter in the lowest seven bits. */
const [IN_WORD, ALIKE, OF_SCRIPT, KNOWN, IS_LATIN, ACCENTED] = [0x80, 0x100, 0x200, 0x400, 0x800, 0x1000];
const kinds = new Uint16Array(0x2_0000);
/** Latin letters for letters of other scripts that look like them, accents included. */
const accented = new Map<number, string>();

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
    if (LATIN.test(letter)) kind |= IS_LATIN;
    if ((kind & (OF_SCRIPT | ALIKE)) === OF_SCRIPT) {
      const [base = '', ...marks] = letter.normalize('NFD');
      const plain = marks.length > 0 ? latinByAlike().get(base) : undefined;
      const composed = plain === undefined ? '' : (plain + marks.join('')).normalize('NFC');
      if (composed.length === 1) {
        kind |= ACCENTED;
        accented.set(point, composed);
      }
    }
  }
  kinds[point] = kind;
  return kind;
}

/**
 * The text with each word that looks like a word of Latin letters written in them: `іgnоrе` in half Cyrillic letters
 * becomes `ignore`, and so does `frühеren` with one of them. Other words stay whole, and words of another script alone do among letters
 * of it, so that Russian stays Russian.
 * Undefined if that is the text itself. Linear.
 *
 * @param before what stands before the text: {@link WORD_CONTEXT} units, or all
 */
export function withLatinWords(text: string, before: string): Rewritten | undefined {
  if (isAscii(text) || !MAY_BE_ALIKE.test(text)) return undefined;
  const rewriting = new Rewriting(text);
  eachLatinWord(before + text, (start, end, hasAccents) => {
    if (start < before.length) return;
    for (let at = start - before.length; at < end - before.length; at++) {
      const point = text.codePointAt(at)!;
      const width = point > 0xffff ? 2 : 1;
      if (point > (hasAccents ? LAST_OF_EUROPE : 0x7f)) {
        const latin = latinFor(point);
        if (latin !== undefined) rewriting.put(at, at + width, latin);
      }
      at += width - 1;
    }
  });
  return rewriting.finish();
}

function latinFor(point: number): string | undefined {
  const kind = kindOf(point);
  return (kind & ALIKE) !== 0 ? String.fromCharCode(kind & 0x7f) : accented.get(point);
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
 * Visits each word to rewrite, from the first letter on that changes.
 *
 * @returns where the first word begins, likewise, that further text may decide
 */
function eachLatinWord(
  text: string,
  visit: (start: number, end: number, hasAccents: boolean) => void,
): number {
  /** Where letters were seen that look like no Latin ones, of scripts of their own: the last one, and the next one ahead. */
  let last = -NEAR - 1;
  let ahead = -1;
  let begin = -1;
  let first = -1;
  let isOther = false;
  let isMixed = false;
  let hasAccents = false;
  /** Where a letter of another script with an accent stands, which looks like a Latin one only beside those. */
  let needsLatin = -1;
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
      if (begin < 0) begin = at;
      if (first < 0 && (kind & (ALIKE | ACCENTED)) !== 0) first = at;
      if (point < 0x80) isMixed ||= point >= 0x41;
      else if ((kind & ALIKE) === 0) {
        if ((kind & IS_LATIN) !== 0) {
          isMixed = true;
          hasAccents = true;
        } else if ((kind & ACCENTED) !== 0) needsLatin = at;
        else {
          isOther = true;
          if ((kind & OF_SCRIPT) !== 0) last = at;
        }
      } else if ((kind & OF_SCRIPT) === 0) isMixed = true;
    } else {
      const isCut = at === text.length;
      let isLatin = false;
      if (first >= 0 && !isOther && (isMixed || needsLatin < 0 || isCut) && at - begin <= LONGEST) {
        const isNative = !isMixed && first - last <= NEAR;
        const alone = isMixed || isNative ? true : isAlone(at);
        if (isCut || alone === undefined) open = Math.min(open, first);
        isLatin = !isNative && alone !== false && (isMixed || needsLatin < 0);
        if (isLatin) visit(first, at, hasAccents);
      }
      if (!isLatin && needsLatin >= 0) last = Math.max(last, needsLatin);
      begin = -1;
      first = -1;
      isOther = false;
      isMixed = false;
      hasAccents = false;
      needsLatin = -1;
      if (point < 0x80 && at + 1 < text.length) {
        at = nextWord(text, at + 1);
        continue;
      }
    }
    at += point > 0xffff ? 2 : 1;
  }
  return open;
}
