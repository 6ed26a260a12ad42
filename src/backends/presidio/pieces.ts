import type { NewText } from '../backend.ts';

/** Most characters of one piece: the models of spaCy take up to a million, and need a gigabyte for each 100,000 of that. */
const PIECE_CHARS = 200_000;
/** Characters that two pieces of one text share, for what lies where it is cut: more than any finding is long. */
const OVERLAP_CHARS = 4096;
/** Most characters of one request: the analyzer looks at its texts one after the other. */
const REQUEST_CHARS = 500_000;

/** Texts as they are sent: blank ones left out, long ones cut, each list for one request. */
export function requestsOf(texts: readonly NewText[]): readonly (readonly NewText[])[] {
  const requests: NewText[][] = [];
  let left = 0;
  for (const piece of texts.flatMap(piecesOf)) {
    if (piece.text.trim() === '') continue;
    if (requests.length === 0 || piece.text.length > left) {
      requests.push([]);
      left = REQUEST_CHARS;
    }
    requests.at(-1)!.push(piece);
    left -= piece.text.length;
  }
  return requests;
}

function piecesOf(text: NewText): readonly NewText[] {
  if (text.text.length <= PIECE_CHARS) return [text];
  const pieces: NewText[] = [];
  let start = 0;
  for (;;) {
    const end = cutAt(text.text, start + PIECE_CHARS);
    pieces.push({ ...text, from: text.from + start, text: text.text.slice(start, end) });
    if (end === text.text.length) return pieces;
    start = cutAt(text.text, end - OVERLAP_CHARS);
  }
}

/** The place itself, or the one before it if that is within a surrogate pair. */
function cutAt(text: string, place: number): number {
  if (place >= text.length) return text.length;
  return (text.codePointAt(place - 1) ?? 0) > 0xffff ? place - 1 : place;
}
