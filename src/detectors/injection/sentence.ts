import type { Span } from '../rule.ts';

/** All places in one block of so many units see the same surroundings, so that many anchors cost little more than one. */
const BLOCK = 128;
/** UTF-16 units before and behind a block that can belong to its sentence. */
const BEFORE = 110;
const AFTER = 150;
/** Most units from a place to the end of its sentence. */
export const BEHIND = BLOCK + AFTER;
/** More quotes than this in a sentence quote nothing. */
const MAX_QUOTES = 8;

/** Ends of sentences, of paragraphs and of items of lists. A line end alone is a blank. */
const END = /[!?;。！？；।؟]|\.(?=[\s"'”»)*]|$)|\n[ \t]{0,8}[\n*#>|•-]/;
const ENDS = new RegExp(END, 'g');
const QUOTES = /["“”„«»「」『』]|(?<![\p{L}\p{N}])['‘]|['’](?![\p{L}\p{N}])/gu;

const ANY_QUOTE = /["“”„«»「」『』'‘’]/;
/** Blanks and marks of emphasis, and what is more than a single blank. */
const BLANKS = /[\s*_~]+/g;
const SPREAD = /[\s*_~]{2}|[^\S ]|[*_~]/;

const MARKS = /[\u0300-\u036f\u064b-\u0655\u093c]+/g;
const SINGLE: Readonly<Record<string, string>> = {
  ł: 'l',
  ı: 'i',
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ى: 'ي',
  ة: 'ه',
  '’': "'",
  ـ: '',
};

/** Letters that are lower case once `toLowerCase` has made them so: ASCII, signs, Chinese. */
const BARE = /^[\0-\x7f\u2010-\u2018\u201a-\u2026\u3001-\u3040\u4e00-\u9fff\uff01-\uff20]*$/;

/** A text in lower case without accents, vowel signs of Arabic and nuktas of Hindi, as many people write. */
export function withoutAccents(text: string): string {
  const small = text.toLowerCase();
  if (BARE.test(small)) return small;
  const bare = small.normalize('NFD').replace(MARKS, '').normalize('NFC');
  return bare.replace(/[łıßæœىة’ـ]/g, (letter) => SINGLE[letter]!);
}

export type Sentence = {
  readonly span: Span;
  /** Folded, with single blanks. */
  readonly words: string;
  /** Places with the same sentence. */
  readonly from: number;
  readonly to: number;
};

let last: { readonly text: string; readonly sentence: Sentence } | undefined;

/** The sentence round a place, or as much of it as is near; within quotes what stands in them. */
export function sentenceAt(text: string, at: number): Sentence {
  if (last !== undefined && at >= last.sentence.from && at < last.sentence.to && last.text === text)
    return last.sentence;
  const sentence = read(text, at);
  last = { text, sentence };
  return sentence;
}

function read(text: string, at: number): Sentence {
  const block = at - (at % BLOCK);
  let start = Math.max(0, block - BEFORE);
  const before = text.slice(start, at);
  const floor = start;
  ENDS.lastIndex = 0;
  while (ENDS.test(before)) start = floor + ENDS.lastIndex;
  const behind = text.slice(at, block + BLOCK + AFTER);
  const length = behind.search(END);
  let end = at + (length < 0 ? behind.length : length);
  let from = Math.max(start, block);
  let to = Math.min(end + 1, block + BLOCK);
  const quotes = quotesIn(text.slice(start, end)).map((index) => start + index);
  if (quotes.length > 0) {
    const passed = quotes.filter((quote) => quote < at);
    const next = quotes[passed.length];
    from = Math.max(from, passed.at(-1) ?? from);
    to = Math.min(to, next ?? to);
    if (passed.length % 2 === 1) {
      start = passed.at(-1)! + 1;
      end = next ?? end;
    }
  }
  while (start < at && text.charCodeAt(start) <= 32) start++;
  while (end > at && text.charCodeAt(end - 1) <= 32) end--;
  const bare = withoutAccents(text.slice(start, end));
  const words = cyrillic(SPREAD.test(bare) ? bare.replace(BLANKS, ' ') : bare);
  return { span: { start, end }, words, from, to };
}

/** Places of the quotes in a sentence; none if they quote nothing. */
function quotesIn(sentence: string): number[] {
  const quotes: number[] = [];
  if (!ANY_QUOTE.test(sentence)) return quotes;
  QUOTES.lastIndex = 0;
  while (QUOTES.test(sentence)) if (quotes.push(QUOTES.lastIndex - 1) > MAX_QUOTES) return [];
  return quotes;
}

const LATIN = 'abcehkmoptxy';
const CYRILLIC = 'авсенкмортху';

/** Russian words that look like Latin ones are Russian again: where look-alikes are undone, "не" has become "he". */
function cyrillic(words: string): string {
  if (!/[\u0400-\u04ff]/.test(words)) return words;
  return words.replace(/(?<![a-z])[abcehkmoptxy]{1,8}(?![a-z])/g, (word) =>
    word.replace(/./g, (letter) => CYRILLIC[LATIN.indexOf(letter)]!),
  );
}
