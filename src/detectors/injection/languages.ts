import { ar } from './languages/ar.ts';
import { de } from './languages/de.ts';
import { es } from './languages/es.ts';
import { fr } from './languages/fr.ts';
import { hi } from './languages/hi.ts';
import { it } from './languages/it.ts';
import { ja } from './languages/ja.ts';
import { ko } from './languages/ko.ts';
import type { Language, Word, WordOrder } from './languages/language.ts';
import { nl } from './languages/nl.ts';
import { pl } from './languages/pl.ts';
import { pt } from './languages/pt.ts';
import { ru } from './languages/ru.ts';
import { tr } from './languages/tr.ts';
import { zh } from './languages/zh.ts';
import { GAP as _, type InjectionSource } from './rule.ts';

const LANGUAGES = Object.entries<Language>({ de, fr, es, it, pt, nl, pl, ru, zh, ja, ko, tr, hi, ar });

/** Latin, Cyrillic and Arabic letters: `\\b` knows those of English only. */
const LETTER = '[a-z\\u00c0-\\u024f\\u0400-\\u04ff\\u0600-\\u06ff]';

/** The same three attacks in all languages but English. */
export const FOREIGN: readonly InjectionSource[] = [
  ...LANGUAGES.flatMap(([code, language]) => attacksIn(code, language)),
  unrestrictedRole(),
];

function attacksIn(code: string, language: Language): InjectionSource[] {
  const { order } = language;
  const attack = (kind: 'override' | 'extraction') => ({
    anchors: language[`${kind}Anchors`] ?? language[order?.[kind][0] as Word] ?? [],
    ...(order === undefined
      ? verbFirst(language)[kind]
      : { pattern: ordered(language, order[kind], order.ends) }),
  });
  return [
    { id: `override-instructions-${code}`, weight: 0.9, ...attack('override') },
    { id: `prompt-extraction-${code}`, weight: 0.85, ...attack('extraction') },
  ];
}

function verbFirst({ drop, whose, rules, show, prompt, small = '' }: Language) {
  const words = `(?:(?:${small}|${whose})${_}){0,8}`;
  return {
    override: {
      pattern: `(?<!${LETTER})(?:${drop})${_}${words}(?:${rules})(?:${_}(?:${small}|${whose})(?!${LETTER})){0,5}`,
      needs: new RegExp(`(?:^|[\\s,*_~"'’-])(?:${whose})(?:$|[\\s,*_~"'’-])`, 'i'),
    },
    extraction: { pattern: `(?<!${LETTER})(?:${show})${_}(?:(?:${small})${_}){0,6}(?:${prompt})` },
  };
}

function ordered(language: Language, order: WordOrder, ends = ''): string {
  return order
    .map((part) => {
      if (typeof part === 'number') return `[^${ends}\\n]{0,${part}}?`;
      if (typeof part === 'object') return part.source;
      return part === 'yours?' ? `(?:${language.yours})?` : `(?:${language[part]})`;
    })
    .join('');
}

function unrestrictedRole(): InjectionSource {
  const roles = LANGUAGES.flatMap(([, { role }]) => role ?? []);
  const youAreNow = roles.map((role) => role.youAreNow).join('|');
  const unrestricted = roles.map((role) => role.unrestricted).join('|');
  return {
    id: 'unrestricted-role-other',
    weight: 0.6,
    anchors: roles.map(({ anchors, youAreNow }) => anchors ?? youAreNow).join('|'),
    pattern: `(?:${youAreNow})[^.!?。\\n]{0,24}?(?:dan\\b|${unrestricted})`,
  };
}
