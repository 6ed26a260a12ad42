import type { PasteSpan } from './page-source.ts';

/** A piece of a text, and all that was found over the whole of it. */
export type MarkedPiece = {
  readonly text: string;
  readonly spans: readonly PasteSpan[];
  /** Those that overlap, one after the other, and are over with it. */
  readonly ending: readonly PasteSpan[];
};

/** Cuts a text where spans begin and end, so that those that overlap are shown too. What lies outside of it is left out. */
export function markedPieces(text: string, spans: readonly PasteSpan[]): readonly MarkedPiece[] {
  const within = spans
    .map((span) => ({ span, start: clamp(span.start, text), end: clamp(span.end, text) }))
    .filter(({ start, end }) => start < end);
  const places = new Set([0, text.length, ...within.flatMap(({ start, end }) => [start, end])]);
  const sorted = [...places].sort((a, b) => a - b);
  let open: PasteSpan[] = [];
  return sorted.slice(0, -1).map((from, i) => {
    const to = sorted[i + 1] as number;
    const over = within.filter(({ start, end }) => start <= from && end >= to);
    open.push(...over.filter(({ end }) => end === to).map(({ span }) => span));
    const goesOn = within.some(({ start, end }) => start < to && end > to);
    const ending = goesOn ? [] : open;
    if (!goesOn) open = [];
    return {
      text: text.slice(from, to),
      spans: over.map(({ span }) => span),
      ending,
    };
  });
}

const clamp = (place: number, { length }: string) => Math.min(Math.max(0, Math.trunc(place) || 0), length);
