import { folded } from './automaton.ts';

/** Signs of emphasis and tags stand between a word and the blank behind it, or behind that blank. */
const MARKS = ['*', '_', '`', '<'];
/** Marks at the beginning of a line: of a quoted mail, a comment, a diff, a table. */
const LINE_MARKS = ['>', '/', '#', '+', '-', '|'];

/** Most gaps of a phrase in which marks are looked for: each takes room in the automaton. */
const MAX_GAPS = 8;

/** Blanks, tags, emphasis, and line ends with the marks of the next line; a bullet begins another item. */
const GAP =
  /(?:\s{1,64}|[_`]{1,3}|(?:(?<!\n[\t >]{0,16})|(?=\*{1,3}[^\s*]))\*{1,3}|<\/?[a-z][a-z0-9]{0,9}(?:\s[^<>]{0,80})?\/?>|(?<=\n[\t >]{0,16})(?:[>|]|\/\/\/?|#{1,6}|[+-](?=[^\s+-]))){1,16}/iy;
const LONGEST_GAP = 1600;
/** The beginning of a tag or of marks that the end of a text cuts off. */
const CUT_GAP = /^(?:<\/?[a-z0-9]{0,10}(?:\s[^<>]{0,80})?\/?|\/{1,3}|\*{1,3}|[+-])?$/i;

/** The beginnings of a phrase up to the first mark between two of its words. */
export function marksOf(phrase: string): readonly string[] {
  const words = phrase.split(' ');
  return words.slice(1, MAX_GAPS + 1).flatMap((_, i) => {
    const before = words.slice(0, i + 1).join(' ');
    return [
      ...MARKS.map((mark) => before + mark),
      ...[...MARKS, ...LINE_MARKS].map((mark) => `${before} ${mark}`),
    ];
  });
}

/** Most units of a phrase with marks between all its words. */
export const reachOf = (phrase: string) => phrase.length + LONGEST_GAP * (phrase.split(' ').length - 1);

/**
 * Where a phrase ends that begins at a place of a text, if marks between its words count as blanks; undefined if another text stands
 * there, and `open` if the end of the text cuts it off.
 */
export function endOfMarked(text: string, start: number, phrase: string): number | 'open' | undefined {
  let at = start;
  for (const [i, word] of phrase.split(' ').entries()) {
    if (i > 0) {
      GAP.lastIndex = at;
      const gap = GAP.exec(text)?.[0] ?? '';
      at += gap.length;
      if (text.length - at <= 100 && CUT_GAP.test(text.slice(at))) return 'open';
      if (!/[\s<]/.test(gap)) return undefined;
    }
    const said = folded(text.slice(at, at + word.length));
    if (said !== word) return at + said.length === text.length && word.startsWith(said) ? 'open' : undefined;
    at += word.length;
  }
  return at;
}
