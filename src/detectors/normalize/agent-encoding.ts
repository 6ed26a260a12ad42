const ENCODED = /[^\t\n\r -~]|%|\\[ux]/;
const [DOT, SLASH, BACKSLASH, PERCENT] = [0x2e, 0x2f, 0x5c, 0x25];
const [SMALL_U, SMALL_X] = [0x75, 0x78];
/** Where the bytes of a percent encoding wait to become a character; private use. */
const BYTES = 0xf700;

/**
 * What a text says once its encodings are undone, however often they are nested: percent encoding (also of its own
 * letters, also overlong UTF-8 and `%u002e`), `\u002e` and `\x2e`, wide and other look-alikes of dots and slashes,
 * characters that cannot be seen. For looking into only. Takes time linear in the text: whatever is decoded is put back
 * where it may complete the next escape.
 */
export function undo(text: string): string {
  if (!ENCODED.test(text)) return text;
  const out = new Uint16Array(text.length);
  let end = 0;
  for (let at = 0; at < text.length; at++) {
    end = reduce(out, push(out, end, text.charCodeAt(at)));
  }
  return Buffer.from(out.buffer, 0, end * 2).toString('utf16le');
}

function push(out: Uint16Array, end: number, unit: number): number {
  const plain = plainOf(unit);
  if (plain < 0) return end;
  out[end] = plain;
  return end + 1;
}

/** Undoes the escapes that the last character has completed. */
function reduce(out: Uint16Array, from: number): number {
  let end = from;
  for (;;) {
    const low = hexAt(out, end - 2, end);
    if (low >= 0 && out[end - 3] === PERCENT) {
      end = low < 0x80 ? push(out, end - 3, low) : put(out, end - 3, BYTES + low);
    } else if (low >= 0 && out[end - 3] === SMALL_X && out[end - 4] === BACKSLASH) {
      end = escaped(out, end - 4, low);
    } else if (low >= 0 && out[end - 5] === SMALL_U && hexAt(out, end - 4, end - 2) >= 0) {
      const unit = hexAt(out, end - 4, end - 2) * 256 + low;
      if (out[end - 6] === PERCENT) end = push(out, end - 6, unit);
      else if (out[end - 6] === BACKSLASH) end = escaped(out, end - 6, unit);
      else return end;
    } else {
      const [first, second, third] = [byteAt(out, end - 3), byteAt(out, end - 2), byteAt(out, end - 1)];
      if (third >> 6 !== 2) return end;
      if (second >> 5 === 6) end = push(out, end - 2, ((second & 0x1f) << 6) | (third & 0x3f));
      else if (first >> 4 === 14 && second >> 6 === 2)
        end = push(out, end - 3, ((first & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f));
      else return end;
    }
  }
}

/** A backslash that was itself escaped, once or often, is no part of the path. */
function escaped(out: Uint16Array, start: number, unit: number): number {
  let end = start;
  const plain = plainOf(unit);
  if (plain === DOT || plain === SLASH || plain === BACKSLASH)
    while (out[end - 1] === BACKSLASH && end > 0) end--;
  return push(out, end, unit);
}

function put(out: Uint16Array, end: number, unit: number): number {
  out[end] = unit;
  return end + 1;
}

function byteAt(out: Uint16Array, at: number): number {
  const unit = out[at] ?? 0;
  return at >= 0 && unit >= BYTES + 0x80 && unit <= BYTES + 0xff ? unit - BYTES : 0;
}

/** The number that two hexadecimal digits mean, or -1. */
function hexAt(out: Uint16Array, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) {
    const unit = out[at];
    if (at < 0 || unit === undefined) return -1;
    if (unit >= 0x30 && unit <= 0x39) number = number * 16 + unit - 0x30;
    else if ((unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x66) number = number * 16 + (unit | 0x20) - 0x57;
    else return -1;
  }
  return number;
}

/** The ASCII character that a character looks like; -1 if it cannot be seen. */
function plainOf(unit: number): number {
  if (unit < 0x80)
    return (unit < 0x20 && unit !== 9 && unit !== 10 && unit !== 13) || unit === 0x7f ? -1 : unit;
  if (unit >= 0xff01 && unit <= 0xff5e) return unit - 0xfee0;
  if (INVISIBLE.has(unit)) return -1;
  return LOOK_ALIKE.get(unit) ?? unit;
}

const LOOK_ALIKE: ReadonlyMap<number, number> = new Map([
  [0x2024, DOT],
  [0xfe52, DOT],
  [0x2044, SLASH],
  [0x2215, SLASH],
  [0x29f8, SLASH],
  [0x2216, BACKSLASH],
  [0x29f5, BACKSLASH],
  [0x29f9, BACKSLASH],
  [0xfe68, BACKSLASH],
  [0xfe6a, PERCENT],
]);

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const INVISIBLE: ReadonlySet<number> = new Set([
  0xad,
  0x34f,
  0x180e,
  0xfeff,
  ...range(0x200b, 0x200f),
  ...range(0x202a, 0x202e),
  ...range(0x2060, 0x2069),
  ...range(0xfe00, 0xfe0f),
]);
