import type { Language } from './language.ts';

/** German. */
export const de: Language = {
  drop: 'ignoriere?n?(?: sie)?|vergiss|vergessen sie|missachten? ?(?:sie)?|beachten? (?:sie )?nicht|verwirf|[uü]bergehe',
  whose:
    'vorherigen?|vorigen?|bisherigen?|fr[uü]heren?|obigen?|vorangegangenen?|vorangehenden?|urspr[uü]nglichen?|deine|ihre|oben',
  rules:
    '(?:system)?(?:anweisung|instruktion|regel|vorgabe|richtlinie|befehl|prompt|einschr[aä]nkung)(?:en|e|n|s)?',
  show: 'zeige?n?|verrate?n?|gib|nenne?n?|wiederhole?n?|drucke',
  prompt:
    'dein(?:en|e)?[\\s,-]{1,3}(?:[a-zäöü]{1,20}[\\s-]{1,3}){0,2}(?:system-?\\s?prompt|systemnachricht|systemanweisung(?:en)?|urspr[uü]nglichen anweisungen|initial-?prompt)',
  small:
    'alle|aller|allen|s[aä]mtliche|die|der|den|das|von|deine[nr]?|ihre|mir|uns|sie|bitte|komplett|vollst[aä]ndig|aus|und|oder',
  overrideAnchors: 'ignorier|vergiss|vergessen sie|missachte|beachte|verwirf|übergehe|ubergehe',
  extractionAnchors: 'zeig|verrat|gib|nenn|wiederhol|drucke',
  role: { youAreNow: 'du bist jetzt', unrestricted: 'unzensiert|uneingeschr|ohne (?:regeln|einschr|filter)' },
};
