import type { View } from '../normalize/view.ts';
import type { Finding } from '../rule.ts';

/**
 * The findings of a view and of the text as it was written, together. Each has some that the other has not: what is undone can
 * disguise a value, and it can end one, as `%40` does in the password of an address, or join it to the word behind it.
 * Findings of the text that begin or end within what is undone are none: `\nada@example.com` has no n.
 *
 * @param own findings of the view, with their places in the original
 * @param written findings of the original
 * @returns sorted by `start`; of two of one rule the one that holds the other
 */
export function ofBothTexts(own: readonly Finding[], written: readonly Finding[], view: View): Finding[] {
  const whole = written.filter((finding) => !('anchors' in finding.rule) || isAligned(finding, view));
  const isInWhole = heldBy(whole);
  const left = own.filter((finding) => !isInWhole(finding));
  const isInLeft = heldBy(left);
  return [...left, ...whole.filter((finding) => !isInLeft(finding))].sort((a, b) => a.start - b.start);
}

/** True if a stretch of the original begins and ends where something does in the view. */
function isAligned({ start, end }: Finding, view: View): boolean {
  const back = view.original({ start: view.viewed(start), end: view.viewed(end) });
  return back.start >= start && back.end <= end;
}

/** Tells if a finding lies in one of these of the same rule, which do not overlap. */
function heldBy(others: readonly Finding[]): (one: Finding) => boolean {
  const byRule = Map.groupBy(others, ({ rule }) => rule);
  return ({ rule, start, end }) => {
    const some = byRule.get(rule) ?? [];
    let [low, high] = [0, some.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (some[middle]!.start <= start) low = middle + 1;
      else high = middle;
    }
    return low > 0 && some[low - 1]!.end >= end;
  };
}
