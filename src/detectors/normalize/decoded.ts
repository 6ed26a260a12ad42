import { unescaped } from './escapes.ts';

/** The fewest readable characters in a row for which decoded text counts. */
const LEAST = 16;
const LEVELS = 2;

/** The shortest base64 of 16 bytes; 16 bytes in hex are longer. */
const LEAST_RUN = 22;
/** Four pairs of hex digits, each set apart. */
const SPACED_HEX = /[\s,:;][0-9a-f]{2}[\s,:;]{1,2}[0-9a-f]{2}[\s,:;]{1,2}[0-9a-f]{2}[\s,:;]{1,2}[0-9a-f]{2}/i;
const HEX = /(?<![0-9a-z])(?:(?:\\x|0x)?[0-9a-f]{2}[\s,:;]{0,2}){16,}/gi;
const HEX_NOISE = /\\x|0x|[\s,:;]/gi;
const READABLE = /[^\p{C}\ufffd\t\r\n]{1}[^\p{Cc}\p{Cn}\p{Co}\p{Cs}\ufffd]{15,}/gu;

/**
 * The texts that are encoded within a text: base64 (also base64url, also in lines), hex, percent codes, HTML entities,
 * `\u0069` and `\x69`, wherever 16 characters or more can be read once decoded; and the texts encoded within those. Percent codes,
 * entities and escapes give the whole text with them undone, as they may stand for one letter each.
 *
 * Linear: text without any costs about 2 ms a megabyte. All parts together are at most three times as long as the text.
 */
export function decodedParts(text: string): string[] {
  const parts: string[] = [];
  let left = 3 * text.length;
  let inside: readonly string[] = [text];
  for (let level = 0; level < LEVELS && inside.length > 0; level++) {
    const found: string[] = [];
    for (const outer of inside) {
      if (!mayHoldCode(outer)) continue;
      for (const part of partsOf(outer)) {
        if (left < LEAST) return parts;
        const kept = part.slice(0, left);
        left -= kept.length;
        parts.push(kept);
        found.push(kept);
      }
    }
    inside = found;
  }
  return parts;
}

function mayHoldCode(text: string): boolean {
  return (
    text.includes('%') ||
    text.includes('&') ||
    text.includes('\\') ||
    !runsOf(text, IN_RUN, LEAST_RUN).next().done ||
    text.includes('0x') ||
    SPACED_HEX.test(text)
  );
}

const BASE64_AT = /(?<![\w+/-])[\w+/-]{22,}(?:\r?\n[\w+/-]{4,})*/y;

/** Code units that match an expression. */
const unitsOf = (pattern: RegExp, size: number) =>
  Uint8Array.from({ length: size }, (_, unit) => (pattern.test(String.fromCharCode(unit)) ? 1 : 0));
const IN_RUN = unitsOf(/[\w+/-]/, 128);
let inHex: Uint8Array | undefined;

/**
 * Runs of at least `least` units of a class. Looks from the end of where a run would be: words end it soon, and most of the
 * text is never looked at.
 */
function* runsOf(text: string, isIn: Uint8Array, least: number) {
  let start = 0;
  while (start + least <= text.length) {
    let at = start + least - 1;
    while (at >= start && isIn[text.charCodeAt(at)] === 1) at--;
    if (at >= start) {
      start = at + 1;
      continue;
    }
    let end = start + least;
    while (end < text.length && isIn[text.charCodeAt(end)] === 1) end++;
    yield { start, end };
    start = end + 1;
  }
}

function* partsOf(text: string): Generator<string> {
  let done = 0;
  for (const { start, end } of runsOf(text, IN_RUN, LEAST_RUN)) {
    BASE64_AT.lastIndex = start;
    if (end <= done) continue;
    const run = BASE64_AT.exec(text)?.[0];
    if (run === undefined) continue;
    done = start + run.length;
    // A digest or a UUID: no words have base64 of these letters alone
    if (!/^[0-9a-f-]+$/.test(run)) yield* base64Parts(run);
  }
  inHex ??= unitsOf(/[0-9a-fx\\\s,:;]/i, 0x1_0000);
  for (const { start, end } of runsOf(text, inHex, 32)) {
    for (const [run] of text.slice(Math.max(0, start - 1), end).matchAll(HEX)) {
      yield* readable(Buffer.from(run.replace(HEX_NOISE, ''), 'hex'));
    }
  }
  if (!text.includes('%') && !text.includes('&') && !text.includes('\\')) return;
  const whole = unescaped(text);
  if (whole !== text) yield whole;
}

/** A run may begin with letters that are no part of it, such as a path: then it is read one, two or three letters later. */
function* base64Parts(run: string): Generator<string> {
  const letters = run.replace(/[\r\n]/g, '');
  for (let skipped = 0; skipped < (letters.length <= 4096 ? 4 : 1); skipped++) {
    const parts = readable(Buffer.from(letters.slice(skipped), 'base64'));
    if (parts.length === 0) continue;
    yield* parts;
    return;
  }
}

function readable(bytes: Buffer): readonly string[] {
  if (!mayBeReadable(bytes)) return [];
  return bytes.toString('utf8').match(READABLE) ?? [];
}

/** True if LEAST characters in a row are UTF-8 without control characters: cheaper than making a text of random bytes. */
function mayBeReadable(bytes: Buffer): boolean {
  let run = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte < 0x80) run = byte > 0x1f && byte !== 0x7f ? run + 1 : 0;
    else {
      let more = byte < 0xc2 ? -1 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : byte < 0xf5 ? 3 : -1;
      const first = i;
      while (more > 0 && (bytes[i + 1]! & 0xc0) === 0x80) {
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
