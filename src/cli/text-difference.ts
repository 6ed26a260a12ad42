import { oneLine } from './output.ts';

/** Characters that are shown before and after what differs. */
const AROUND = 24;
const MAX_SHOWN = 120;

/** The place from which an expected text and the most similar of some texts differ, and how each of them reads there. */
export function textDifference(expected: string, texts: readonly string[]): string {
  const [first, ...others] = texts.map((text) => ({
    text,
    start: sameStart(expected, text),
    end: sameEnd(expected, text),
  }));
  if (first === undefined) return `expected the text ${shown(expected, 0, 0)}, and there is none`;
  const { text, start, end } = others.reduce((a, b) => (b.start + b.end > a.start + a.end ? b : a), first);
  const tail = Math.min(end, expected.length - start, text.length - start);
  return `the text differs from character ${start + 1} on: expected ${shown(expected, start, tail)}, got ${shown(text, start, tail)}`;
}

/** A text round what stands between its same start and its same end. */
function shown(text: string, start: number, end: number): string {
  const from = Math.max(0, start - AROUND);
  const to = Math.min(text.length, text.length - end + AROUND);
  const part = oneLine(text.slice(from, to), MAX_SHOWN);
  return `"${from > 0 ? '…' : ''}${part}${to < text.length ? '…' : ''}"`;
}

function sameStart(a: string, b: string): number {
  let count = 0;
  while (count < a.length && count < b.length && a[count] === b[count]) count++;
  return count;
}

function sameEnd(a: string, b: string): number {
  let count = 0;
  while (count < a.length && count < b.length && a.at(-1 - count) === b.at(-1 - count)) count++;
  return count;
}
