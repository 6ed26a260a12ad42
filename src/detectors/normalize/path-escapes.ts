import { isInvisible, signOf } from './look-alikes.ts';

const ENCODED = /[^\t\n\r -~]|%|\\[ux]/;
const [DOT, SLASH, BACKSLASH, PERCENT] = [0x2e, 0x2f, 0x5c, 0x25];
const [SMALL_U, SMALL_X] = [0x75, 0x78];
/** Private-use units for the bytes of a percent encoding that wait to become a character. */
const BYTES = 0xf700;

/**
 * The text with its escapes undone however often they are nested, as a path is disguised: percent codes (also of their own
 * letters, also overlong UTF-8 and `%u002e`), `\u002e` and `\x2e`, wide and other look-alikes of dots and slashes,
 * invisible characters. Linear: whatever is decoded is put back where it may complete the next escape.
 */
export function deeplyUnescaped(text: string): string {
  if (!ENCODED.test(text)) return text;
  const out = new Uint16Array(text.length);
  let end = 0;
  for (let at = 0; at < text.length; at++) {
    end = reduced(out, pushed(out, end, text.charCodeAt(at)));
  }
  return Buffer.from(out.buffer, 0, end * 2).toString('utf16le');
}

/** Writes a unit as the sign it looks like, unless it is invisible. Returns the new end. */
function pushed(out: Uint16Array, end: number, unit: number): number {
  const sign = visibleSign(unit);
  if (sign === HIDDEN) return end;
  out[end] = sign;
  return end + 1;
}

/** Undoes the escapes that the last character has completed. Returns the new end. */
function reduced(out: Uint16Array, from: number): number {
  let end = from;
  for (;;) {
    const low = hexAt(out, end - 2, end);
    if (low >= 0 && out[end - 3] === PERCENT) {
      if (low < 0x80) end = pushed(out, end - 3, low);
      else {
        out[end - 3] = BYTES + low;
        end -= 2;
      }
    } else if (low >= 0 && out[end - 3] === SMALL_X && out[end - 4] === BACKSLASH) {
      end = unquoted(out, end - 4, low);
    } else if (low >= 0 && out[end - 5] === SMALL_U && hexAt(out, end - 4, end - 2) >= 0) {
      const unit = hexAt(out, end - 4, end - 2) * 256 + low;
      if (out[end - 6] === PERCENT) end = pushed(out, end - 6, unit);
      else if (out[end - 6] === BACKSLASH) end = unquoted(out, end - 6, unit);
      else return end;
    } else {
      const [first, second, third] = [byteAt(out, end - 3), byteAt(out, end - 2), byteAt(out, end - 1)];
      if (third >> 6 !== 2) return end;
      if (second >> 5 === 6) end = pushed(out, end - 2, ((second & 0x1f) << 6) | (third & 0x3f));
      else if (first >> 4 === 14 && second >> 6 === 2)
        end = pushed(out, end - 3, ((first & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f));
      else return end;
    }
  }
}

/** Writes an escaped unit. A backslash that was itself escaped, once or often, is no part of the path. */
function unquoted(out: Uint16Array, start: number, unit: number): number {
  let end = start;
  const sign = visibleSign(unit);
  if (sign === DOT || sign === SLASH || sign === BACKSLASH)
    while (out[end - 1] === BACKSLASH && end > 0) end--;
  return pushed(out, end, unit);
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

/** Noncharacter that stands for an invisible one. */
const HIDDEN = 0xffff;

/** Signs beyond ASCII as they were first worked out; 0 where that has yet to be done. */
let signs: Uint16Array | undefined;

/** The ASCII sign that a unit looks like, or the unit itself; {@link HIDDEN} for an invisible one. */
function visibleSign(unit: number): number {
  if (unit < 0x80)
    return (unit < 0x20 && unit !== 9 && unit !== 10 && unit !== 13) || unit === 0x7f ? HIDDEN : unit;
  signs ??= new Uint16Array(0x1_0000);
  signs[unit] ||= isInvisible(String.fromCharCode(unit)) ? HIDDEN : signOf(unit);
  return signs[unit];
}
