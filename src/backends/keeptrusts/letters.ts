import { setImmediate as turn } from 'node:timers/promises';

/** Bytes as letters, two for each: consonants, in which no rule for words, numbers or base64 finds anything. */
const LETTERS = Buffer.from('bcdfghjkmnpqrtvw');

/** By the code of a letter; all others have more than four bits. */
const VALUES = new Uint8Array(256).fill(255);
for (const [value, code] of LETTERS.entries()) VALUES[code] = value;

/** Bytes between two turns of the event loop, some tenths of a millisecond. */
const STEP_BYTES = 64 * 1024;

export function lettersOf(bytes: Uint8Array): string {
  const letters = Buffer.allocUnsafe(2 * bytes.length);
  write(bytes, 0, bytes.length, letters, 0);
  return letters.toString('latin1');
}

/** The bytes that stand as letters from a place on, up to what is no letter. */
export function bytesOfLetters(letters: Uint8Array, from: number): Buffer {
  const bytes = Buffer.allocUnsafe((letters.length - from) >> 1);
  return bytes.subarray(0, read(letters, from, letters.length, bytes, 0));
}

/** Writes bytes as letters into a buffer, and holds up nobody. @param at where */
export async function writeLetters(bytes: Uint8Array, into: Uint8Array, at: number): Promise<void> {
  for (let from = 0; from < bytes.length; from += STEP_BYTES) {
    if (from > 0) await turn();
    write(bytes, from, Math.min(bytes.length, from + STEP_BYTES), into, at + 2 * from);
  }
}

/** Reads letters as bytes into a buffer, and holds up nobody. @returns where they end there */
export async function readLetters(
  letters: Uint8Array,
  from: number,
  into: Uint8Array,
  at: number,
): Promise<number> {
  let end = at;
  for (let next = from; ; next += 2 * STEP_BYTES) {
    const last = Math.min(letters.length, next + 2 * STEP_BYTES);
    end = read(letters, next, last, into, end);
    if (end - at < (last - from) >> 1 || last === letters.length) return end;
    await turn();
  }
}

function write(bytes: Uint8Array, from: number, to: number, into: Uint8Array, at: number): void {
  let place = at;
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    into[place++] = LETTERS[byte >> 4]!;
    into[place++] = LETTERS[byte & 15]!;
  }
}

function read(letters: Uint8Array, from: number, to: number, into: Uint8Array, at: number): number {
  let place = at;
  for (let i = from; i + 1 < to; i += 2) {
    const high = VALUES[letters[i]!]!;
    const low = VALUES[letters[i + 1]!]!;
    if ((high | low) > 15) break;
    into[place++] = (high << 4) | low;
  }
  return place;
}
