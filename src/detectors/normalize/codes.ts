import { decodeHTMLStrict } from 'entities/decode';
import { Rewriting, type Rewritten } from './offsets.ts';

/**
 * Escapes of JSON and its like, of signs in markdown, percent codes and HTML entities. Browsers read many without a semicolon; here those whose names
 * are no words that parameters of addresses have, such as `&copy` and `&sect`.
 */
const CODE =
  /\\(?:["'`/nrtbf_*#~@-]|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2})|(?:%[0-9a-fA-F]{2}){1,64}|%u[0-9a-fA-F]{4}|&(?:#(?:\d{1,9}(?!\d)|[xX][0-9a-fA-F]{1,8}(?![0-9a-fA-F]));?|[a-zA-Z][a-zA-Z0-9]{1,31};|(?:amp|lt|gt|quot)(?![\w=;])|(?:nbsp|shy|szlig|[aA][eE]lig|[aA]ring|[oO]slash|[aeiouyAEIOUY]acute|[aeiouAEIOU](?:grave|circ|uml)|yuml|[anoANO]tilde|[cC]cedil)(?![=;]))/g;

const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

/** Characters by the name of an entity, as they were first worked out: HTML has 2,231. */
const characters = new Map<string, string>();

/** Backslashes before one escape: as many as five strings within each other have. */
const MAX_BACKSLASHES = 32;
/** Codes in codes in codes in codes. */
export const LEVELS = 4;
/** Characters that may become part of another code: 1 for each. */
const OF_CODES = Uint8Array.from({ length: 128 }, (_, unit) =>
  /[\\%&#;{}\w]/.test(String.fromCharCode(unit)) ? 1 : 0,
);
const BACKSLASH = 0x5c;

/** The texts that come of undoing codes, once for each level of codes within codes, each with the way back to the one before. */
export function* undoneCodes(text: string): Generator<Rewritten> {
  let outer = text;
  for (let level = 0; level < LEVELS; level++) {
    const { rewritten, mayHoldMore } = undoneOnce(outer);
    if (rewritten === undefined) return;
    yield rewritten;
    if (!mayHoldMore) return;
    outer = rewritten.text;
  }
}

function undoneOnce(text: string): { rewritten: Rewritten | undefined; mayHoldMore: boolean } {
  const rewriting = new Rewriting(text);
  let mayHoldMore = false;
  const put = (start: number, end: number, plain: string) => {
    mayHoldMore ||= OF_CODES[plain.charCodeAt(0)] === 1 || text.charCodeAt(start - 1) === BACKSLASH;
    rewriting.put(start, end, plain);
  };
  CODE.lastIndex = 0;
  for (let hit = CODE.exec(text); hit !== null; hit = CODE.exec(text)) {
    const [code] = hit;
    const start = hit.index;
    const end = start + code.length;
    if (code.startsWith('%u')) put(start, end, characterOf(Number.parseInt(code.slice(2), 16))!);
    // A long run is read in pieces, none of which ends within a character
    else if (code.charCodeAt(0) === 0x25) CODE.lastIndex = start + putBytes(code, start, put);
    else if (code.charCodeAt(0) === BACKSLASH) {
      const plain = unescapedSign(code);
      if (plain !== undefined) put(firstBackslash(text, start, rewriting.done), end, plain);
    } else {
      const plain = entityOf(code);
      if (plain !== undefined) put(start, end, plain);
    }
  }
  return { rewritten: rewriting.finish(), mayHoldMore };
}

/** In a string within a string, backslashes are escaped themselves. */
function firstBackslash(text: string, position: number, floor: number): number {
  const least = Math.max(floor, position - MAX_BACKSLASHES + 1);
  let first = position;
  while (first > least && text.charCodeAt(first - 1) === BACKSLASH) first--;
  return first;
}

function unescapedSign(code: string): string | undefined {
  const kind = code[1]!;
  if (kind !== 'u' && kind !== 'x' && kind !== 'U') return CONTROLS[kind] ?? kind;
  return characterOf(Number.parseInt(code[2] === '{' ? code.slice(3, -1) : code.slice(2), 16));
}

function entityOf(code: string): string | undefined {
  if (code[1] !== '#') return namedCharacter(code.endsWith(';') ? code : `${code};`);
  const isHex = code[2] === 'x' || code[2] === 'X';
  return characterOf(Number.parseInt(code.slice(isHex ? 3 : 2), isHex ? 16 : 10));
}

function namedCharacter(code: string): string | undefined {
  const known = characters.get(code);
  if (known !== undefined) return known;
  const plain = decodeHTMLStrict(code);
  if (plain === code) return undefined;
  characters.set(code, plain);
  return plain;
}

const characterOf = (point: number) => (point <= 0x10ffff ? String.fromCodePoint(point) : undefined);

/**
 * Percent codes are the bytes of UTF-8; what is none stays as it is.
 *
 * @returns how much of the run was read: a character that goes on behind its end was not, unless it begins there
 */
function putBytes(
  code: string,
  at: number,
  put: (start: number, end: number, plain: string) => void,
): number {
  const byteAt = (i: number) => Number.parseInt(code.slice(i + 1, i + 3), 16);
  for (let i = 0; i < code.length; ) {
    const size = sizeOf(byteAt(i));
    const end = i + 3 * size;
    if (end > code.length && i > 0) return i;
    let point = size === 1 ? byteAt(i) : byteAt(i) & (0x7f >> size);
    let isWhole = size > 0 && end <= code.length;
    for (let next = i + 3; next < end && isWhole; next += 3) {
      isWhole = byteAt(next) >> 6 === 2;
      point = (point << 6) | (byteAt(next) & 0x3f);
    }
    const isShortest = size < 3 || point >= (size === 3 ? 0x800 : 0x10000);
    if (isWhole && isShortest && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff)) {
      put(at + i, at + end, String.fromCodePoint(point));
      i = end;
    } else i += 3;
  }
  return code.length;
}

/** Bytes of a character, by the first one. */
function sizeOf(byte: number): number {
  if (byte < 0x80) return 1;
  if (byte < 0xc2) return 0;
  if (byte < 0xe0) return 2;
  return byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 0;
}

/** Longest code but for its backslashes. */
const LONGEST = 34;
const BEGUN =
  /\\(?:u(?:[0-9a-fA-F]{0,3}|\{[0-9a-fA-F]{0,6})|U[0-9a-fA-F]{0,7}|x[0-9a-fA-F]?)?$|%(?:[c-fC-F][0-9a-fA-F](?:%[89abAB][0-9a-fA-F]){0,2}(?:%[0-9a-fA-F]?)?|u[0-9a-fA-F]{0,3}|[0-9a-fA-F]?)$|&(?:#[xX]?[0-9a-fA-F]{0,9}|[a-zA-Z][a-zA-Z0-9]{0,31})?$/;

/** The place before which no further text changes what one level of {@link undoneCodes} makes of a text that ends at `end`. */
export function openCodes(text: string, end: number): number {
  const from = Math.max(0, end - LONGEST);
  const begun = BEGUN.exec(text.slice(from, end));
  if (begun === null) return end;
  const start = from + begun.index;
  return text.charCodeAt(start) === BACKSLASH ? firstBackslash(text, start, 0) : start;
}
