import { distance } from 'fastest-levenshtein';
import type { Span, SweepingRule } from '../rule.ts';

/** The most edits that may be asked for. */
export const MAX_DISTANCE = 8;

/** The letter of an escape, in JSON within a string, is no part of a word. */
const WORD = /\\[nrt]|[\p{L}\p{N}\p{M}]+/gu;
const ENDS_WITHIN_WORD = /(?<!\\[nrt])(?<=[\p{L}\p{N}\p{M}])$/u;

/** Most units between two words of one match. */
const MAX_GAP = 16;

/**
 * A term of one or more words, found also where up to some letters of it are changed, missing or added. Capitals, and
 * signs between the words, are ignored. As many words as the term has are compared with it, one fewer and one more.
 *
 * @param maxDistance 0 to 8 edits (Levenshtein)
 * @throws an Error if the term has no letters, or if the distance is half of its length or more: that would be another term
 */
export function fuzzyRule(id: string, term: string, maxDistance: number): SweepingRule {
  const terms = wordsIn(term, 0, term.length);
  const wanted = joined(terms, 0, terms.length);
  if (wanted === '') throw new Error('has no letters');
  if (!(maxDistance >= 0 && maxDistance <= MAX_DISTANCE)) {
    throw new Error(`takes a distance of 0 to ${MAX_DISTANCE}`);
  }
  if (maxDistance >= wanted.length / 2) throw new Error(`is too short for a distance of ${maxDistance}`);
  const most = terms.length + 1;
  const reach = wanted.length + maxDistance + most * MAX_GAP;
  const letters = lettersOf(wanted);

  /** Edits between the term and some words; Infinity for more than allowed. */
  const edits = (words: readonly Word[], from: number, to: number): number => {
    if (to <= from || to > words.length) return Infinity;
    let length = to - from - 1;
    for (let i = from; i < to; i++) {
      length += words[i]!.text.length;
      if (i > from && words[i]!.start - words[i - 1]!.end > MAX_GAP) return Infinity;
    }
    if (Math.abs(length - wanted.length) > maxDistance) return Infinity;
    const text = joined(words, from, to);
    const others = lettersOf(text);
    if (bits(letters & ~others) > maxDistance || bits(others & ~letters) > maxDistance) return Infinity;
    const count = distance(text, wanted);
    return count <= maxDistance ? count : Infinity;
  };

  /** Number of words from one on that are the term: as many as leave the fewest edits. 0 if they are not. */
  const sizeAt = (words: readonly Word[], from: number): number => {
    let best = 0;
    let least = Infinity;
    for (let size = most - 2; size <= most; size++) {
      const count = edits(words, from, from + size);
      if (count < least) {
        least = count;
        best = size;
      }
    }
    // Without its first word it is nearer to the term: the match begins behind it
    return edits(words, from + 1, from + best) < least ? 0 : best;
  };

  return {
    id,
    sweep(text, from, to) {
      const words = wordsIn(text, from, to, { words: most, units: reach + 1 });
      const spans: Span[] = [];
      for (let i = 0; i < words.length && words[i]!.start < to; ) {
        const size = sizeAt(words, i);
        if (size > 0) spans.push({ start: words[i]!.start, end: words[i + size - 1]!.end });
        i += Math.max(size, 1);
      }
      return spans;
    },
    openFrom(text, from) {
      const words = wordsIn(text, Math.max(from, text.length - reach), text.length);
      const end = words.at(-1)?.end ?? 0;
      if (text.length - end > MAX_GAP) return undefined;
      for (let i = Math.max(0, words.length - most); i < words.length; i++) {
        if (beginsLike(joined(words, i, words.length), wanted, maxDistance)) return words[i]!.start;
      }
      return undefined;
    },
  };
}

type Word = Span & { readonly text: string };

/** The words that begin in a range, and some of those behind it. No more of the text is read, as a word can be megabytes long. */
function wordsIn(text: string, from: number, to: number, behind = { words: 0, units: 0 }): readonly Word[] {
  const words: Word[] = [];
  const part = text.slice(from, to + behind.units);
  let left = behind.words;
  for (const { index, 0: word } of part.matchAll(WORD)) {
    if (from + index >= to && left-- === 0) break;
    const isCut = index === 0 && from > 0 && ENDS_WITHIN_WORD.test(text.slice(Math.max(0, from - 2), from));
    if (!isCut && !word.startsWith('\\')) {
      words.push({ text: word.toLowerCase(), start: from + index, end: from + index + word.length });
    }
  }
  return words;
}

function joined(words: readonly Word[], from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) text += i > from ? ` ${words[i]!.text}` : words[i]!.text;
  return text;
}

/** The letters of a text as bits: an edit takes away or adds one of them at most. */
function lettersOf(text: string): number {
  let letters = 0;
  for (let i = 0; i < text.length; i++) letters |= 1 << (text.charCodeAt(i) & 31);
  return letters;
}

function bits(number: number): number {
  let count = 0;
  for (let rest = number; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** True if a text is within some edits of a beginning of the term. */
function beginsLike(text: string, term: string, maxDistance: number): boolean {
  const most = Math.min(term.length, text.length + maxDistance);
  for (let length = Math.max(0, text.length - maxDistance); length <= most; length++)
    if (distance(text, term.slice(0, length)) <= maxDistance) return true;
  return false;
}
