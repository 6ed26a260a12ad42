import type { Language } from './language.ts';

const RULES =
  '(?:istruzion|indicazion|direttiv|regol|comand|ordin[ei]|restrizion|consegn|prompt|norm[ae]|disposizion)[a-z]{0,2}\\b|linee guida';
const DROP =
  '(?:ignora(?:re|te)?\\b|ignori\\b|dimentica(?:re|te|ti)?\\b|dimentichi\\b|si dimentichi|trascur[ai](?:re|te)?\\b|(?:non )?(?:seguire|considerare|rispettare|obbedire|osservare)\\b|non (?:tener|tenga|tenere|tieni)[a-z]{0,2} (?:piu )?(?:conto|in)|(?:metti|metta|mettere|mettete|lascia|lasci|lasciare)\\b…(?:da parte|perdere)|scart[ai]\\b|tralasci|disobbedisc|smett(?:i|a|ere) di (?:seguire|rispettare|obbedire)|butta\\b|abbandona\\b|non (?:seguire|rispettare|obbedire|seguirle))';
const MINE =
  '(?:tu[oae]|tuoi|su[oae]|suoi|vostr[eia])\\b|preced(?:ent|on)|in precedenza|sopra\\b|inizial|original|prima\\b|all.inizio|finora|fino (?:ad ora|a questo|adesso|a ora)|(?:che|ti|le|vi) (?:hai|ha|sono stat|e stat|hanno)|ricevut|di sistema|date\\b';
const LIMITS =
  '(?:restrizion|limit|limitazion|filtr|diviet|proibizion|censur|tabu|vincol|barrier|regol)[a-z]{0,2}\\b';
const THIS =
  '(?:dire|dica|raccontare|menzionare|rivelare) (?:nulla|niente)|questo\\b|questa (?:istruzione|indicazione|azione)|(?:quello|cio) che (?:fai|hai|stai)|cio\\b|che (?:hai|e successo)|dirlo|istruzion';
const USER = 'utent[ei]\\b';

/** Italian. */
export const it: Language = {
  common:
    'il|lo|la|gli|le|di|del|della|e|non|ti|tu|tuo|tua|tue|tuoi|che|un|una|sei|senza|nessuna?|tutto|tutte|tutti|mi|ora|alcuna?|dell|all',
  measures:
    'lunghezza|dimension|grandezza|numero|parole|caratteri|budget|piano|abbonament|tariff|quota|archiviazion|caricare|file\\b|disco|prezz|spes[ae]\\b|catalogo|formato|firewall|durata|giorni|campo|casella',
  override: {
    anchors:
      'istruzion|indicazion|direttiv|regol|comandi|ordini|ordine|restrizion|consegn|prompt|linee guida|norme|disposizioni|tutto ciò che|tutto quello che|quanto ti',
    phrases: [
      [
        `${DROP}…(?:${RULES})|(?:${RULES})…${DROP}`,
        MINE,
        '(?:ignor|dimentic|trascur|non\\b|da parte|scart|tralasc|disobb|smett|butta|abbandon|perdere)',
      ],
      [
        `(?:tue|tuoi|sue|vostre) (?:[a-z]{1,12} )?(?:${RULES})`,
        'non (?:devi|deve|serve|occorre|hai|sei|sono|valgono|si applicano|contano)…(?:piu|bisogno)|decadut',
      ],
      [
        'tutto (?:quello|cio|quanto) che …(?:ti|le|vi)\\b|tutto quanto',
        `${DROP}`,
        '(?:detto|ordinato|insegnato|comandato|chiesto|indicato|spiegato|imposto)',
        'finora|prima|precedenza|sopra|stato|adesso|ora\\b',
      ],
    ],
    except:
      '(?:ignor|dimentic|scart)[a-z]{1,4} (?:[a-z]{1,10} ){0,2}(?:mi[aeo]|miei) |non (?:si |ti )?(?:dimentichi|ignorare|dimenticare|dimenticarti|ignori|trascurare) ',
  },
  extraction: {
    anchors: 'prompt|messaggio di sistema|istruzioni|indicazioni|direttive',
    phrases: [
      [
        '(?:mostra|rivel|stampa|ripet|dimmi|dire|dica|svel|copi|incoll|scriv|cita|invia|condivid|qual[ie]?\\b|cosa (?:dice|contiene|c)|che cosa|trascriv|elenca|forni|dammi|riport|manda|esponi|divulg)',
        '(?:tu[oae]|tuoi|su[oae]|vostr[oe]) (?:[a-z]{1,12} ){0,3}(?:prompt|messaggio)(?: di sistema| del sistema| iniziale| nascosto| segreto| completo| originale)|(?:tuo|suo) (?:system )?prompt\\b|(?:tue|sue) (?:[a-z]{1,12} ){0,2}(?:istruzioni|indicazioni|direttive) (?:di sistema|del sistema|iniziali|di partenza|di base|nascoste|segrete|interne|originali|esatte|complete|precedenti|riservate)|(?:tue|sue) (?:prime|vere) (?:istruzioni|indicazioni)|(?:istruzioni|indicazioni) che (?:hai ricevuto|ti hanno dato|ti sono state)',
      ],
    ],
    except:
      '(?:istruzioni|indicazioni)(?: [a-z]{1,12})? per (?!te\\b|quest|il (?:modello|sistema))|(?:non|mai) (?:mostrare|rivelare|dire|svelare|divulgare)',
  },
  role: {
    anchors:
      'ora sei|ora non|ora in poi|ora in avanti|da questo momento|adesso sei|da adesso|non sei più|non sei piu|fingi|fai finta|comportati|agisci come|immagina di|interpreta|sarai|ti chiami',
    phrases: [
      [
        '(?:(?:non )?sei\\b|sarai|ti chiami|il tuo nome|fingi|fai finta|comportati|agisci|agirai|immagina|interpreta|rispondi|obbedisci)',
        '(?:ora\\b|adesso|questo momento|non sei piu|fingi|finta|comportati|agisci|immagina|interpreta|sarai)',
        '(?:non sei piu (?:un|una|chatgpt|claude|vincolat|tenut)|(?:rispond[a-z]{1,4}) (?:a )?(?:tutt[eoi]|ogni|qualsiasi|qualunque|senza)\\b(?! (?:(?:le|i|mie) )?[a-z]{1,12} (?:d[ei](?! modo)|de[il]|delle|degli|sul?[a-z]{0,2})\\b)|(?:solo|soltanto|unicamente|esclusivamente) (?:a )?(?:me|ai miei)|obbedisc[ei] (?:solo|soltanto)|senza (?:alcun[oa]? |nessun[oa]? )?(?:restrizion|limit|filtr|regol|censur|moral|scrupol|etic|tabu|coscienz)|(?:nessun[oa]?|ne) (?:regol|limit|restrizion|filtr|moral|etic|legg)|non ha (?:regole|limiti|restrizioni|filtri|morale)|malvagi|cattiv[ao] ia|immoral|amoral|dan\\b|modalita sviluppatore|jailbreak|illimitat|liber[oa] da (?:regol|restriz|limit|vincol))',
      ],
    ],
  },
  limits: {
    anchors:
      'restrizion|limiti|limitazion|filtri|filtro|vietat|divieti|proibit|censur|tabù|vincoli|tutto ti è|tutto è permesso|puoi dire tutto|regole',
    phrases: [
      [
        `(?:non (?:hai|ha|ci sono|esistono|sei sogget)…(?:piu|alcun|nessun)?…|sei liber[oa] da…)${LIMITS}`,
        'piu\\b|rispond|tutto\\b|ora\\b|per te|nessun|alcun',
        'rispond|parl|dire|dici|scriv|gener|domand|ia\\b|filtr|censur|moral|tabu|viet|proibi',
      ],
      [
        `(?:tue|tuoi|sue|tutte le tue|tutti i tuoi) (?:[a-z]{1,12} )?${LIMITS}…(?:rimoss|eliminat|annullat|disattivat|tolt|revocat|abolit)`,
      ],
      [
        `(?:disattiva|elimina|rimuovi|aggira|togli|spegni|disabilita)\\b…(?:tu[oae]|tuoi|su[oae]|suoi)…(?:filtr|sicurezza|protezion|${LIMITS})`,
      ],
      [
        '(?:rispond|parl|scriv|di\\b|genera|dimmi)[a-z]{0,3}\\b…(?:senza (?:alcun[oa]? |nessun[oa]? )?(?:filtr|censur|restrizion|limit|tabu|limitazion)[a-z]{0,2})',
      ],
      [
        '(?:(?:nulla|niente)…(?:e|sia) (?:piu )?(?:vietato|proibito)|(?:nulla|niente) (?:piu )?(?:ti |le )?(?:e|sia) (?:piu )?(?:vietato|proibito)|tutto ti e (?:permesso|concesso|consentito)|puoi (?:dire|fare|scrivere|generare|rispondere a) (?:assolutamente )?(?:tutto|qualsiasi cosa))',
      ],
    ],
    except: 'operazion|medic|tariff|aliment|traffico|bagagl|velocita|abbonament',
  },
  secrecy: {
    anchors: 'utente|utenti',
    phrases: [
      [
        '(?:non|mai)\\b…(?:dire|dica|dirlo|dirgli|menzionare|menzioni|raccontare|rivelare|informare|informi|avvisare|parlare|comunicare|spiegare|accennare|far|lasciare|notificare)',
        `(?:${USER})`,
        THIS,
      ],
      [
        `(?:${USER})…non (?:deve|devono|puo|dovra|dovrebbe)|(?:non (?:deve|permettere|lasciare)|evita|assicurati|fa in modo|fai in modo)…(?:${USER})`,
        '(?:sapere|sappia|accorg|notare|noti|scopri|venire a conoscenza|venga a)',
        `(?:${USER})`,
        THIS,
      ],
    ],
    except: `(?:${USER})[^.]{0,80} (?:finche|fino a|prima (?:di|che)|se|quando|durante)\\b`,
  },
  stealth: {
    anchors: 'utente|utenti',
    phrases: [
      [
        `(?:senza (?:che|avvis|dir|inform|far sapere|avvert)[a-z]{0,5}…(?:${USER})|all'insaputa del…(?:${USER})|(?:nascondi|tieni nascosto|cela)(?:lo|la|li)?\\b…(?:${USER}))`,
      ],
    ],
  },
  warnings: {
    anchors:
      'avvertenz|avvertiment|avvisi|disclaimer|moral|prediche|predica|esclusioni di resp|riserve|rifiutar',
    phrases: [
      [
        '(?:senza|ne\\b|non\\b|risparmia|evita|omett|niente|nessun|tralascia)',
        '(?:avvertenz|avvertiment|avvisi|disclaimer|moral|predic|riserve)[a-z]{0,5}',
        "(?:rispond|dimmi|di'|dai|dammi|aggiung|risparmia|evita|omett|inser|includ|far[em]|tralascia|met)[a-z]{0,6}",
        'moral|predic',
      ],
      ['non rifiutar(?:ti|e) (?:mai)?|mai rifiutar', 'rispond|domand|richiest|nulla|niente'],
    ],
    except: 'compil|ricetta|farmac|favola|linter',
  },
  about: 'attacc|esempio|traduc|traduzion|significa|frase|filtro|rileva|vuol dire',
  follow:
    "(?:segui|fai|esegui|obbedisci)\\b…(?:cio che|quello che|quest|l'istruzione|il testo|la frase|dice)",
};
