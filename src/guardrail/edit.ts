import type { Passage, PassageTexts } from './call.ts';

/** A span of a text, in UTF-16 units, the end not in it, and what replaces it. */
export type TextEdit = { readonly start: number; readonly end: number; readonly text: string };

/** Edits of passages, those of each sorted by `start`. */
export type PassageEdits = ReadonlyMap<Passage, readonly TextEdit[]>;

/** The new whole texts of passages that are edited. */
export function editedTexts(edits: PassageEdits): PassageTexts {
  return new Map([...edits].map(([passage, own]) => [passage, editedText(passage.text, own)]));
}

/**
 * The text with edits applied. Where some overlap, the one that begins first replaces all of them.
 *
 * @param edits sorted by `start`
 */
export function editedText(original: string, edits: readonly TextEdit[]): string {
  let result = '';
  let at = 0;
  for (const { start, text, end } of withoutOverlaps(edits)) {
    result += original.slice(at, start) + text;
    at = end;
  }
  return result + original.slice(at);
}

/**
 * Counts the characters at the end of an edited text that stand for what is behind `open`: they may not be shown yet.
 * Counted as Python counts, a surrogate pair as one.
 *
 * @param open no edit lies across it
 */
export function heldBackChars(original: string, edits: readonly TextEdit[], open: number): number {
  if (open >= original.length) return 0;
  const behind = edits.filter(({ start }) => start >= open);
  const tail = editedText(
    original.slice(open),
    behind.map(({ start, end, text }) => ({ start: start - open, end: end - open, text })),
  );
  let count = 0;
  for (const _ of tail) count++;
  return count;
}

/** The edits of a text of which only so many units are left. */
export function clippedEdits(edits: readonly TextEdit[], length: number): readonly TextEdit[] {
  return edits.flatMap((edit) => (edit.start < length ? [{ ...edit, end: Math.min(edit.end, length) }] : []));
}

/** The edits with one in place of those that overlap, which has the text of the first. @param edits sorted by `start` */
export function withoutOverlaps(edits: readonly TextEdit[]): readonly TextEdit[] {
  if (edits.every(({ start }, i) => i === 0 || start >= edits[i - 1]!.end)) return edits;
  const all: { start: number; end: number; text: string }[] = [];
  for (const edit of edits) {
    const last = all.at(-1);
    if (last !== undefined && edit.start < last.end) last.end = Math.max(last.end, edit.end);
    else all.push({ ...edit });
  }
  return all;
}

/** The place in each text behind which so many characters of it are held back. A surrogate pair is one. */
export function shownEnds(texts: readonly string[], holdback: readonly number[]): readonly number[] {
  return texts.map((text, i) => {
    let end = text.length;
    for (let chars = holdback[i] ?? 0; chars > 0 && end > 0; chars--) {
      end -= end > 1 && /[\ud800-\udbff][\udc00-\udfff]/.test(text.slice(end - 2, end)) ? 2 : 1;
    }
    return end;
  });
}

/** A place that lies within no edit: the beginning of the one it lies in. @param edits of which none overlap */
export function placeOutside(edits: readonly TextEdit[], place: number): number {
  return edits.find(({ start, end }) => start < place && place < end)?.start ?? place;
}

/** The place in the edited text of a place that lies within no edit. */
export function placeAfter(edits: readonly TextEdit[], place: number): number {
  return edits.reduce(
    (at, { start, end, text }) => (start < place ? at + text.length - (end - start) : at),
    place,
  );
}

/** The place in a text that became a place in the edited text: the beginning of the edit in whose text it lies. */
export function placeBefore(edits: readonly TextEdit[], place: number): number {
  let shift = 0;
  for (const { start, end, text } of edits) {
    if (place <= start + shift) break;
    if (place < start + shift + text.length) return start;
    shift += text.length - (end - start);
  }
  return place - shift;
}
