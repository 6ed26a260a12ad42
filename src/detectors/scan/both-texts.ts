import type { View } from '../normalize/view.ts';
import type { Finding } from '../rule.ts';

/**
 * The findings of a view and of the text as it was written, together. Each has some that the other has not: what is undone can
 * disguise a value, and it can end one, as `%40` does in the password of an address, or join it to the word behind it.
 * Findings of the text that begin or end within what is undone are none: `\nada@example.com` has no n. A finding of the view in
 * which nothing is undone, and which the text has not, is none where it begins within one of the text: `p%40ss@db.example.com` has no mailbox.
 *
 * @param own findings of the view, with their places in the original
 * @param written findings of the original
 * @returns sorted by `start`; of two of one rule the one that holds the other
 */
export function ofBothTexts(
  own: readonly Finding[],
  written: readonly Finding[],
  text: string,
  view: View,
): Finding[] {
  const whole = written
    .filter((finding) => !('anchors' in finding.rule) || isAligned(finding, view))
    .sort((a, b) => a.start - b.start);
  const isInWhole = heldBy(whole);
  const isTail = beginsWithin(whole);
  const left = own.filter(
    (finding) => !isInWhole(finding) && !(isTail(finding) && isAsWritten(finding, text, view)),
  );
  const isInLeft = heldBy(left);
  return [...left, ...whole.filter((finding) => !isInLeft(finding))].sort((a, b) => a.start - b.start);
}

/** True if a stretch of the original begins and ends where something does in the view. */
function isAligned({ start, end }: Finding, view: View): boolean {
  const back = view.original({ start: view.viewed(start), end: view.viewed(end) });
  return back.start >= start && back.end <= end;
}

function isAsWritten({ start, end }: Finding, text: string, view: View): boolean {
  return view.text.slice(view.viewed(start), view.viewed(end)) === text.slice(start, end);
}

/** Tells if a finding begins within one of these, which are in order. */
function beginsWithin(others: readonly Finding[]): (one: Finding) => boolean {
  const blocks: { start: number; end: number }[] = [];
  for (const { start, end } of others) {
    const last = blocks.at(-1);
    if (last !== undefined && start < last.end) last.end = Math.max(last.end, end);
    else blocks.push({ start, end });
  }
  return ({ start }) => {
    const block = blocks[lastBefore(blocks, start - 1)];
    return block !== undefined && block.end > start;
  };
}

/** Index of the last of some that begins at a place or before it, -1 for none. */
function lastBefore(some: readonly { readonly start: number }[], place: number): number {
  let [low, high] = [0, some.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (some[middle]!.start <= place) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Tells if a finding lies in one of these of the same rule, which do not overlap. */
function heldBy(others: readonly Finding[]): (one: Finding) => boolean {
  const byRule = Map.groupBy(others, ({ rule }) => rule);
  return ({ rule, start, end }) => {
    const some = byRule.get(rule) ?? [];
    return (some[lastBefore(some, start)]?.end ?? 0) >= end;
  };
}
