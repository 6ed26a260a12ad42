import type { Language } from './language.ts';

const RULES =
  '(?:instruction|consigne|directive|regle|commande|ordre|restriction|recommandation|prompt)s?\\b|lignes directrices';
const MINE =
  "(?:tes|ton|ta|vos|votre)\\b|precedent|anterieur|ci-dessus|initiale|d'origine|avant\\b|au (?:debut|depart)|auparavant|precedemment|jusqu'(?:ici|a present|a maintenant)|plus haut|(?:que tu|que vous|t'|vous|te) ?(?:as|avez|a|ont|ai)\\b|qui (?:t'|vous)|recues?\\b|systeme";
const DROP =
  "(?:ignore[zr]?\\b|ignorer\\b|oublie[zr]?\\b|neglige[zr]?\\b|(?:ne )?(?:tiens|tenez|tient|tenir) (?:plus |aucun |pas )?(?:compte|aucun)|fai(?:s|tes) (?:donc )?(?:abstraction|fi|table rase)|(?:mets|mettez|laisse|laissez|mettre|laisser)[a-z-]{0,4}…(?:de cote|tomber)|(?:laisse|laissez) tomber|passe[zr]? outre|abandonne[zr]?\\b|desobeis|jette[zr]?\\b|mets-les de cote|(?:cesse[zr]?|arrete[zr]?) (?:de suivre|de respecter|d'obeir|d'appliquer))";
const KEEP =
  '(?:suis|suivez|suivre|respecte|respectez|respecter|obeis|obeissez|obeir|applique|appliquez|appliquer|observe|ecoute)\\b';
const LIMITS =
  '(?:restriction|limite|limitation|filtre|interdit|interdiction|censure|tabou|barriere|regle|morale)s?\\b';
const THIS =
  '(?:ceci|cela|ca)\\b|en parle|di[st]e?s? rien|dire rien|(?:cette|ces) (?:instruction|consigne|demande|action)|(?:ce )?que (?:tu|vous)\\b|instruction|consigne';
const USER = 'utilisat(?:eur|rice)s?\\b|usagers?\\b';

/** French. */
export const fr: Language = {
  common:
    'le|la|les|des|du|de|et|ne|pas|plus|tu|te|toi|vous|ton|ta|tes|vos|votre|est|es|une|que|qui|moi|sans|aucune?|tout|toutes?|ce|mon|au',
  measures:
    'longueur|taille|nombre|caracteres|budget|forfait|abonnement|quota|stockage|televers|telecharg|fichier|disque|debit|prix|cout|depens|catalogue|format|pare-feu|duree|champ|zone de texte',
  override: {
    anchors: 'instruction|consigne|directive|règle|commande|ordres|restriction|prompt|tout ce qu',
    phrases: [
      [`${DROP}…(?:${RULES})|(?:${RULES})…${DROP}`, MINE],
      [`ne\\b ?…${KEEP} (?:plus|pas|aucune)…(?:${RULES})`, MINE],
      [
        `(?:tes|vos) (?:propres )?(?:${RULES})`,
        `(?:tu n'as plus|vous n'avez plus|tu n'es plus|vous n'etes plus|tu ne dois plus|vous ne devez plus|plus besoin)…(?:les |d'?e? ?les )?${KEEP}|(?:ne sont|n'est|n'ont) plus…(?:valable|valide|en vigueur|cours)|ne s'appliquent plus`,
      ],
      [
        `tout ce (?:qu|que)…(?:t'a|vous a|t'ai|a pu|te|tu|t'ont|vous ont)`,
        DROP,
        '(?:dit|ordonne|demande|appris|enseigne|indique|donne|recu|prescrit)',
        "jusqu'|avant|auparavant|plus haut|precedemment|jusque|plus tot",
      ],
    ],
    except:
      "(?:ignor|oubli|neglig)[a-z]{1,3} (?:[a-z]{1,10} ){0,2}(?:mes|ma|mon) |n'(?:ignore|oublie|oubliez|ignorez)",
  },
  extraction: {
    anchors: 'prompt|invite système|message système|instructions|consignes|directives',
    phrases: [
      [
        "(?:montre|affiche|revele|repete|donne[zr]?\\b|divulgue|copi|colle|recopi|ecri|imprime|cite|envoie|envoyer|partage|dis-|dis\\b|dire|quel(?:le)?s?\\b|qu'est-ce|que (?:dit|contient)|devoile|communique|transmets|reprodui|fournis|expose|liste)",
        "(?:ton|ta|tes|votre|vos) (?:[a-z]{1,12} ){0,3}(?:prompt|invite|message) (?:systeme|de systeme|du systeme|initial|cache|secret|complet)|(?:ton|votre) (?:propre )?(?:system )?prompt\\b|(?:tes|vos|ton|votre) (?:[a-z]{1,12} ){0,2}(?:instructions?|consignes?|directives?) (?:systeme|du systeme|initiale|de depart|d'origine|cache|secrete|internes?|de base|originale|exacte|completes?|precedentes)|(?:tes|vos) (?:premieres|toutes premieres|veritables) (?:instructions|consignes)|(?:instructions|consignes|directives) (?:que tu as|qu'on t'a|que vous avez|qui t'ont|qui vous ont)…(?:recu|donne|debut|depart)",
      ],
    ],
    except:
      "ne (?:montre|affiche|revele|divulgue)[a-z]{0,2} (?:jamais|pas)|(?:instructions|consignes)(?: [a-z]{1,12})? pour (?!toi|vous|cet|ce\\b|l'assistant|le (?:modele|systeme))",
  },
  role: {
    anchors:
      "désormais|à partir de|dorénavant|maintenant|n'es plus|n'êtes plus|fais comme si|fais semblant|imagine que|joue le rôle|comporte-toi|agis comme",
    phrases: [
      [
        "(?:tu (?:es|n'es|t'appelles|seras|joues|reponds|n'obeis)|vous (?:etes|n'etes|vous appelez)|ton nom|fais (?:comme si|semblant)|imagine que tu|joue le role|comporte-toi|agis comme|ton role)",
        "(?:desormais|a partir de|dorenavant|maintenant|n'es plus|n'etes plus|comme si|semblant|imagine|joue|comporte|agis)",
        "(?:(?:n'es|n'etes) plus (?:un |une |l'|chatgpt|claude|gemini|lie|tenu|limite)|(?:repond|reponds|repondra|repondant)[a-z]{0,3} a (?:toutes?|tout|n'importe|chaque)\\b(?! (?:(?:les|mes) )?[a-z]{1,12} (?:des? (?!maniere|facon)|du |d'|sur |concernant ))|n'obei[a-z]{0,4} qu'|obei[a-z]{0,4} (?:uniquement|seulement|exclusivement)|sans (?:aucune?s? |la moindre |le moindre )?(?:restriction|limite|filtre|regle|censure|morale|scrupule|conscience|ethique|tabou)|(?:aucune?|ni) (?:regle|limite|restriction|filtre|morale|scrupule|ethique|loi)|non censure|malveillant|malefique|mechante? ia|immorale?|amorale?|dan\\b|mode developpeur|jailbreak|illimitee?\\b)",
      ],
    ],
  },
  limits: {
    anchors:
      'restriction|limite|limitation|filtre|interdit|interdiction|censure|tabou|tout est permis|tout te',
    phrases: [
      [
        `(?:tu|vous|toi)\\b (?:n'as|n'avez|es|etes|n'es)…(?:plus (?:aucune?|de|la moindre)|aucune?|sans|libere)…${LIMITS}`,
        'plus\\b|tout\\b|toutes|repond|desormais|maintenant',
        'repond|parl|dire|dis\\b|ecri|gener|question|sujet|ia\\b|filtre|censure|morale|tabou|interdi',
      ],
      [
        `(?:tes|vos|toutes (?:tes|vos)) (?:[a-z]{1,12} )?${LIMITS}…(?:levee?s?|supprime|desactive|retire|annule|aboli|disparu)`,
      ],
      [
        `(?:desactive|supprime|contourne|leve|retire|coupe|oublie)[zr]?\\b…(?:tes|vos|ton|ta)…(?:filtre|${LIMITS}|garde-fou|securite|protection)`,
      ],
      [
        `(?:repond|reponds|repondez|parle|ecri|dis|genere)[a-z]{0,3}\\b…(?:a tout |librement )?…(?:sans (?:aucune? |la moindre |te soucier de )?(?:filtre|censure|restriction|limite|tabou|limitation))`,
      ],
      [
        "(?:rien|plus rien) (?:ne t'|ne vous |n')…(?:interdit|defendu|tabou)|tout t'est (?:permis|autorise)|tu peux (?:desormais |maintenant )?tout (?:dire|faire|ecrire|generer)|tu as le droit de tout",
      ],
    ],
    except: 'operation|medecin|forfait|aliment|bagage|abonnement|vitesse',
  },
  secrecy: {
    anchors: 'utilisateur|utilisatrice|usager',
    phrases: [
      [
        `(?:ne|n')\\b ?…(?:dis|dites|dire|parle|mentionne|revele|informe|previen|prevenez|signale|avoue|explique|raconte|averti|evoque|devoile|communique|laisse)[a-z]{0,3}\\b`,
        `(?:${USER})`,
        '(?:pas|rien|jamais|aucun|ni)\\b',
        THIS,
      ],
      [
        `(?:${USER})…(?:ne|n')\\b…(?:pas|rien|jamais|surtout pas|aucun)`,
        '(?:apprendre|sache|savoir|remarque|decouvr|rend(?:re|e) compte|informe|connaitre|apercev)',
        THIS,
      ],
    ],
    except: `(?:${USER})[^.]{0,80} (?:tant qu|jusqu|avant |si |s'il|lorsqu|quand )`,
  },
  stealth: {
    anchors: 'utilisateur|utilisatrice|usager',
    phrases: [
      [
        `(?:sans (?:que|en informer|prevenir|avertir|le dire|informer|rien dire)…(?:${USER})|a l'insu de…(?:${USER})|(?:cache|dissimule|tais)[zr]?\\b…(?:a |aux )?l?'?…(?:${USER}))`,
      ],
    ],
  },
  warnings: {
    anchors:
      'avertissement|mises en garde|mise en garde|morale|moralis|avis de non|clause de non|réserves|disclaimer|mise-en-garde|refuse',
    phrases: [
      [
        "(?:sans|ni|pas d|aucune?|epargne|evite|omet|supprime|inutile|oublie|ne\\b|n')",
        '(?:avertissement|mises? en garde|morale|moralis|non-responsabilite|disclaimer|reserves)[a-z]{0,6}',
        '(?:repond|reponds|repondez|dis\\b|donne|ajoute|epargne|evite|omet|fai[st]|inclu|mets|met)[a-z]{0,5}',
        'moral',
      ],
      ['ne refuse[zr]? (?:jamais|plus|pas|aucune)', 'tu\\b|repond|question|demande'],
    ],
    except: 'compil|recette|medicament|train|vaisselle|histoire',
  },
  about: 'attaque|exemple|traduis|traduire|traduction|signifie|veut dire|phrase|expression|filtre|detect',
  follow:
    "(?:sui[st]|suivez|execute|fai[st]|obei)[a-z]{0,3}\\b…(?:ce que|ce qui|cette|l'instruction|la consigne|le texte|la phrase|dit)",
};
