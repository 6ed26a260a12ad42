import type { Language } from './language.ts';

const RULES =
  '[a-z-]{0,20}(?:anweisung|weisung|instruktion|regel|vorgabe|richtlini|leitlini|befehl|einschraenkung|einschrankung|vorschrift|direktive|prompt|auftrag|auftrage)[a-z]{0,4}';
const DROP =
  '(?:ignorier(?:e|en|t)?\\b|vergiss|vergesst|vergessen\\b|missacht(?:e|en|et)\\b|verw(?:irf|erft|erfen)\\b|uebergeh|ubergeh|wirf\\b|werf(?:en|t)\\b|schmeiss|pfeif|streich|(?:leg|lass|schieb|setz|stell)[a-z]{0,4}\\b…(?:beiseite|ausser acht|hinter dir|links liegen|hinweg|zur seite)|(?:beiseite|ausser acht|links liegen)\\b)';
const MINE =
  '(?:dein(?:e[rnms]?)?\\b|eure[rn]?\\b|sie…ihre[rn]?\\b|vorherig|vorig|bisherig|fruher|frueher|obig|vorangegangen|vorausgegangen|vorausging|vorangehend|vorhergehend|ursprunglich|ursprueng|anfanglich|zuvor\\b|vorher\\b|bisher\\b|bis jetzt|bislang|(?:vor|bis zu) dies|am anfang|anfangs\\b|zu beginn|oben\\b|vom system|des systems|(?:du|dir|ihnen)…(?:bekommen|erhalten|gegeben|erteilt|gesagt|mitgegeben|befolg|gelernt))';
const KEEP = '(?:befolg|beacht|folg|gehorch|respektier|halt|hor|hoer|einhalt|einzuhalt|richt)[a-z]{0,5}';
const NOT = '(?:nicht(?: mehr| langer| laenger| weiter)?|keine[rn]?|nie(?:mals)?(?: wieder)?|nimmer)\\b';
const LIMITS =
  '(?:einschrankung|einschraenkung|beschrankung|beschraenkung|verbot|filter|zensur|tabu|schranke|restriktion|limit|grenze|moral|regel|richtlini)[a-z]{0,3}';
const THIS =
  '(?:davon|daruber|darueber|hiervon|hieruber|hierueber|(?:von|uber|ueber) dies|dies(?:e[rnms]?)? (?:anweisung|nachricht|aktion|schritt)|dies\\b|kein wort|(?:was|dass) du\\b|anweisung)';
const USER = '(?:be)?nutzer(?:in|s|n)?\\b|anwender';

/** German. */
export const de: Language = {
  common:
    'der|das|und|nicht|nichts|du|dir|dich|dein(?:e[rnms]?)?|ihnen|ihre[nrm]?|sie|mir|mich|ist|bist|alle[rsn]?|alles|von|ohne|dem|eine?[rnms]?|keine?[rnms]?|bitte|jetzt|auf|zu|wie|vom',
  measures:
    'lange\\b|langen[a-z]|laenge|wort(?!laut| fur)|worter|woerter|zeichen|umfang|seitenzahl|budget|kosten|tarif|vertrag|abo\\b|speicher|festplatte|upload|hochlad|hochgelad|dateig|katalog|format|firewall|netzwerk|anzahl|zeitlich|zeitlimit|preis|ausgaben|feld|textfeld|eingabefeld',
  override: {
    anchors:
      'anweisung|weisung|instruktion|regel|vorgabe|richtlini|leitlini|befehl|einschränkung|einschraenkung|vorschrift|direktive|prompt|auftrag|alles, was|alles was',
    phrases: [
      [`${DROP}…${RULES}|${RULES}…${DROP}`, MINE],
      [`${KEEP}…${NOT}…${RULES}|${KEEP}…${RULES}…${NOT}`, MINE],
      [`dein[a-z]{0,2}…${RULES}|${RULES}…dein`, `${NOT}…${KEEP}`, '(?:musst|brauchst|sollst|darfst|wirst)'],
      [`dein[a-z]{0,2}…${RULES}`, `(?:gelten|gilt)…${NOT}|ausser kraft|ungultig|ungueltig`],
      [
        'alles,? was…(?:dir|ihnen|euch|du|sie)…(?:gesagt|aufgetragen|befohlen|beigebracht|mitgeteilt|bekommen|erhalten|gelernt|gegeben|vorgegeben|steht|stand)',
        `${DROP}|nicht mehr beacht`,
        'bisher|bis jetzt|vorher|zuvor|bislang|wurde|worden|fruher|frueher|oben|davor|bekommen|erhalten',
      ],
    ],
    except: `(?:vergiss|vergesst|vergessen|ignorier[a-z]{0,2}|missacht[a-z]{0,2}) (?:[a-z]{1,10} ){0,2}mein[a-z]{0,2} |(?:vergiss|vergesst|vergessen|ignorier[a-z]{0,2}|ubergeh[a-z]{0,2}) (?:sie )?(?:bitte )?(?:nicht|nie)\\b|(?:vergiss|vergesst|vergessen|ignorier[a-z]{0,2})\\b…(?:nicht|niemals|nie)(?:$|[ .,]{1,2}$|,)`,
  },
  extraction: {
    anchors: 'prompt|systemnachricht|systemanweisung|anweisung|instruktion|vorgaben',
    phrases: [
      [
        `(?:zeig|verrat|gib|geb|nenn|wiederhol|druck|schick|send|kopier|schreib|liste|offenbar|poste|lies|les|fug|fueg|teil|sag|erzahl|erzaehl|enthull|enthuell|veroffentlich|ausgeben|ausgibst|wiedergeben|zitier|leg|offen|wie (?:lautet|lauten|heisst)|was (?:ist|steht|sind|stand|enthalt)|welche[rns]?)`,
        `(?:dein(?:e[rnms]?)?|eure[rn]?)\\b…(?:system-? ?(?:prompt|nachricht|anweisung|message|instruktion|vorgabe)|(?:initial|start|basis|grund)-?(?:prompt|anweisung|instruktion)|prompt\\b|(?:ursprunglich|urspruenglich|anfanglich|anfaenglich|versteckt|geheim|intern|verborgen|initial|exakt|genau|vollstandig|vollstaendig|erst)[a-z]{0,3} (?:[a-z-]{1,15} ){0,2}(?:anweisung|instruktion|vorgabe|prompt))|system-? ?prompt…(?:preis|aus\\b|an\\b|offen|wort fur wort)|(?:anweisung|instruktion|vorgabe)[a-z]{0,3},? (?:die|mit denen) (?:du|man dir|dir)[^.,]{0,60} (?:bekommen|bekamst|erhalten|erhieltst|gegeben|gab|erteilt|mitgegeben|gesagt|befolg|folgst|arbeitest|gefuttert|wurden?)`,
      ],
    ],
    except:
      '(?:anweisung|instruktion|vorgabe)[a-z]{0,3} (?:zum|zur|fur (?!dich|diese)|fuer (?!dich|diese))|(?:zeig|verrat|gib|nenn)[a-z]{0,3} (?:niemals|nie|nicht)\\b|erfinde|prompt (?:fur|fuer|zu) (?:ein|mein|unser)',
  },
  role: {
    anchors:
      'jetzt|bist nun|nun bist|ab sofort|ab nun|von nun an|von jetzt an|ab diesem moment|in zukunft|künftig|tu so|tue so|stell dir vor|spiele|nicht mehr|nicht länger|verhalte dich|agiere',
    phrases: [
      [
        '(?:du (?:bist|heisst|spielst)|bist du|heisst du|dein name|nennst du|tu(?:e)? so|stell dir vor|verhalte dich|agiere|spiele?\\b…(?:rolle|ki\\b)|benimm dich|antwortest du|sei\\b)',
        '(?:jetzt|ab sofort|nun|diesem moment|in zukunft|kunftig|kuenftig|tu(?:e)? so|stell dir vor|spiele?\\b|verhalte|agiere|benimm|nicht (?:mehr|langer|laenger)|kein[a-z]{0,2}…mehr)',
        `(?:kein[a-z]{0,2} (?:assistent|ki|sprachmodell|chatbot|modell)[a-z]{0,3}|nicht (?:mehr|langer) (?:ein|der|die|chatgpt|claude|gemini)|(?:jede|alle|jegliche)[rns]? (?:frage|anfrage|wunsch)[a-z]{0,3}(?! (?:der|des|zu|zum|zur|uber|ueber|von)\\b)…(?:beantwort|erfull)|beantwortest alles|alles (?:beantwort|darf|kann|sagt|tut|macht)|(?:nur|ausschliesslich|allein|bedingungslos)…(?:mir|meinen|meine)…(?:gehorch|folg|hor|dien)?|mir…gehorch|ohne (?:jede |jegliche |alle )?(?:regel|einschr|filter|moral|grenz|skrupel|zensur|gewissen|ethik|tabu|hemmung)|kein[a-z]{0,2}…(?:regel|einschr|filter|moral|grenz|skrupel|gewissen|ethik|tabu)|unzensiert|uneingeschr|ungefiltert|unbeschr|skrupellos|gewissenlos|bose[rs]? |boese|boshaft|amoralisch|dan\\b|entwicklermodus|jailbreak|(?:an )?(?:regeln|richtlinien)…(?:nicht gebunden|gebunden))`,
      ],
    ],
  },
  limits: {
    anchors:
      'einschränk|einschraenk|beschränk|beschraenk|verbot|filter|zensur|unzensiert|zensier|tabu|schranken|restriktion|limit|grenze|du darfst|alles erlaubt|regeln|richtlinien|moral',
    phrases: [
      [
        `(?:du|dich|dir)\\b…(?:keine?r?(?:lei)?|nichts|ohne)…${LIMITS}`,
        'mehr\\b|alles\\b|ab (?:jetzt|sofort|nun)|jetzt|antwort|sag|keinerlei',
        'antwort|beantwort|sag|sprech|sprich|schreib|rede|erzahl|frag|ki\\b|zensur|[a-z]{0,12}filter|moral|ethi|tabu|verbot|inhalt|themen',
      ],
      [
        `(?:deine|alle|samtliche|saemtliche) (?:[a-z]{1,20} )?(?:sicherheits)?${LIMITS}…(?:aufgehoben|entfernt|deaktiviert|abgeschaltet|ausgeschaltet|abgelegt|weggefallen|hinfallig|hinfaellig)`,
        'dein|dir|dich|du\\b|ki\\b',
      ],
      [
        `(?:schalt|deaktivier|entfern|umgeh|heb|leg|losch|loesch|stell)[a-z]{0,3}\\b…dein[a-z]{0,2}…(?:sicherheit|inhalts|moral|ethik)?[a-z-]{0,12}(?:filter|${LIMITS}|vorkehrung|mechanism|schutz)`,
      ],
      [
        '(?:antwort|beantwort|sag|sprich|sprech|rede|reagier|schreib|erzahl|erzaehl)[a-z]{0,4}\\b',
        `(?:ohne (?:jede |jegliche |alle |irgendwelche |moralische |ethische |inhaltliche )?|frei von )(?:einschrankungen|einschraenkungen|zensur|filter|tabu|beschrankungen|beschraenkungen|grenzen|restriktionen|limits|schranken)|ungefiltert und|unzensiert`,
      ],
      [
        '(?:du darfst|dir ist|fur dich ist|ist dir|fuer dich ist)',
        '(?:(?:wirklich |ab jetzt |jetzt |nun |einfach )?(?:alles|jede[ns]?)[a-z ,]{0,30}(?:sagen|tun|beantworten|erlaubt|schreiben|generieren)|nichts…(?:verboten|untersagt|tabu))',
      ],
    ],
    except: 'operation|arzt|essen|ernahrung|ernaehrung|tarif|vertrag|gepack|alter|tempo|datenvolumen',
  },
  secrecy: {
    anchors: 'nutzer|anwender',
    phrases: [
      [
        `(?:sage?n?|erzahl(?:e|en)?|erzaehl(?:e|en)?|verrate?n?|erwahn(?:e|en)?|erwaehn(?:e|en)?|teilen?|berichten?|informier(?:e|en)?|erklar(?:e|en)?|erklaer(?:e|en)?|melden?|lass|lassen|offenbar(?:e|en)?)\\b`,
        `(?:${USER})`,
        '(?:nicht|nichts|nie|niemals|kein wort|keinesfalls|keine)\\b',
        THIS,
      ],
      [
        `(?:${USER})…(?:darf|soll|durfen|duerfen|braucht|muss|sollen)…(?:nicht|nichts|nie|keine)|(?:darf|soll|durfen)…(?:${USER})…(?:nicht|nichts|nie|unter keinen)|(?:darf|soll)…von…(?:nicht|keinen)`,
        `(?:${USER})`,
        'erfahr|merk|wissen|mitbekomm|bemerk|herausfind|ahnen',
        THIS,
      ],
    ],
    except: `(?:${USER})[^.]{0,80}[ ,](?:bis|bevor|solange|sobald|wenn|falls|sondern|per)\\b`,
  },
  stealth: {
    anchors: 'nutzer|anwender',
    phrases: [
      [
        `ohne(?:,? dass)? (?:es )?(?:de[nmrs]|die)? ?(?:wissen de[rs] )?(?:${USER})`,
        'merk|bemerk|wissen|informier|frag|sagen|mitteil|erfahr|ahnt',
      ],
      [
        `(?:verheimlich|verschweig|verberg|verbirg|versteck|halt)[a-z]{0,3}\\b…(?:vor )?(?:de[mn]|der)? ?(?:${USER})`,
        'verheimlich|verschweig|verberg|verbirg|versteck|geheim',
      ],
    ],
  },
  warnings: {
    anchors:
      'warnung|warnhinweis|hinweis|disclaimer|moral|belehr|haftungsausschl|bedenken|warn mich|warne mich|ablehn|weiger',
    phrases: [
      [
        '(?:ohne|kein[a-z]{0,2}|lass|spar|verzicht|weglass|unterlass|weder|erspar|nicht)',
        '(?:warnung|warnhinweis|sicherheitshinweis|disclaimer|haftungsausschl|moralpredigt|moralische|ethische|belehrung|rechtliche hinweis|bedenken)',
        '(?:antwort|beantwort|sag|gib|erklar|erklaer|fug|fueg|lass|spar|verzicht|erspar|halt|mach)[a-z]{0,4}\\b',
        'moral|ethisch|belehr',
      ],
      [
        '(?:verweiger|lehn|weiger)[a-z]{0,3}\\b',
        '(?:nie|niemals|nicht|keine)\\b',
        '(?:antwort|anfrage|frage|bitte)',
        'du\\b|dich\\b',
      ],
      ['warne? mich (?:vor nichts|nicht)'],
    ],
    except: 'compil|kompil|build|linter|konsole|rezept|ausser|zeile',
  },
  about:
    'angriff|angreif|beispiel|ubersetz|uebersetz|bedeut|erklar|was heisst|heisst (?:der|das|es)|satz|formulierung|filter|erkenn',
  follow:
    '(?:befolg|folg|fuhr|fuehr|tu|mach|gehorch)[a-z]{0,3}\\b…(?:das|was|dies|anweisung|befehl|satz|text|aus\\b|zitat)',
};
