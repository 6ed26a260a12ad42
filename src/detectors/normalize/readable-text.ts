/** The fewest readable characters in a row for which decoded text counts. */
export const LEAST = 16;

const READABLE = /[^\p{C}\ufffd]{1}[[^\p{Cc}\p{Cn}\p{Co}\p{Cs}\ufffd][\t\r\n]]{15,}/gv;

/** True if bytes may hold a text: cheaper than making one of random bytes. */
export const holdsText = (bytes: Buffer, size: number) =>
  mayBeReadable(bytes, size) || zerosOf(bytes, size) !== undefined;

/** The texts that bytes hold, in UTF-8 or in UTF-16 of Latin letters. */
export function readable(bytes: Buffer): readonly string[] {
  const wide = wideText(bytes);
  if (wide !== undefined) return wide.match(READABLE) ?? [];
  if (!mayBeReadable(bytes)) return [];
  return bytes.toString('utf8').match(READABLE) ?? [];
}

/** Where every other byte is zero, the text in UTF-16 of either order, as PowerShell takes commands. */
function wideText(bytes: Buffer): string | undefined {
  const first = zerosOf(bytes, bytes.length);
  if (first === undefined) return undefined;
  const even = bytes.subarray(0, bytes.length & ~1);
  return (first % 2 === 1 ? even : Buffer.from(even).swap16()).toString('utf16le');
}

/** A zero before which LEAST others stand, each behind one other byte. */
function zerosOf(bytes: Buffer, size: number): number | undefined {
  let run = 0;
  let last = -2;
  for (let at = bytes.indexOf(0); at >= 0 && at < size; at = bytes.indexOf(0, at + 1)) {
    run = at - last === 2 ? run + 1 : 1;
    if (run >= LEAST) return at;
    last = at;
  }
  return undefined;
}

/** True if LEAST characters in a row are UTF-8 without control characters: cheaper than making a text of random bytes. */
function mayBeReadable(bytes: Buffer, size = bytes.length): boolean {
  let run = 0;
  for (let i = 0; i < size; i++) {
    const byte = bytes[i]!;
    if (byte < 0x80) run = (byte > 0x1f && byte !== 0x7f) || (byte > 8 && byte < 14) ? run + 1 : 0;
    else {
      let more = byte < 0xc2 ? -1 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : byte < 0xf5 ? 3 : -1;
      const first = i;
      while (more > 0 && i + 1 < size && (bytes[i + 1]! & 0xc0) === 0x80) {
        i++;
        more--;
      }
      run = more === 0 ? run + 1 : 0;
      if (more > 0) i = first;
    }
    if (run >= LEAST) return true;
  }
  return false;
}
