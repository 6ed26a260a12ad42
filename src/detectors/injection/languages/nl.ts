import type { Language } from './language.ts';

const RULES =
  '[a-z-]{0,20}(?:instructie|aanwijzing|regel|opdracht|richtlijn|bevel|prompt|beperking|voorschrift|order)[a-z]{0,3}\\b';
const DROP =
  '(?:negeer|negeren\\b|negeert\\b|vergeet|vergeten\\b|sla\\b…over|lap\\b…laars|zet\\b…(?:opzij|overboord|uit je)|schuif\\b…opzij|leg\\b…naast|gooi\\b…(?:overboord|weg)|laat\\b…(?:varen|links liggen|achterwege|los)|opzij\\b|verwerp|trek je niets aan)';
const MINE =
  '(?:je|jouw|uw)\\b|vorige|voorgaande|eerder|bovenstaande|voorafga|oorspronkelijke|vooraf|(?:voor|voorafgaand aan) dit|in het begin|aan het begin|tot (?:nu|nog|dusver)|hierboven|hiervoor|daarvoor|(?:gekregen|gegeven|ontvangen|meegekregen)|systeem';
const KEEP = '(?:volg|houd|hou|gehoorzaam|respecteer|hanteer|neem)[a-z]{0,3}\\b';
const NOT = '(?:niet(?: meer| langer)?|geen|nooit(?: meer)?|niet langer)\\b';
const LIMITS =
  '(?:beperking|restrictie|grens|grenzen|verbod|verboden|filter|censuur|taboe|limiet|regel|barriere)[a-z]{0,2}\\b';
const THIS =
  '(?:hiervan|hierover|ervan|erover|daarover|daarvan|er (?:niets|niet|geen woord)\\b|hier…achter|over dit|deze (?:instructie|opdracht|actie|boodschap)|wat je|dat je|instructie)';
const USER = '(?:eind)?gebruikers?\\b';

/** Dutch. */
export const nl: Language = {
  common:
    'de|het|een|en|niet|niets|je|jij|jou|jouw|uw|van|die|dat|zonder|geen|alle|alles|mij|bent|ben|is|wat|nu|meer|aan',
  measures:
    'lengte|omvang|grootte|aantal|woorden|woordlimiet|tekens|budget|abonnement|tarief|quota|opslag|uploaden|bestand|schijf|prijs|kosten|catalogus|formaat|firewall|dagen|veld|invoerveld',
  override: {
    anchors:
      'instructie|aanwijzing|regel|opdracht|richtlijn|bevel|prompt|beperking|voorschrift|orders|alles wat',
    phrases: [
      [`${DROP}…${RULES}|${RULES}…${DROP}`, MINE],
      [
        `${KEEP}…${NOT}…${RULES}|${KEEP}…${RULES}…${NOT}`,
        '(?:je|jouw|uw)\\b…(?:instruct|aanwijz|regel|opdracht|richtlijn|bevel|beperk|voorschr|systeem|eigen)|vorige|eerdere|bovenstaande',
      ],
      [
        `(?:je|jouw|uw) (?:[a-z]{1,12} )?${RULES}`,
        `(?:hoeft?|moet|hoef)…${NOT}…(?:volgen|houden|gehoorzamen)|(?:gelden|gelden voor)…${NOT}|ongeldig|vervallen`,
      ],
      [
        'alles wat…(?:je|jou|u)\\b',
        DROP,
        '(?:gezegd|opgedragen|geleerd|verteld|bevolen|meegegeven|gekregen|gevraagd)',
        'tot|eerder|hiervoor|hierboven|is\\b|werd|vooraf',
      ],
    ],
    except:
      '(?:negeer|vergeet) (?:[a-z]{1,10} ){0,2}mijn |(?:vergeet|negeer)\\b…\\b(?:niet|nooit)(?:$|,| (?:die|dat|wat|om|te)\\b)|(?:vergeet|negeer) (?:niet|nooit)',
  },
  extraction: {
    anchors: 'prompt|systeembericht|systeeminstructie|instructies|aanwijzingen|richtlijnen',
    phrases: [
      [
        '(?:toon|laat|onthul|herhaal|geef|print|plak|kopieer|schrijf|citeer|stuur|deel|wat (?:is|zijn|staat)|hoe luid|welke|vertel|noem|druk|verklap|openbaar|zeg|lijst|lees)',
        "(?:je|jouw|uw) (?:[a-z'-]{1,15} ){0,3}(?:systeem-? ?prompt|system prompt|systeembericht|systeeminstructie|prompt\\b|begininstructie|startinstructie|startprompt|basisinstructie|beginprompt)|(?:je|jouw|uw) (?:[a-z]{1,15} ){0,2}(?:oorspronkelijke|verborgen|geheime|interne|initiele|eerste|exacte|volledige|letterlijke|eigen) (?:[a-z]{1,15} )?(?:instructies|aanwijzingen|richtlijnen)|(?:instructies|aanwijzingen|richtlijnen) die (?:je|jij|u) (?:[a-z]{1,12} ){0,3}(?:hebt|kreeg|heb|heeft|gekregen)",
      ],
    ],
    except:
      '(?:instructies|aanwijzingen)(?: [a-z]{1,12})? voor (?!jou|dit|deze|het (?:model|systeem))|(?:toon|onthul|deel|geef|laat)\\b…nooit',
  },
  role: {
    anchors:
      'vanaf nu|nu af aan|voortaan|vanaf dit moment|je bent nu|bent nu|niet langer|geen assistent|doe alsof|gedraag je|stel je voor|speel de rol|handel als|je heet|u bent nu',
    phrases: [
      [
        '(?:(?:je|jij|u) (?:bent|heet|speelt)|(?:ben|bent|heet) (?:je|jij|u)|je naam|doe alsof|gedraag je|stel je voor|speel de rol|handel als|antwoord je|wees\\b)',
        '(?:nu\\b|voortaan|dit moment|niet langer|geen…meer|alsof|gedraag|stel|speel|handel)',
        '(?:geen (?:assistent|ai|taalmodel|chatbot)|niet (?:langer|meer) (?:een|de|chatgpt|claude|gebonden)|(?:elke|iedere|alle) (?:vraag|vragen|verzoek)[a-z]{0,3}…(?:beantwoord)?|alles (?:beantwoord|mag|kan|zegt|doet)|(?:alleen|uitsluitend|enkel) (?:naar )?(?:mij|me)\\b|(?:mij|me) gehoorza|zonder (?:enige |ook maar een )?(?:beperking|filter|regel|grens|grenzen|moraal|scrupules|geweten|ethiek|censuur|taboe)|geen (?:enkele )?(?:regel|beperking|filter|grens|grenzen|moraal|geweten|ethiek)|ongecensureerd|onbeperkt|ongefilterd|kwaadaardig|slechte ai|immoreel|amoreel|gewetenloos|dan\\b|ontwikkelaarsmodus|jailbreak)',
      ],
    ],
  },
  limits: {
    anchors:
      'beperking|restrictie|grenzen|verbod|filter|censuur|taboe|limiet|alles mag|je mag alles|ongecensureerd|regels',
    phrases: [
      [
        `(?:je|jij|jou|u)\\b…(?:geen|niets|zonder|niet)…${LIMITS}`,
        'meer\\b|alles\\b|voortaan|nu\\b|antwoord|enkele|nog\\b',
        'je regels|antwoord|beantwoord|praat|zeg|spreek|schrijf|vraag|vragen|ai\\b|filter|censuur|mora|taboe|verbod|verboden',
      ],
      [
        `(?:je|jouw|al je|al jouw|alle) (?:[a-z]{1,14} )?[a-z]{0,14}${LIMITS}…(?:opgeheven|verwijderd|uitgeschakeld|weggehaald|vervallen|afgeschaft)`,
        'je\\b|jouw|jou\\b',
      ],
      [
        `(?:schakel|verwijder|omzeil|zet|hef)\\b…(?:je|jouw)…(?:veiligheids|inhouds)?(?:filter|beveiliging|${LIMITS})`,
        'uit\\b|op\\b|verwijder|omzeil|af\\b',
      ],
      [
        '(?:antwoord|beantwoord|praat|schrijf|zeg|vertel|spreek)[a-z]{0,2}\\b…(?:zonder (?:enige |ook maar een )?(?:filter|censuur|beperking|grens|grenzen|taboe|limiet|restrictie)[a-z]{0,2}|ongecensureerd|ongefilterd)',
      ],
      [
        'je mag (?:werkelijk |nu |vanaf nu |gewoon )?(?:alles|elk)[a-z ,]{0,25}(?:zeggen|doen|beantwoorden|schrijven|genereren)|niets is (?:voor jou |je )?(?:nog |meer )?verboden|alles is (?:je |voor jou )?toegestaan',
      ],
    ],
  },
  secrecy: {
    anchors: 'gebruiker',
    phrases: [
      [
        '(?:vertel|zeg|noem|meld|onthul|informeer|laat|deel|bericht|verklap|waarschuw|vermeld|leg)[a-z]{0,2}\\b',
        `(?:${USER})`,
        '(?:niet|niets|nooit|geen woord|geen)\\b',
        THIS,
      ],
      [
        `(?:${USER})…(?:mag|mogen|hoeft|moet|zal)…(?:niet|niets|nooit|geen)|(?:mag|zorg)…(?:${USER})…(?:niet|niets|nooit)|zorg…(?:${USER})`,
        '(?:weten|weet|merkt?|merken|achter kom|achterkom|achter (?:te )?komen|ontdek|horen|doorheb)',
        `(?:${USER})`,
        THIS,
      ],
    ],
    except: `${USER},? (?:dat|om)\\b|${USER}[^.]{0,80} (?:tot(?:dat)?|voordat|zolang|als|wanneer)\\b`,
  },
  stealth: {
    anchors: 'gebruiker',
    phrases: [
      [
        `(?:zonder (?:dat )?(?:de )?(?:medeweten van de |het )?…(?:${USER})…(?:merkt|weet|te vertellen|te informeren|door)|buiten medeweten van…(?:${USER})|(?:verberg|verzwijg|houd)\\b…(?:${USER})…(?:verborgen|geheim|voor)?)`,
        'zonder|medeweten|verberg|verzwijg|geheim|verborgen',
      ],
    ],
  },
  warnings: {
    anchors: 'waarschuwing|disclaimer|moral|moreel|morele|zedenpreek|preek|voorbehoud|vermaning|weiger',
    phrases: [
      [
        '(?:zonder|geen|laat|bespaar|niet|nooit|achterwege|sla)',
        '(?:waarschuwing|disclaimer|moral|morele|moreel|zedenpreek|zedenpreken|preek|preken|voorbehoud|vermaning)[a-z]{0,6}',
        '(?:antwoord|beantwoord|zeg|geef|voeg|laat|bespaar|kom|neem|sla|doe)[a-z]{0,2}\\b',
        'mor[ae]|zeden|preek|preken|vermaning',
      ],
      ['weiger (?:nooit|niet|geen)', 'antwoord|vraag|verzoek|niets|iets'],
    ],
    except: 'compil|recept|build|linter',
  },
  about: 'aanval|voorbeeld|vertaal|vertaling|betekent|zin\\b|filter|detecteer',
  follow: '(?:volg|doe|voer|gehoorzaam)\\b…(?:wat|dit|deze|de instructie|de tekst|de zin|uit\\b|staat)',
};
