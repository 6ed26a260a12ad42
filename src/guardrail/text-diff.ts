import type { TextEdit } from './edit.ts';

/** Equal characters by which two texts are taken to go on together, and between two changes that lie near each other. */
const RUN = 8;
const NEAR_RUN = 4;
/** How often what lies between two runs is looked at again for runs that are unique there. */
const MAX_DEPTH = 4;

type Stretch = { readonly before: string; readonly after: string; readonly offset: number };

/**
 * The edits that lead from one text to another, such as the redaction of a vendor that tells no spans. They need not be the
 * fewest. Time is linear: texts go on together where runs of characters that stand once in either of them say so.
 */
export function editsBetween(before: string, after: string): readonly TextEdit[] {
  const edits: TextEdit[] = [];
  addEdits({ before, after, offset: 0 }, 0, edits);
  return edits;
}

function addEdits({ before, after, offset }: Stretch, depth: number, edits: TextEdit[]): void {
  const start = commonStart(before, after);
  const end = commonEnd(before, after, start);
  const old = before.slice(start, before.length - end);
  const text = after.slice(start, after.length - end);
  if (old === '' && text === '') return;
  const at = offset + start;
  const runs = depth < MAX_DEPTH ? runsOf(old, text, depth === 0 ? RUN : NEAR_RUN) : [];
  if (runs.length === 0) {
    edits.push({ start: at, end: at + old.length, text });
    return;
  }
  let [i, j] = [0, 0];
  for (const run of [...runs, { i: old.length, j: text.length, length: 0 }]) {
    addEdits({ before: old.slice(i, run.i), after: text.slice(j, run.j), offset: at + i }, depth + 1, edits);
    i = run.i + run.length;
    j = run.j + run.length;
  }
}

function commonStart(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  // Half a character is no place to cut
  return at > 0 && isHigh(a.charCodeAt(at - 1)) ? at - 1 : at;
}

function commonEnd(a: string, b: string, start: number): number {
  const most = Math.min(a.length, b.length) - start;
  let count = 0;
  while (count < most && a.charCodeAt(a.length - 1 - count) === b.charCodeAt(b.length - 1 - count)) count++;
  return count > 0 && isLow(a.charCodeAt(a.length - count)) ? count - 1 : count;
}

const isHigh = (unit: number) => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number) => unit >= 0xdc00 && unit < 0xe000;

/** Places at which two texts have the same characters, and how many. */
type Run = { readonly i: number; readonly j: number; readonly length: number };

function runsOf(old: string, text: string, size: number): readonly Run[] {
  const runs = Math.min(old.length, text.length) < size ? [] : inOrder(runsIn(old, text, size));
  return runs.length === 0 && size > NEAR_RUN ? runsOf(old, text, NEAR_RUN) : runs;
}

/** Runs that begin with `size` characters which stand once in either text, in the order of the second one. */
function runsIn(a: string, b: string, size: number): readonly Run[] {
  const longer = Math.max(a.length, b.length);
  const bits = Math.min(MAX_BITS, 33 - Math.clz32(longer));
  const every = 2 ** Math.max(0, 33 - Math.clz32(longer) - MAX_BITS + 2) - 1;
  const inA = placesOf(slotsOf(a, size, bits, every), bits);
  const slots = slotsOf(b, size, bits, every);
  const inB = placesOf(slots, bits);
  const runs: Run[] = [];
  for (let j = 0; j < slots.length; j++) {
    const slot = slots[j]!;
    const i = slot < 0 ? -1 : inA[slot]! - 1;
    if (i < 0 || inB[slot] !== j + 1 || !isSame(a, i, b, j, size)) continue;
    let length = size;
    while (
      i + length < a.length &&
      j + length < b.length &&
      a.charCodeAt(i + length) === b.charCodeAt(j + length)
    )
      length++;
    const cut = isLow(a.charCodeAt(i)) ? 1 : 0;
    const end = isHigh(a.charCodeAt(i + length - 1)) ? length - 1 : length;
    runs.push({ i: i + cut, j: j + cut, length: end - cut });
    j += length - 1;
  }
  return runs;
}

/** Of the slots of a table of places: twice as many as there are grams, or more. */
const MAX_BITS = 20;
const BASE = 0x01000193;

/** The slot of each `size` characters of a text. Of a long one only of every so many, by what they are: -1 for the others. */
function slotsOf(text: string, size: number, bits: number, every: number): Int32Array {
  const slots = new Int32Array(text.length - size + 1);
  let power = 1;
  for (let i = 0; i < size; i++) power = Math.imul(power, BASE);
  let hash = 0;
  for (let i = 0; i < text.length; i++) {
    hash = (Math.imul(hash, BASE) + text.charCodeAt(i)) | 0;
    if (i >= size) hash = (hash - Math.imul(text.charCodeAt(i - size), power)) | 0;
    if (i < size - 1) continue;
    const mixed = Math.imul(hash ^ (hash >>> 15), 0x9e3779b1);
    slots[i - size + 1] = (mixed & every) === 0 ? mixed >>> (32 - bits) : -1;
  }
  return slots;
}

/** By slot, the place of characters that stand once in a text, plus one; 0 where there are none, -1 where there are several. */
function placesOf(slots: Int32Array, bits: number): Int32Array {
  const places = new Int32Array(2 ** bits);
  for (let at = 0; at < slots.length; at++) {
    const slot = slots[at]!;
    if (slot >= 0) places[slot] = places[slot] === 0 ? at + 1 : -1;
  }
  return places;
}

function isSame(a: string, i: number, b: string, j: number, size: number): boolean {
  for (let k = 0; k < size; k++) if (a.charCodeAt(i + k) !== b.charCodeAt(j + k)) return false;
  return true;
}

/** The most runs that come in the same order in both texts, and share nothing. */
function inOrder(runs: readonly Run[]): readonly Run[] {
  /** By the number of runs in a row, the index of the last one of the row that ends first. */
  const lasts: number[] = [];
  const previous: number[] = [];
  for (const [index, { i }] of runs.entries()) {
    let [low, high] = [0, lasts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (runs[lasts[middle]!]!.i < i) low = middle + 1;
      else high = middle;
    }
    previous[index] = low === 0 ? -1 : lasts[low - 1]!;
    lasts[low] = index;
  }
  const row: Run[] = [];
  for (let index = lasts.at(-1) ?? -1; index >= 0; index = previous[index]!) row.push(runs[index]!);
  row.reverse();
  let end = 0;
  return row.flatMap((run) => {
    const cut = Math.max(0, end - run.i);
    if (cut >= run.length) return [];
    end = run.i + run.length;
    return cut === 0 ? [run] : [{ i: run.i + cut, j: run.j + cut, length: run.length - cut }];
  });
}
