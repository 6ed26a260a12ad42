import type { Span } from '../rule.ts';
import { holdsText, LEAST, readable } from './readable-text.ts';

/** A text that is encoded within another, and the run of base64 or hex that it is the meaning of. */
export type EncodedRun = { readonly text: string; readonly span: Span };

/** The shortest base64 and hex of 16 bytes. */
const LEAST_RUN = 22;
const LEAST_HEX = 32;
const HEX = /(?<![0-9a-z])(?:(?:\\x|0x)?[0-9a-f]{2}[\s,:;-]{0,2}){15,}(?:\\x|0x)?[0-9a-f]{2}/gi;

/** Units of a text that are looked at in one go, and letters of one run that are decoded in one go. */
const TURN = 64 * 1024;
/** Letters that the parts of a longer run have in common. */
const OVERLAP = 4096;

/**
 * The texts that runs of base64 (also base64url, also in lines) and hex within a text stand for, wherever 16 characters or more can
 * be read once decoded; and the texts encoded within those, which have the span of the run round them. A run of more than
 * 64 KB is read in parts that overlap.
 *
 * Linear: text without any costs about 2 ms a megabyte. All parts together are at most three times as long as the text.
 */
export function encodedRuns(text: string): readonly EncodedRun[] {
  return [...runsInTurns(text)].filter((run) => typeof run !== 'number');
}

/** As {@link encodedRuns}, in turns that take few milliseconds each: in between it yields how many characters were looked at. */
export function* runsInTurns(text: string): Generator<EncodedRun | number> {
  let left = 3 * text.length;
  for (const outer of runsOf(text)) {
    if (typeof outer === 'number') {
      yield outer;
      continue;
    }
    for (const run of [outer, ...innerRuns(outer)]) {
      if (left < LEAST) return;
      const kept = run.text.length > left ? { text: run.text.slice(0, left), span: run.span } : run;
      left -= kept.text.length;
      yield kept;
    }
  }
}

/** The texts that are encoded within a decoded one. */
function innerRuns({ text, span }: EncodedRun): readonly EncodedRun[] {
  return [...runsOf(text)].flatMap((run) => (typeof run === 'number' ? [] : [{ text: run.text, span }]));
}

/** Code units that match an expression. */
const unitsOf = (pattern: RegExp, size: number) =>
  Uint8Array.from({ length: size }, (_, unit) => (pattern.test(String.fromCharCode(unit)) ? 1 : 0));
const IN_RUN = unitsOf(/[\w+/-]/, 128);
let inHex: Uint8Array | undefined;

/** Stretches of a text of at least some units of a class, of {@link TURN} at most: a longer one is given in parts that overlap. */
class Stretches {
  readonly #text: string;
  readonly #isIn: Uint8Array;
  readonly #least: number;
  #start = 0;
  #turn = TURN;

  constructor(text: string, isIn: Uint8Array, least: number) {
    this.#text = text;
    this.#isIn = isIn;
    this.#least = least;
  }

  /**
   * The next stretch; `turn` after every so many units. Looks from the end of where one would be: words end it soon, and most
   * of the text is never looked at.
   */
  next(): Span | 'turn' | undefined {
    const text = this.#text;
    const isIn = this.#isIn;
    const least = this.#least;
    let start = this.#start;
    while (start + least <= text.length) {
      if (start >= this.#turn) {
        this.#turn = start + TURN;
        this.#start = start;
        return 'turn';
      }
      let at = start + least - 1;
      while (at >= start && isIn[text.charCodeAt(at)] === 1) at--;
      if (at >= start) {
        start = at + 1;
        continue;
      }
      const most = Math.min(text.length, start + TURN);
      let end = start + least;
      while (end < most && isIn[text.charCodeAt(end)] === 1) end++;
      this.goOn(end < most || end === text.length ? end + 1 : end - OVERLAP);
      return { start, end };
    }
    this.#start = start;
    return undefined;
  }

  /** Goes on at a place. */
  goOn(at: number): void {
    this.#start = at;
  }
}

const BASE64_AT = /[\w+/-]{22,65536}/y;
/** A further line of base64. */
const NEXT_LINE = /\r?\n[ \t]{0,16}([\w+/-]{2,65536}={0,2})(?![\w+/=-])/y;
const PADDING = /={1,2}/y;

function* runsOf(text: string): Generator<EncodedRun | number> {
  const letters = new Stretches(text, IN_RUN, LEAST_RUN);
  for (let at = letters.next(); at !== undefined; at = letters.next()) {
    if (at === 'turn') yield TURN;
    else yield* base64Runs(text, at, letters);
  }
  inHex ??= unitsOf(/[0-9a-fx\\\s,:;-]/i, 0x1_0000);
  const digits = new Stretches(text, inHex, LEAST_HEX);
  for (let at = digits.next(); at !== undefined; at = digits.next()) {
    if (at === 'turn') yield TURN;
    else yield* hexRuns(text, at, inHex);
  }
}

function* base64Runs(text: string, { start, end }: Span, stretches: Stretches): Generator<EncodedRun> {
  BASE64_AT.lastIndex = start;
  const line = BASE64_AT.exec(text)?.[0];
  // A digest or a UUID: no words have base64 of these letters alone
  if (line === undefined || /^[0-9a-f-]+$/.test(line)) return;
  const isLine = end - start === line.length;
  const run = isLine ? inLines(text, start, line) : { letters: line, end, goOn: end };
  if (run.end > end) stretches.goOn(run.goOn);
  PADDING.lastIndex = run.end;
  const span = { start, end: run.end + (PADDING.exec(text)?.[0].length ?? 0) };
  for (const part of base64Parts(run.letters)) yield { text: part, span };
}

function* hexRuns(text: string, { start, end }: Span, inHex: Uint8Array): Generator<EncodedRun> {
  // A further part of a long run may begin with the second digit of a pair
  const isFurther = start > 0 && inHex[text.charCodeAt(start - 1)] === 1;
  for (const from of isFurther ? [start, start + 1] : [Math.max(0, start - 1)]) {
    const stretch = text.slice(from, end);
    for (let at = 0; ; ) {
      HEX.lastIndex = at;
      const [run] = HEX.exec(stretch) ?? [];
      if (run === undefined) break;
      at = HEX.lastIndex;
      const span = { start: from + at - run.length, end: from + at };
      for (const part of readable(hexBytes(run))) yield { text: part, span };
    }
  }
}

/** The bytes of hexadecimal pairs, with what {@link HEX} lets stand before and between them. */
function hexBytes(run: string): Buffer {
  const bytes = Buffer.allocUnsafe(run.length >> 1);
  let size = 0;
  /** The first digit of a pair; -1 if none is read. */
  let first = -1;
  for (let i = 0; i < run.length; i++) {
    const unit = run.charCodeAt(i) | 0x20;
    const digit =
      unit >= 0x30 && unit <= 0x39 ? unit - 0x30 : unit >= 0x61 && unit <= 0x66 ? unit - 0x57 : -1;
    // The zero of `0x`
    if (unit === 0x78) first = -1;
    else if (digit < 0) continue;
    else if (first < 0) first = digit;
    else {
      bytes[size++] = 16 * first + digit;
      first = -1;
    }
  }
  return bytes.subarray(0, size);
}

/** The letters of a run in lines of one length, of which the last may be shorter if it can be read too, and where to go on. */
function inLines(text: string, start: number, line: string): { letters: string; end: number; goOn: number } {
  let letters = line;
  let end = start + line.length;
  let goOn = end;
  for (;;) {
    NEXT_LINE.lastIndex = end;
    const next = NEXT_LINE.exec(text);
    const more = next?.[1];
    if (more === undefined || more.length > line.length || line.length % 4 !== 0) break;
    if (more.length < line.length && !isText(Buffer.from(more, 'base64'))) break;
    letters += more;
    if (letters.length <= TURN - OVERLAP) goOn = NEXT_LINE.lastIndex;
    end = NEXT_LINE.lastIndex;
    if (more.length < line.length || letters.length > TURN) break;
  }
  return { letters, end, goOn: letters.length > TURN ? goOn : end };
}

const isText = (bytes: Buffer) => !/[^\P{C}\t\r\n]|\ufffd/u.test(bytes.toString('utf8'));

/** Letters of a run that tell where to begin to read it. */
const SAMPLE = 4096;
const scratch = Buffer.allocUnsafe(SAMPLE);

/** A run may begin with letters that are no part of it, such as a path: then it is read one, two or three letters later. */
function* base64Parts(letters: string): Generator<string> {
  for (let skipped = 0; skipped < 4; skipped++) {
    const isLast = skipped === 3;
    const sample = letters.slice(skipped, SAMPLE);
    if ((!isLast || letters.length <= SAMPLE) && !holdsText(scratch, scratch.write(sample, 'base64')))
      continue;
    const parts = readable(
      Buffer.from(letters.slice(isLast && letters.length > SAMPLE ? 0 : skipped), 'base64'),
    );
    if (parts.length === 0) continue;
    yield* parts;
    return;
  }
}

const IN_LINE = /[\w+/-]/;
const LINE_START = /\r?\n?[ \t]{0,16}$/;
const IN_HEX = /[0-9a-fx\\]/i;
const IN_GAP = /[\s,:;-]/;
const PAIRS = /^(?:(?:\\x|0x)?[0-9a-f]{2})+$/i;

/** Letters of a run that may be waited for: of a longer one, what it begins with is decided. */
const LONGEST_OPEN = 8192;

/** The place before which no further text changes what {@link encodedRuns} finds in a text that ends at `end`. */
export function openRuns(text: string, end: number): number {
  const from = Math.max(0, end - LONGEST_OPEN);
  const tail = text.slice(from, end);
  return from + Math.min(openLines(tail, tail.length), openPairs(tail, tail.length));
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
