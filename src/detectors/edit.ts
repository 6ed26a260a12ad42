import type { Span } from './rule.ts';

/** A stretch of a text and what stands in its place. */
export type Edit = Span & { readonly text: string };

/**
 * Puts edits into a text. Where some overlap, the one that begins first stands for all of them.
 *
 * @param edits by where they begin
 */
export function rewritten(original: string, edits: readonly Edit[]): string {
  let result = '';
  let at = 0;
  for (const { start, text, end } of merged(edits)) {
    result += original.slice(at, start) + text;
    at = end;
  }
  return result + original.slice(at);
}

/**
 * How many characters at the end of a rewritten text may not be shown yet: those that stand for what is behind `open`.
 * Counted as Python counts, a surrogate pair as one.
 *
 * @param open no edit lies across it
 */
export function heldBack(original: string, edits: readonly Edit[], open: number): number {
  if (open >= original.length) return 0;
  const behind = edits.filter(({ start }) => start >= open);
  const tail = rewritten(
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
