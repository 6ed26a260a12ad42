import type { Language } from './language.ts';

/** French. */
export const fr: Language = {
  drop: "ignore[zr]?|oublie[zr]?|n['’]?e tiens pas compte(?: de)?|ne tenez pas compte(?: de)?|fais abstraction(?: de)?|n[eé]glige[zr]?",
  whose:
    'pr[eé]c[eé]dente?s?|ant[eé]rieure?s?|ci-dessus|ci|dessus|initiales?|initiaux|d[eé]origine|donn[eé]es|avant|tes|vos',
  rules: '(?:instruction|consigne|directive|r[eè]gle|commande|ordre|restriction)s?',
  show: 'montre[zr]?(?:-moi)?|affiche[zr]?|r[eé]v[eè]le[zr]?|r[eé]p[eè]te[zr]?|donne[zr]?(?:-moi)?|divulgue[zr]?',
  prompt:
    '(?:ton|votre|tes|vos)[\\s-]{1,3}(?:[a-zéèê]{1,20}[\\s-]{1,3}){0,2}(?:prompt syst[eè]me|invite syst[eè]me|message syst[eè]me|instructions? (?:syst[eè]me|initiales|cach[eé]es|secr[eè]tes)|prompt initial)',
  small: 'toutes?|tous|les|l|la|le|des|de|du|ces|tes|vos|moi|nous|int[eé]gralement|et|ou',
  overrideAnchors: 'ignore|oublie|ne tiens|ne tenez|fais abstraction|néglige|neglige',
  extractionAnchors: 'montre|affiche|révèle|revele|révéle|répète|repete|répéte|donne|divulgue',
  role: {
    anchors: 'tu es maintenant|vous êtes maintenant',
    youAreNow: 'tu es maintenant|vous [eê]tes maintenant',
    unrestricted: 'sans (?:restriction|filtre|limite|r[eè]gle)',
  },
};
