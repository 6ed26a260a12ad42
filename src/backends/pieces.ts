import type { Passage } from '../guardrail/call.ts';
import { ALLOW, type Verdict } from '../guardrail/verdict.ts';
import type { NewText } from './backend.ts';

/** A part of a new text, as much as a vendor takes at once; most texts are one piece. */
export type Piece = {
  readonly text: string;
  /** The text that the vendor leaves of it. */
  result: string;
};

/** A new text in its pieces. */
export type CutText = NewText & { readonly pieces: readonly Piece[] };

/** Cuts new texts into pieces of at most `maxChars` UTF-16 units, after white space where there is some. */
export function cutTexts(texts: readonly NewText[], maxChars: number): readonly CutText[] {
  return texts.map((text) => ({ ...text, pieces: piecesOf(text.text, maxChars) }));
}

/** The pieces of one text, at least one. */
export function piecesOf(text: string, maxChars: number): Piece[] {
  const pieces: Piece[] = [];
  for (let from = 0; from < text.length || pieces.length === 0; ) {
    const end = endOfPiece(text, from, maxChars);
    const piece = text.slice(from, end);
    pieces.push({ text: piece, result: piece });
    from = end;
  }
  return pieces;
}

function endOfPiece(text: string, from: number, maxChars: number): number {
  const end = from + maxChars;
  if (end >= text.length) return text.length;
  for (let i = end; i > from + maxChars / 2; i--) if (/\s/.test(text[i - 1] as string)) return i;
  // Not between the two halves of a character
  return maxChars > 1 && /[\ud800-\udbff]/.test(text[end - 1] as string) ? end - 1 : end;
}

/** Packs pieces, in their order, into lists of at most `maxChars` UTF-16 units each; blank ones are left out. */
export function packed(texts: readonly CutText[], maxChars: number): readonly (readonly Piece[])[] {
  const packs: Piece[][] = [];
  let room = 0;
  for (const { pieces } of texts) {
    for (const piece of pieces) {
      if (piece.text.trim() === '') continue;
      if (packs.length === 0 || piece.text.length > room) {
        packs.push([]);
        room = maxChars;
      }
      packs.at(-1)?.push(piece);
      room -= piece.text.length;
    }
  }
  return packs;
}

/** The verdict once a vendor has been asked about every piece and blocked none: an allow if it left them all as they were. */
export function rewritten(texts: readonly CutText[]): Verdict {
  const changed = new Map<Passage, string>();
  for (const { passage, from, text, pieces } of texts) {
    const result = pieces.length === 1 ? pieces[0]?.result : pieces.map((piece) => piece.result).join('');
    if (result !== text)
      changed.set(passage, passage.text.slice(0, from) + result + passage.text.slice(from + text.length));
  }
  return changed.size === 0 ? ALLOW : { kind: 'modify', texts: changed };
}
