const BLANK = /[\u00a0\u2000-\u200a\u202f\u205f\u3000]/g;
const HYPHEN = /[\u2010-\u2013\u2212\ufe63\uff0d]/g;
/** All of them but the no-break space, which is looked for by itself: none of these stands in a text of Latin-1, where it costs nothing. */
const OTHER = /[\u2000-\u200a\u2010-\u2013\u202f\u205f\u2212\u3000\ufe63\uff0d]/;

/**
 * The text with plain blanks and hyphens in place of the kinds that editors, web pages and telephones put there: no-break and
 * thin spaces, Word's hyphen that does not break, the dash between numbers. Every unit keeps its place. The same string if
 * there is none.
 */
export function withPlainSigns(text: string): string {
  if (!text.includes('\u00a0') && !OTHER.test(text)) return text;
  return text.replace(BLANK, ' ').replace(HYPHEN, '-');
}
