import { undisguised } from './disguised.ts';
import { isAscii, withLatinWords } from './latin-words.ts';

/** Marks over, under and through letters of any script that has them as accents. */
const MARKS = '\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f';
/** Latin, Greek and Cyrillic letters beyond ASCII, and marks. */
const ACCENTED = new RegExp(`[\u00c0-\u024f\u0370-\u04ff\u1e00-\u1fff]|[${MARKS}]+`, 'g');
const ALL_MARKS = new RegExp(`[${MARKS}]+`, 'g');

/** Letters without their accents, as they were first worked out. */
const bareLetters = new Map<string, string>();

function bare(letter: string): string {
  if (letter >= '\u0300' && letter < '\u0370') return '';
  let plain = bareLetters.get(letter);
  if (plain === undefined) {
    plain = letter.normalize('NFD').replace(ALL_MARKS, '');
    if (letter.length === 1) bareLetters.set(letter, plain);
  }
  return plain;
}

/**
 * The text of a view with more undone that says nothing of places any more: no accents, `1gn0re` and `i g n o r e` as the word.
 * Undefined if that is the text itself.
 *
 * Linear: ASCII costs three tests, about 2 ms a megabyte, French and Russian 10; the worst known is 120, for single letters.
 *
 * @param detectsHomoglyphs true if words that look Latin without their accents are Latin
 */
export function plainOf(text: string, detectsHomoglyphs = true): string | undefined {
  let plain = isAscii(text) ? text : text.replace(ACCENTED, bare);
  if (detectsHomoglyphs && plain !== text) plain = withLatinWords(plain, '')?.text ?? plain;
  plain = undisguised(plain);
  return plain === text ? undefined : plain;
}
