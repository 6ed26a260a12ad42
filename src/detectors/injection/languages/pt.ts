import type { Language } from './language.ts';

/** Portuguese. */
export const pt: Language = {
  drop: 'ignor[ae]r?|esque[cç]a(?: de)?|esquece|desconsider[ae]|desobede[cç]a|n[aã]o siga',
  whose:
    'anterior(?:es)?|pr[eé]vi[ao]s?|precedentes?|acima|inicia[il]s?|iniciais|origina[il]s?|originais|dadas|suas|do sistema',
  rules:
    '(?:instru[cç](?:[aã]o|[oõ]es)|orienta[cç](?:[aã]o|[oõ]es)|diretri(?:z|zes)|regras?|ordens?|comandos?|restri[cç](?:[aã]o|[oõ]es))',
  show: 'mostr[ae](?:-me)?|revel[ae]|imprima|repita|me diga|diga(?:-me)?|exib[ae]|divulgue',
  prompt:
    '(?:seu|sua|suas|seus|o teu|as tuas)[\\s-]{1,3}(?:[a-zãõáéíóúç]{1,20}[\\s-]{1,3}){0,2}(?:prompt d[eo] sistema|mensagem d[eo] sistema|instru[cç][oõ]es (?:d[eo] sistema|iniciais|ocultas|secretas)|prompt (?:inicial|oculto|secreto))',
  small: 'todas?|todos?|as?|os?|de|suas?|tuas?|seus?|essas?|que|foram|lhe|e|ou|quaisquer|me',
  overrideAnchors: 'ignor|esque|desconsider|desobede|não siga|nao siga',
  extractionAnchors: 'mostr|revel|imprima|repita|me diga|diga|exib|divulgue',
  role: {
    anchors: 'agora você|agora voce',
    youAreNow: 'agora voc[eê]',
    unrestricted: 'sem (?:restri|filtro|limite|censura|regras)',
  },
};
