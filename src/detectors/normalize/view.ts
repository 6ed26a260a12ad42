import type { Span } from '../rule.ts';
import { LEVELS, openCodes, undoneCodes } from './codes.ts';
import { FORM_CONTEXT, openForms, withFormBlanks } from './form-blanks.ts';
import { openWords, WORD_CONTEXT, withLatinWords } from './latin-words.ts';
import type { Offsets, Rewritten } from './offsets.ts';
import { MARK_CONTEXT, openCharacters, withPlainCharacters } from './signs.ts';

/** Disguises that are undone. */
export type Encoding = {
  /** Blanks, dashes and quotes of every kind, compatibility forms, numerals, characters that cannot be seen. */
  readonly normalizesUnicode: boolean;
  /** Words of letters that all look like Latin ones. */
  readonly detectsHomoglyphs: boolean;
  /** Escapes of JSON, percent codes, HTML entities. */
  readonly decodesEscapes: boolean;
  /** Runs of base64 and hex: see {@link encodedRuns}. */
  readonly decodesBase64: boolean;
};

/** A text as rules look at it, and the way back to what was written. */
export type View = {
  /** The very same string where nothing is undone. */
  readonly text: string;
  /** The least span of the original, on code points, that holds all that a span of the view stands for. */
  original(span: Span): Span;
  /** The place in the view of a place in the original. */
  viewed(position: number): number;
  /** Place in the original from which on further text could change the view; its length if there is none. */
  readonly open: number;
};

/** All that is undone by default. */
export const PLAIN: Encoding = {
  normalizesUnicode: true,
  detectsHomoglyphs: true,
  decodesEscapes: true,
  decodesBase64: true,
};

/** Characters of the original that are undone in one go: 7 ms at most, whatever they are. */
const SLICE = 64 * 1024;
/** Characters before the place asked for that are in the view too, for rules that look behind. */
const CONTEXT = 1024;
/** Characters within which a blank is looked for, so that the view begins behind one. */
const NEAR = 1024;

/**
 * The view of a text. Linear: 2 ms for a megabyte in which nothing is to undo.
 *
 * @param from where the view is needed from: what stands more than 1 KB before it may be left as it was written
 */
export function viewOf(text: string, encoding: Encoding, from = 0): View {
  const view = viewInTurns(text, encoding, from);
  for (;;) {
    const { value, done } = view.next();
    if (done) return value;
  }
}

/**
 * As {@link viewOf}, in turns that take few milliseconds each. Yields the number of characters that a turn has looked at.
 *
 * @param grows true if the text may still grow: only then the place that is open is looked for
 */
export function* viewInTurns(
  text: string,
  encoding: Encoding,
  from = 0,
  grows = true,
): Generator<number, View> {
  const pieces: Piece[] = [];
  let start = safeStart(text, from);
  let viewed = text.slice(0, start);
  let open = text.length;
  /** The end of what is undone so far. */
  let before = {
    view: text.slice(Math.max(0, start - WORD_CONTEXT), start),
    decoded: text.slice(Math.max(0, start - MARK_CONTEXT), start),
  };
  for (let at = start; at < text.length; ) {
    const end = Math.min(at + SLICE, text.length);
    const isLast = end === text.length;
    const slice = at === 0 && isLast ? text : text.slice(at, end);
    const written = text.slice(Math.max(0, at - FORM_CONTEXT), at);
    const piece = undone(slice, encoding, { ...before, written }, grows || !isLast);
    const isCut = !isLast && piece.open > 0;
    const kept = isCut ? piece.open : slice.length;
    if (isLast) open = at + piece.open;
    const plain = isCut ? piece.text.slice(0, forth(piece.layers, kept)) : piece.text;
    const tail = plain.length < WORD_CONTEXT ? before.view + plain : plain;
    before = { view: tail.slice(-WORD_CONTEXT), decoded: piece.decoded };
    if (piece.layers.length > 0) {
      viewed += text.slice(start, at);
      pieces.push({ start: viewed.length, from: at, to: at + kept, layers: piece.layers });
      viewed += plain;
      start = at + kept;
    }
    at += kept;
    if (!isLast) yield kept;
  }
  if (pieces.length === 0) return new Unchanged(text, open);
  return new Pieces(text, viewed + text.slice(start), pieces, open);
}

/** A place from which on the view does not depend on what stands before: behind a blank, if one is near. */
function safeStart(text: string, from: number): number {
  const most = from - CONTEXT;
  for (let at = most; at > Math.max(0, most - NEAR); at--) if (text.charCodeAt(at - 1) <= 0x20) return at;
  return Math.max(0, most);
}

/** The end of what stands before a text: in the view, with codes undone, and as it is written. */
type Before = { readonly view: string; readonly decoded: string; readonly written: string };

type Undone = {
  readonly text: string;
  readonly layers: readonly Offsets[];
  readonly open: number;
  /** The units before the place that is open, with codes undone. */
  readonly decoded: string;
};

/** A text with all undone: layer by layer, each with the way back to the one before. */
function undone(text: string, encoding: Encoding, before: Before, grows: boolean): Undone {
  const layers: Offsets[] = [];
  /** The place that was open in the text before each layer. */
  const opens: number[] = [];
  let current = text;
  /** Before it the current text is final. */
  let open = text.length;
  const put = (rewritten: Rewritten) => {
    current = rewritten.text;
    layers.push(rewritten.offsets);
    opens.push(open);
    open = rewritten.offsets.viewed(open);
  };
  if (encoding.decodesEscapes) {
    if (grows) open = openForms(current, before.written);
    const blanks = withFormBlanks(current, before.written);
    if (blanks !== undefined) put(blanks);
    const levels = undoneCodes(current);
    for (let level = 0; level < LEVELS; level++) {
      // A sign that a level leaves as it is may become part of a code by what the next level undoes
      if (grows) open = openCodes(current, open);
      const { value } = levels.next();
      if (value) put(value);
    }
  }
  const codes = layers.length;
  const decoded = current;
  if (encoding.normalizesUnicode) {
    if (grows) open = openCharacters(current, open);
    const plain = withPlainCharacters(current, before.decoded);
    if (plain !== undefined) put(plain);
  }
  if (encoding.detectsHomoglyphs) {
    if (grows) open = openWords(current, open, before.view);
    const latin = withLatinWords(current, before.view);
    if (latin !== undefined) put(latin);
  }
  if (!grows) return { text: current, layers, open: text.length, decoded: '' };
  const upTo = (end: number) => {
    const some = decoded.slice(Math.max(0, end - MARK_CONTEXT), end);
    return some.length < MARK_CONTEXT ? (before.decoded + some).slice(-MARK_CONTEXT) : some;
  };
  let last = upTo(open);
  for (let i = layers.length - 1; i >= 0; i--) {
    const layer = layers[i]!;
    open = open === layer.viewed(opens[i]!) ? opens[i]! : layer.original({ start: open, end: open }).start;
    if (i === codes) last = upTo(open);
  }
  return { text: current, layers, open: snapped(text, open), decoded: last };
}

function forth(layers: readonly Offsets[], position: number): number {
  return layers.reduce((at, layer) => layer.viewed(at), position);
}

const isHigh = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;
const isWithin = (text: string, at: number) => isLow(text.charCodeAt(at)) && isHigh(text.charCodeAt(at - 1));

/** The place, or the beginning of the code point round it. */
const snapped = (text: string, at: number) => (isWithin(text, at) ? at - 1 : at);

function wholePoints(text: string, { start, end }: Span): Span {
  return { start: snapped(text, start), end: isWithin(text, end) ? end + 1 : end };
}

class Unchanged implements View {
  readonly text: string;
  readonly open: number;

  constructor(text: string, open: number) {
    this.text = text;
    this.open = open;
  }

  original(span: Span): Span {
    return wholePoints(this.text, span);
  }

  viewed(position: number): number {
    return position;
  }
}

/** A stretch of the original in which something was undone, and where it begins in the view. */
type Piece = {
  readonly start: number;
  readonly from: number;
  readonly to: number;
  readonly layers: readonly Offsets[];
};

class Pieces implements View {
  readonly text: string;
  readonly open: number;
  readonly #written: string;
  readonly #pieces: readonly Piece[];

  constructor(written: string, text: string, pieces: readonly Piece[], open: number) {
    this.#written = written;
    this.text = text;
    this.#pieces = pieces;
    this.open = open;
  }

  original(span: Span): Span {
    const { start, end } = wholePoints(this.text, span);
    const first = this.#back(start, start);
    const last = end > start ? this.#back(end - 1, end) : first;
    return wholePoints(this.#written, { start: first.start, end: Math.max(first.start, last.end) });
  }

  viewed(position: number): number {
    const piece = lastOf(this.#pieces, ({ from }) => from <= position);
    if (piece === undefined) return position;
    const inside = Math.min(position, piece.to) - piece.from;
    return piece.start + forth(piece.layers, inside) + Math.max(0, position - piece.to);
  }

  /** The stretch of the original for a stretch of the view that lies within a piece, or behind one. */
  #back(start: number, end: number): Span {
    const piece = lastOf(this.#pieces, (one) => one.start <= start);
    if (piece === undefined) return { start, end };
    const length = forth(piece.layers, piece.to - piece.from);
    const over = start - piece.start - length;
    if (over >= 0) return { start: piece.to + over, end: piece.to + over + end - start };
    let span: Span = { start: start - piece.start, end: end - piece.start };
    for (let i = piece.layers.length - 1; i >= 0; i--) span = piece.layers[i]!.original(span);
    return { start: piece.from + span.start, end: piece.from + span.end };
  }
}

/** The last of a sorted list for which something holds that holds for all before it. */
function lastOf(pieces: readonly Piece[], holds: (piece: Piece) => boolean): Piece | undefined {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(pieces[middle]!)) low = middle + 1;
    else high = middle;
  }
  return pieces[low - 1];
}
