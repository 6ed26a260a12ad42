import type { Language } from './language.ts';

/** Polish. */
export const pl: Language = {
  drop: 'zignoruj(?:cie)?|ignoruj(?:cie)?|zapomnij(?:cie)?(?: o)?|pomi[nń](?:cie)?|nie stosuj(?: si[eę] do)?|odrzu[cć]',
  whose:
    'poprzednie|poprzednich|wcze[sś]niejsze|wcze[sś]niejszych|powy[zż]sze|powy[zż]szych|dotychczasowe|pierwotne|oryginalne|swoje|systemowe',
  rules:
    '(?:instrukcj[eai]{1,2}|polece[nń](?:ia|ie)?|zasad[yaę]?|regu[lł][ya]?|wytyczn(?:e|ych)|rozkaz(?:y|[oó]w)|ogranicze(?:nia|[nń]))',
  show: 'poka[zż](?:cie)?|ujawnij|wy[sś]wietl|powt[oó]rz|wypisz|podaj|zdrad[zź]',
  prompt:
    '(?:sw[oó]j|tw[oó]j|swoje|twoje|swoich)[\\s-]{1,3}(?:[a-ząćęłńóśźż]{1,20}[\\s-]{1,3}){0,2}(?:prompt systemowy|systemowy prompt|instrukcje systemowe|komunikat systemowy|pocz[aą]tkowe instrukcje|ukryte instrukcje)',
  small: 'wszystkie|wszystkich|wszelkie|te|tych|o|do|swoje|swoich|mi|nam|i|oraz|ca[lł][ye]|sw[oó]j',
  overrideAnchors: 'zignoruj|ignoruj|zapomnij|pomiń|pomin|nie stosuj|odrzu',
  extractionAnchors: 'poka|ujawnij|wyświetl|wyswietl|powtórz|powtorz|wypisz|podaj|zdrad',
  role: {
    anchors: 'jesteś teraz|jestes teraz',
    youAreNow: 'jeste[sś] teraz',
    unrestricted: 'bez (?:ogranicze|filtr|zasad|cenzury)',
  },
};
