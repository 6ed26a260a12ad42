import type { Language } from './language.ts';

/** Italian. */
export const it: Language = {
  drop: 'ignora(?:re|te)?|dimentica(?:re|te|ti)?|trascura|non (?:seguire|considerare)|scarta|tralascia',
  whose: 'precedenti?|precedentemente|sopra|iniziali?|originali?|date|tue|tuoi|di sistema',
  rules: '(?:istruzion[ei]|indicazion[ei]|direttiv[ae]|regol[ae]|comand[io]|ordin[ei]|restrizion[ei])',
  show: 'mostra(?:mi|ci)?|rivela(?:mi)?|stampa|ripeti|dimmi|svela(?:mi)?',
  prompt:
    '(?:il tuo|la tua|le tue|i tuoi)[\\s-]{1,3}(?:[a-zàèéìòù]{1,20}[\\s-]{1,3}){0,2}(?:prompt di sistema|messaggio di sistema|istruzioni (?:di sistema|iniziali|nascoste|segrete)|prompt (?:iniziale|nascosto|segreto))',
  small:
    'tutte|tutti|tutto|le|gli|i|il|la|di|delle|tue|tuo|tuoi|queste|che|ti|sono|state|e|o|quello|qualsiasi',
  overrideAnchors: 'ignora|dimentica|trascura|non seguire|non considerare|scarta|tralascia',
  extractionAnchors: 'mostra|rivela|stampa|ripeti|dimmi|svela',
  role: { youAreNow: 'ora sei', unrestricted: 'senza (?:restrizioni|filtri|limiti|regole|censura)' },
};
