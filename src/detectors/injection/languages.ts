import { ar } from './languages/ar.ts';
import { de } from './languages/de.ts';
import { es } from './languages/es.ts';
import { fr } from './languages/fr.ts';
import { hi } from './languages/hi.ts';
import { it } from './languages/it.ts';
import { ja } from './languages/ja.ts';
import { ko } from './languages/ko.ts';
import type { Language, WordOrder } from './languages/language.ts';
import { nl } from './languages/nl.ts';
import { pl } from './languages/pl.ts';
import { pt } from './languages/pt.ts';
import { ru } from './languages/ru.ts';
import { tr } from './languages/tr.ts';
import { zh } from './languages/zh.ts';
import { GAP as _, type InjectionSource } from './rule.ts';

const LANGUAGES: readonly Language[] = [de, fr, es, it, pt, nl, pl, ru, zh, ja, ko, tr, hi, ar];

/** Latin, Cyrillic and Arabic letters: `\\b` knows those of English only. */
const LETTER = '[a-z\\u00c0-\\u024f\\u0400-\\u04ff\\u0600-\\u06ff]';

/** The same three attacks in all languages but English. */
export const FOREIGN: readonly InjectionSource[] = [...LANGUAGES.flatMap(attacksIn), unrestrictedRole()];

function attacksIn(language: Language): InjectionSource[] {
  const { code, overrideAnchors, extractionAnchors, order } = language;
  const { override, extraction } =
    order === undefined
      ? verbFirst(language)
      : {
          override: { pattern: ordered(language, order.override, order.ends) },
          extraction: { pattern: ordered(language, order.extraction, order.ends) },
        };
  return [
    { id: `override-instructions-${code}`, weight: 0.9, anchors: overrideAnchors.split('|'), ...override },
    { id: `prompt-extraction-${code}`, weight: 0.85, anchors: extractionAnchors.split('|'), ...extraction },
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
  const roles = LANGUAGES.flatMap(({ role }) => role ?? []);
  const youAreNow = roles.map((role) => role.youAreNow).join('|');
  const unrestricted = roles.map((role) => role.unrestricted).join('|');
  return {
    id: 'unrestricted-role-other',
    weight: 0.6,
    anchors: roles.flatMap(({ anchors }) => anchors.split('|')),
    pattern: `(?:${youAreNow})[^.!?。\\n]{0,24}?(?:dan\\b|${unrestricted})`,
  };
}
