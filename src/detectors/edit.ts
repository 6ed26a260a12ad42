import type { Span } from './rule.ts';

/** A span of a text and what replaces it. */
export type Edit = Span & { readonly text: string };

/**
 * The text with edits applied. Where some overlap, the one that begins first replaces all of them.
 *
 * @param edits sorted by `start`
 */
export function editedText(original: string, edits: readonly Edit[]): string {
  let result = '';
  let at = 0;
  for (const { start, text, end } of merged(edits)) {
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
export function heldBackChars(original: string, edits: readonly Edit[], open: number): number {
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

function merged(edits: readonly Edit[]): readonly Edit[] {
  const all: { start: number; end: number; text: string }[] = [];
  for (const edit of edits) {
    const last = all.at(-1);
    if (last !== undefined && edit.start < last.end) last.end = Math.max(last.end, edit.end);
    else all.push({ ...edit });
  }
  return all;
}
