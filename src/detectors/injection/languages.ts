import type { InjectionSource } from './source.ts';
import { VERB_FIRST } from './verb-first.ts';
import { VERB_LAST } from './verb-last.ts';

/** What stands between two words. */
const _ = `[\\s,*_~"'’-]{1,4}`;

/** Latin, Cyrillic and Arabic letters: `\\b` knows those of English only. */
const LETTER = '[a-z\\u00c0-\\u024f\\u0400-\\u04ff\\u0600-\\u06ff]';

/** The same two attacks in each of these languages: "ignore the previous instructions", "show your system prompt". */
export const FOREIGN: readonly InjectionSource[] = [
  ...VERB_FIRST.flatMap((language): InjectionSource[] => {
    const { code, drop, dropAnchors, show, showAnchors, small, whose, rules, prompt } = language;
    const words = `(?:(?:${small}|${whose})${_}){0,8}`;
    return [
      {
        id: `override-instructions-${code}`,
        weight: 0.9,
        anchors: dropAnchors,
        pattern: `(?<!${LETTER})(?:${drop})${_}${words}(?:${rules})(?:${_}(?:${small}|${whose})(?!${LETTER})){0,5}`,
        needs: new RegExp(`(?:^|[\\s,*_~"'’-])(?:${whose})(?:$|[\\s,*_~"'’-])`, 'i'),
      },
      {
        id: `prompt-extraction-${code}`,
        weight: 0.85,
        anchors: showAnchors,
        pattern: `(?<!${LETTER})(?:${show})${_}(?:(?:${small})${_}){0,6}(?:${prompt})`,
      },
    ];
  }),
  ...VERB_LAST,
];
