import type { Span } from '../rule.ts';

/** A text that is encoded within another, and the run of base64 or hex that it is the meaning of. */
export type EncodedRun = { readonly text: string; readonly span: Span };

/** The fewest readable characters in a row for which decoded text counts. */
const LEAST = 16;
const LEVELS = 2;

/** The shortest base64 and hex of 16 bytes. */
const LEAST_RUN = 22;
const LEAST_HEX = 32;
const HEX = /(?<![0-9a-z])(?:(?:\\x|0x)?[0-9a-f]{2}[\s,:;-]{0,2}){15,}(?:\\x|0x)?[0-9a-f]{2}/gi;
const HEX_NOISE = /\\x|0x|[\s,:;-]/gi;
const READABLE = /[^\p{C}\ufffd]{1}[[^\p{Cc}\p{Cn}\p{Co}\p{Cs}\ufffd][\t\r\n]]{15,}/gv;

/**
 * The texts that runs of base64 (also base64url, also in lines) and hex within a text stand for, wherever 16 characters or more can
 * be read once decoded; and the texts encoded within those, which have the span of the run round them.
 *
 * Linear: text without any costs about 2 ms a megabyte. All parts together are at most three times as long as the text.
 */
export function encodedRuns(text: string): readonly EncodedRun[] {
  const runs: EncodedRun[] = [];
  let left = 3 * text.length;
  let inside: readonly EncodedRun[] = [{ text, span: { start: 0, end: text.length } }];
  for (let level = 0; level < LEVELS && inside.length > 0; level++) {
    const found: EncodedRun[] = [];
    for (const outer of inside) {
      for (const run of runsOf(outer.text)) {
        if (left < LEAST) return runs;
        const kept = { text: run.text.slice(0, left), span: level === 0 ? run.span : outer.span };
        left -= kept.text.length;
        runs.push(kept);
        found.push(kept);
      }
    }
    inside = found;
  }
  return runs;
}

/** Code units that match an expression. */
const unitsOf = (pattern: RegExp, size: number) =>
  Uint8Array.from({ length: size }, (_, unit) => (pattern.test(String.fromCharCode(unit)) ? 1 : 0));
const IN_RUN = unitsOf(/[\w+/-]/, 128);
let inHex: Uint8Array | undefined;

/**
 * Stretches of at least `least` units of a class. Looks from the end of where one would be: words end it soon, and most of the
 * text is never looked at.
 */
function* stretches(text: string, isIn: Uint8Array, least: number): Generator<Span> {
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

const BASE64_AT = /(?<![\w+/-])[\w+/-]{22,}/y;
/** A further line of base64. */
const NEXT_LINE = /\r?\n[ \t]{0,16}([\w+/-]{2,}={0,2})(?![\w+/=-])/y;
const PADDING = /={1,2}/y;

function* runsOf(text: string): Generator<EncodedRun> {
  let done = 0;
  for (const { start, end } of stretches(text, IN_RUN, LEAST_RUN)) {
    BASE64_AT.lastIndex = start;
    if (end <= done) continue;
    const line = BASE64_AT.exec(text)?.[0];
    // A digest or a UUID: no words have base64 of these letters alone
    if (line === undefined || /^[0-9a-f-]+$/.test(line)) continue;
    const { letters, end: last } = inLines(text, start, line);
    done = last;
    PADDING.lastIndex = last;
    const span = { start, end: last + (PADDING.exec(text)?.[0].length ?? 0) };
    for (const part of base64Parts(letters)) yield { text: part, span };
  }
  inHex ??= unitsOf(/[0-9a-fx\\\s,:;-]/i, 0x1_0000);
  for (const { start, end } of stretches(text, inHex, LEAST_HEX)) {
    const from = Math.max(0, start - 1);
    for (const { 0: run, index } of text.slice(from, end).matchAll(HEX)) {
      const span = { start: from + index, end: from + index + run.length };
      for (const part of readable(Buffer.from(run.replace(HEX_NOISE, ''), 'hex'))) yield { text: part, span };
    }
  }
}

/** The letters of a run in lines of one length, of which the last may be shorter if it can be read too. */
function inLines(text: string, start: number, line: string): { letters: string; end: number } {
  let letters = line;
  let end = start + line.length;
  for (;;) {
    NEXT_LINE.lastIndex = end;
    const next = NEXT_LINE.exec(text);
    const more = next?.[1];
    if (more === undefined || more.length > line.length || line.length % 4 !== 0) break;
    if (more.length < line.length && !isText(Buffer.from(more, 'base64'))) break;
    letters += more;
    end = NEXT_LINE.lastIndex;
    if (more.length < line.length) break;
  }
  return { letters, end };
}

const isText = (bytes: Buffer) => !/[^\P{C}\t\r\n]|\ufffd/u.test(bytes.toString('utf8'));

/** A run may begin with letters that are no part of it, such as a path: then it is read one, two or three letters later. */
function* base64Parts(letters: string): Generator<string> {
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
    if (byte < 0x80) run = (byte > 0x1f && byte !== 0x7f) || (byte > 8 && byte < 14) ? run + 1 : 0;
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

const IN_LINE = /[\w+/-]/;
const LINE_START = /\r?\n?[ \t]{0,16}$/;
const IN_HEX = /[0-9a-fx\\]/i;
const IN_GAP = /[\s,:;-]/;
const PAIRS = /^(?:(?:\\x|0x)?[0-9a-f]{2})+$/i;

/** The place before which no further text changes what {@link encodedRuns} finds in a text that ends at `end`. */
export function openRuns(text: string, end: number): number {
  return Math.min(openLines(text, end), openPairs(text, end));
}

/** Where base64 begins that goes on at the end: in this line, or in full lines before it. */
function openLines(text: string, end: number): number {
  let start = lineFrom(text, end);
  for (;;) {
    const gap = LINE_START.exec(text.slice(Math.max(0, start - 18), start))?.[0] ?? '';
    const last = start - gap.length;
    const first = /[\r\n]/.test(gap) ? lineFrom(text, last) : last;
    if (last - first < LEAST_RUN) return start;
    start = first;
  }
}

/** Where a line of base64 begins that ends at a place. */
function lineFrom(text: string, end: number): number {
  let padded = end;
  while (end - padded < 2 && text[padded - 1] === '=') padded--;
  return startOf(text, padded, IN_LINE);
}

/** Where hexadecimal pairs begin that go on at the end. */
function openPairs(text: string, end: number): number {
  let start = startOf(text, end, IN_HEX);
  for (;;) {
    let last = start;
    while (start - last < 2 && last > 0 && IN_GAP.test(text[last - 1]!)) last--;
    const first = startOf(text, last, IN_HEX);
    if (first === last || !PAIRS.test(text.slice(first, last))) return start;
    start = first;
  }
}

function startOf(text: string, end: number, units: RegExp): number {
  let start = end;
  while (start > 0 && units.test(text[start - 1]!)) start--;
  return start;
}
