import type { Language } from './language.ts';

/** Dutch. */
export const nl: Language = {
  drop: 'negeer|vergeet|sla',
  whose: 'vorige|voorgaande|eerdere|bovenstaande|voorafgaande|oorspronkelijke|je|jouw|uw',
  rules: '(?:systeem)?(?:instructie|aanwijzing|regel|opdracht|richtlijn|bevel|prompt|beperking)(?:en|s)?',
  show: 'toon|laat|onthul|herhaal|geef|print',
  prompt:
    '(?:je|jouw|uw)[\\s-]{1,3}(?:[a-z]{1,20}[\\s-]{1,3}){0,2}(?:systeem-?\\s?prompt|system prompt|systeembericht|systeeminstructies|oorspronkelijke instructies|verborgen instructies)',
  small: 'alle|al|de|het|van|je|jouw|uw|deze|die|en|of|mij|me|zien|eens|wat',
  overrideAnchors: 'negeer|vergeet|sla ',
  extractionAnchors: 'toon|laat|onthul|herhaal|geef|print',
  role: { youAreNow: 'je bent nu', unrestricted: 'zonder (?:beperking|filter|regels)' },
};
