import { isInvisible } from './look-alikes.ts';
import { Rewriting, type Rewritten } from './offsets.ts';

/** All but visible ASCII and its blanks. */
const UNUSUAL = /[^\t-\r -~]/;

/** Halves of pairs, for characters that do not become one other unit. */
const [SAME, HIDDEN, MANY, DASH, NUMBER, MARK, UNKNOWN] = [
  0xd800, 0xd801, 0xd802, 0xd803, 0xd804, 0xd805, 0xd806,
];

/** The plain form of each character of the first two planes: one unit, or one of the halves above. */
const signs = new Uint16Array(0x2_0000).fill(UNKNOWN);
/** Characters that become several units, or do so only beside others of their kind. */
const several = new Map<number, string>();

/** Fillers of Korean take as much room as a letter, and show none. */
const BLANK = /[\p{Zs}\u115f\u1160\u2800\u3164\uffa0]/u;
const LINE_END = /[\u0085\u2028\u2029]/;
const HYPHEN = /[\u2010-\u2013\u2212\u2043\ufe58\ufe63\uff0d]/;
const EM_DASH = /[\u2014\u2015]/;
const SINGLE_QUOTE = /[\u2018-\u201b\u2032\u2039\u203a\u275b\u275c\uff07]/;
const DOUBLE_QUOTE = /[\u00ab\u00bb\u201c-\u201f\u2033\u275d\u275e\uff02]/;
/** Digits in rings and brackets, raised and lowered ones: one alone marks an item or a note, several are a number. */
const NUMBER_FORM = /[\u00b2\u00b3\u00b9\u2070-\u2079\u2080-\u2089\u2460-\u249b\u24ea-\u24ff\u2776-\u2793]/;
/** Letters of Korean that stand alone, and what has no reading as letters of its own. */
const LEFT_ALONE =
  /[\u00a8-\u00b1\u00b4-\u00b8\u00ba-\u00ff\u02d8-\u02dd\u0384\u0385\u037a\u3131-\u318e\uffa0-\uffdc]/;
/** Noncharacters and control characters but blanks. */
const UNSEEN = /[[\p{Cc}--[\t-\r\u0080-\u009f]]\p{Noncharacter_Code_Point}]/v;
/** One character each that NFKC makes 18 and 8 of. */
const PHRASE = /[\ufdfa\ufdfb]/;
/** Lines through, under and over letters, and rings round them: no accents, though the same kind of characters. */
const DRAWN = /[\u0305\u0332-\u0338\u033f\u20d0-\u20f0]/;
/** Accents of letters: on digits and signs they are no part of any script. */
const ACCENT = /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff]/;
/** UTF-16 units before a text that its first characters may depend on: as many accents on one sign are looked through. */
export const MARK_CONTEXT = 16;
/** Characters that repeat ASCII without being seen: tags, and selectors of variants that stand for bytes. */
const [FIRST_TAG, FIRST_SELECTOR] = [0xe0020, 0xe0110];

/** The plain characters for one character. */
function plainCharacter(letter: string): string {
  if (BLANK.test(letter) || PHRASE.test(letter)) return ' ';
  if (LINE_END.test(letter)) return '\n';
  if (HYPHEN.test(letter)) return '-';
  if (SINGLE_QUOTE.test(letter)) return "'";
  if (DOUBLE_QUOTE.test(letter)) return '"';
  if (UNSEEN.test(letter) || DRAWN.test(letter) || isInvisible(letter)) return '';
  if (LEFT_ALONE.test(letter)) return letter;
  if (/^\p{Nd}$/u.test(letter)) return digitOf(letter.codePointAt(0)!);
  const plain = letter.normalize('NFKC');
  return plain.length > 1 && plain.startsWith(' ') ? letter : plain;
}

/** Numerals of a script are ten in a row, from zero on. */
function digitOf(point: number): string {
  let zero = point;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(zero - 1))) zero--;
  return String((point - zero) % 10);
}

function learned(point: number): number {
  const letter = String.fromCodePoint(point);
  const plain = plainCharacter(letter);
  let sign = plain.charCodeAt(0);
  if (plain === '') sign = HIDDEN;
  else if (EM_DASH.test(letter)) sign = DASH;
  else if (ACCENT.test(letter)) sign = MARK;
  else if (NUMBER_FORM.test(letter)) sign = NUMBER;
  else if (plain === letter && point > 0xffff) sign = SAME;
  else if (plain.length > 1) sign = MANY;
  if (plain.length > 1 || sign === NUMBER) several.set(point, plain);
  signs[point] = sign;
  return sign;
}

/** Orders to terminals within a text, such as a colour. @see ECMA-48, 5.4 */
const CONTROL = /\[[0-?]{0,16}[ -/]{0,2}[@-~]/y;
const CONTROL_BEGUN = /^(?:\[[0-?]{0,16}[ -/]{0,2})?$/;
const LONGEST_CONTROL = 20;
const ESCAPE = 0x1b;

function endOfControl(text: string, at: number): number {
  CONTROL.lastIndex = at + 1;
  return CONTROL.test(text) ? CONTROL.lastIndex : at + 1;
}

const isNumberForm = (unit: number) => (signs[unit] === UNKNOWN ? learned(unit) : signs[unit]) === NUMBER;
/** True for digits and signs of ASCII, also in other forms. */
function isOfNoWord(unit: number): boolean {
  const plain = unit < 0x80 ? unit : signs[unit] === UNKNOWN ? learned(unit) : signs[unit]!;
  return plain > 0x20 && plain < 0x7f && !/[A-Za-z]/.test(String.fromCharCode(plain));
}

const isDigit = (unit: number) => unit >= 0x30 && unit <= 0x39;

/**
 * The text with plain characters: ASCII blanks, dashes and quotes for all others, letters and digits for their compatibility
 * forms, numerals of all scripts as ASCII digits, tag characters as what they repeat, no character that cannot be seen.
 * Undefined if that is the text itself.
 *
 * @param previous what stands before the text: {@link MARK_CONTEXT} units, or all
 */
export function withPlainCharacters(text: string, previous = ''): Rewritten | undefined {
  const first = text.search(UNUSUAL);
  if (first < 0) return undefined;
  const rewriting = new Rewriting(text);
  const unitBefore = (at: number) =>
    at > 0 ? text.charCodeAt(at - 1) : previous.charCodeAt(previous.length + at - 1);
  for (let at = first; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0xd800 && unit <= 0xdfff) {
      const point = text.codePointAt(at)!;
      if (point <= 0xffff) continue;
      const plain = plainPair(point);
      if (plain !== undefined) rewriting.put(at, at + 2, plain);
      at++;
      continue;
    }
    let sign = signs[unit]!;
    if (sign === unit) continue;
    if (sign === UNKNOWN) sign = learned(unit);
    if (sign === unit) continue;
    if (sign === HIDDEN) {
      const end = unit === ESCAPE ? endOfControl(text, at) : at + 1;
      rewriting.put(at, end, '');
      at = end - 1;
    } else if (sign === MANY) rewriting.put(at, at + 1, several.get(unit)!);
    else if (sign === DASH) {
      if (isDigit(unitBefore(at)) && isDigit(text.charCodeAt(at + 1))) rewriting.put(at, at + 1, '-');
    } else if (sign === MARK) {
      let base = at;
      while (base > at - MARK_CONTEXT + 1 && signs[unitBefore(base)] === MARK) base--;
      if (isOfNoWord(unitBefore(base))) rewriting.put(at, at + 1, '');
    } else if (sign === NUMBER) {
      if (isNumberForm(unitBefore(at)) || isNumberForm(text.charCodeAt(at + 1)))
        rewriting.put(at, at + 1, several.get(unit)!);
    } else rewriting.put(at, at + 1, String.fromCharCode(sign));
  }
  return rewriting.finish();
}

/** The plain form of a character beyond the first plane; undefined for itself. */
function plainPair(point: number): string | undefined {
  if (point >= 0xe0000 && point <= 0xe0fff) {
    const unit = 0x20 + point - (point < FIRST_SELECTOR ? FIRST_TAG : FIRST_SELECTOR);
    return unit >= 0x20 && unit < 0x7f ? String.fromCharCode(unit) : '';
  }
  if (point > 0x1ffff) return undefined;
  let sign = signs[point]!;
  if (sign === UNKNOWN) sign = learned(point);
  if (sign === SAME) return undefined;
  if (sign === HIDDEN) return '';
  return sign === MANY ? several.get(point) : String.fromCharCode(sign);
}

/** The place before which no further text changes what {@link withPlainCharacters} makes of a text that ends at `end`. */
export function openCharacters(text: string, end: number): number {
  if (end === 0) return end;
  const from = Math.max(0, end - LONGEST_CONTROL);
  const tail = text.slice(from, end);
  const begun = tail.lastIndexOf('\u001b');
  if (begun >= 0 && CONTROL_BEGUN.test(tail.slice(begun + 1))) return from + begun;
  return /[\ud800-\udbff]/.test(text[end - 1]!) ||
    EM_DASH.test(text[end - 1]!) ||
    NUMBER_FORM.test(text[end - 1]!)
    ? end - 1
    : end;
}
