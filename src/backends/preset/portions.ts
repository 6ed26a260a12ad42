import type { NewText } from '../backend.ts';
import type { Preset, PresetLimits } from './shape.ts';

/** The part of a call that one request of a check is about. */
export type Portion = {
  readonly texts: readonly NewText[];
  /** Texts that stand beside them, such as results of tools. */
  readonly documents: readonly NewText[];
  readonly images: readonly string[];
};

/** The portions as a preset wants them. */
export type Portioning = Pick<Preset, 'authors' | 'documents'> & { readonly limits: PresetLimits };

/**
 * Deals out what is to be judged to as few requests as the limits allow; nothing is left out. A text that is too long for one
 * request is cut at white space.
 */
export function portionsOf(
  texts: readonly NewText[],
  images: readonly string[],
  { authors, documents, limits }: Portioning,
): readonly Portion[] {
  const isDocument = (text: NewText) => documents.includes(text.passage.author);
  const { chars = Number.POSITIVE_INFINITY } = limits;
  const spoken = texts.filter((text) => authors.includes(text.passage.author) && !isDocument(text));
  const parts = dealt(spoken, chars, limits.texts ?? 1);
  const beside = dealt(texts.filter(isDocument), chars, limits.documents ?? Number.POSITIVE_INFINITY);
  const shown = slices(images, limits.images ?? Number.POSITIVE_INFINITY);
  const count = Math.max(parts.length, beside.length, shown.length);
  return Array.from({ length: count }, (_, i) => ({
    texts: parts[i] ?? [],
    documents: beside[i] ?? [],
    images: shown[i] ?? [],
  }));
}

function slices<T>(list: readonly T[], count: number): T[][] {
  const made: T[][] = [];
  for (let at = 0; at < list.length; at += count) made.push(list.slice(at, at + count));
  return made;
}

/** Groups of at most `count` texts that have at most `chars` code points together. */
function dealt(texts: readonly NewText[], chars: number, count: number): NewText[][] {
  const groups: NewText[][] = [];
  let left = 0;
  for (const text of texts) {
    for (const piece of cut(text, chars)) {
      // Never fewer than the code points
      const size = piece.text.length;
      const last = groups.at(-1);
      if (last !== undefined && last.length < count && size <= left) {
        last.push(piece);
        left -= size;
      } else {
        groups.push([piece]);
        left = chars - size;
      }
    }
  }
  return groups;
}

/** A text as pieces of at most `chars` code points, cut after white space where there is some. Blank ones are left out. */
function cut(text: NewText, chars: number): NewText[] {
  const { passage } = text;
  if (text.text.length <= chars) return [text];
  const pieces: NewText[] = [];
  for (let at = 0, end = 0; at < text.text.length; at = end) {
    end = pieceEnd(text.text, at, chars);
    const piece = text.text.slice(at, end);
    if (piece.trim() !== '') pieces.push({ passage, from: text.from + at, text: piece });
  }
  return pieces;
}

function pieceEnd(text: string, start: number, chars: number): number {
  let end = start;
  for (let count = 0; count < chars && end < text.length; count++)
    end += (text.codePointAt(end) as number) > 0xffff ? 2 : 1;
  if (end === text.length) return end;
  // Not far back: a text with little white space would make many small pieces
  const earliest = end - (end - start) / 4;
  for (let at = end; at > earliest; at--) if (/\s/.test(text[at - 1] as string)) return at;
  return end;
}
