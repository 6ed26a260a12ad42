import type { Language } from './language.ts';

const RULES =
  '(?:instrukcj|polece|zasad|regul|wytyczn|rozkaz|ogranicze|dyrektyw|nakaz|prompt|komend|zalece)[a-z]{0,4}';
const DROP =
  '(?:zignoruj|ignoruj|zignorowac|zapomnij|zapomniec|zapomnijcie|pomin\\b|pomincie|pominac|nie (?:stosuj|przestrzegaj|kieruj|wykonuj|sluchaj|zwracaj|trzymaj)|odrzu[ct]|(?:odloz|odstaw|zostaw)[a-z]{0,3}\\b…(?:na bok|w spokoju)|przestan (?:przestrzegac|stosowac|sluchac|kierowac|trzymac|wykonywac)|wyrzuc|lekcewaz|zlekcewaz|porzuc|nie bierz pod uwage)';
const MINE =
  '(?:swoi|twoi|swoj|twoj)[a-z]{0,4}\\b|poprzedni|wczesniej|powyzsz|dotychczas|dotad|pierwotn|oryginaln|systemow|przedtem|sprzed |poprzedza|przed ta|przed tym|na poczatku|uprzedni|do tej pory|otrzymal|dostal|ktore ci|jakie ci|poczatkow';
const LIMITS = '(?:ogranicze|limit|filtr|zakaz|cenzur|tabu|barier|restrykcj|zasad|granic)[a-z]{0,4}';
const THIS =
  '(?:mow|powiedz|wspominaj|zdradzaj)[a-z]{0,3} (?:[a-z]{1,15} )?nic\\b|o (?:tym|tej)\\b|(?:tej|te|ta) (?:instrukcj|wiadomosc)|co (?:robisz|zrobiles)|ze to zrobil|instrukcj';
const USER = '(?:uzytkowni[kc]|uzytkownicz)[a-z]{0,4}';

/** Polish. */
export const pl: Language = {
  common:
    'nie|sie|ci|ty|i|na|o|do|od|z|za|bez|co|jak|jest|jestes|mi|mnie|wszystki[a-z]{1,3}|wszystko|swo[a-z]{1,4}|two[a-z]{1,4}|te|tym|teraz|juz|prosze|zadnych|ktor[a-z]{1,3}',
  measures:
    'dlugosc|rozmiar|liczb|znakow|budzet|plan\\b|planu\\b|abonament|taryf|przestrzen|plik|dysk|koszt|katalog|format|firewall|zapor|dni\\b|pole|polu',
  override: {
    anchors:
      'instrukcj|polece|zasad|reguł|wytyczn|rozkaz|ogranicze|dyrektyw|nakaz|prompt|komend|wszystko, co|wszystkim, co|wszystko co|wszystkim co',
    phrases: [
      [`${DROP}…${RULES}|${RULES}…${DROP}`, MINE],
      [
        `(?:swoi|twoi|swoj|twoj)[a-z]{0,3} (?:[a-z]{1,12} )?${RULES}`,
        'nie (?:musisz|trzeba|obowiazuj|sa wazn)|juz nie obowiaz|przestaly obowiaz|niewazn',
      ],
      [
        'wszystk[a-z]{1,3},? co',
        DROP,
        '(?:ci|tobie|cie|ciebie)\\b',
        '(?:kazan|powiedzian|mowion|nauczon|polecon|nakazan|przekazan|powiedzieli|kazali|wiesz)',
        'dotad|wczesniej|do tej pory|dotychczas|przedtem|powyzej|teraz',
      ],
    ],
    except:
      '(?:zignoruj|ignoruj|zapomnij|pomin) (?:[a-z]{1,10} ){0,2}mo(?:ich|je|ja|jej) |nie (?:zapominaj|ignoruj|pomijaj|lekcewaz)',
  },
  extraction: {
    anchors: 'prompt|komunikat systemowy|instrukcje|instrukcji|wytyczne|wytycznych|polecenia',
    phrases: [
      [
        '(?:pokaz|ujawni|wyswietl|powtorz|wypisz|poda[jc]|zdradz|wkle[ij]|skopiuj|przepisz|napisz|zacytuj|wyslij|udostepni|jak(?:i|ie|a) (?:jest|sa|brzm|masz)|jak brzmi|co (?:jest|zawiera|mowi)|wymien|daj|przytocz|opublikuj)',
        '(?:swoj|twoj)[a-z]{0,3} (?:[a-z]{1,15} ){0,3}(?:prompt|komunikat)(?:[a-z]{0,2} systemow[a-z]{1,3})?|(?:swoi|twoi|swoj|twoj)[a-z]{0,3} (?:[a-z]{1,15} ){0,2}(?:poczatkow|ukryt|tajn|pierwotn|systemow|wewnetrzn|oryginaln|pierwsz|dokladn|pełn)[a-z]{1,4} (?:instrukcj|wytyczn|polecen)|(?:instrukcj|polecen|wytyczn)[a-z]{1,3} systemow|(?:instrukcj|polecen|wytyczn)[a-z]{0,3},? (?:ktore|jakie) (?:dostal|otrzymal|ci\\b)',
      ],
    ],
    except:
      '(?:instrukcj|wytyczn)[a-z]{1,3}(?: [a-z]{1,15})? (?:montaz|do (?!ciebie))|nie (?:pokazuj|ujawniaj|zdradzaj|podawaj|udostepniaj)|nigdy nie',
  },
  role: {
    anchors:
      'od teraz|od tej chwili|od tej pory|od dziś|odtąd|jesteś teraz|teraz jesteś|nie jesteś już|już nie jesteś|udawaj|zachowuj się|wyobraź sobie|wciel się|graj rolę|nazywasz się',
    phrases: [
      [
        '(?:jestes|nazywasz|twoje imie|bedziesz|udawaj|zachowuj|wyobraz|wciel|graj|masz na imie|odpowiadasz)',
        '(?:teraz|tej chwili|tej pory|dzis|odtad|nie jestes juz|juz nie|udawaj|zachowuj|wyobraz|wciel|graj)',
        '(?:nie jestes juz|juz nie jestes|(?:odpowiada|odpowie|odpowiadajac[a-z])\\b na (?:kazd|wszystk|dowoln)|(?:tylko|wylacznie|jedynie) (?:mnie|mi|mojych|moich)|slucha[a-z]{0,2} (?:tylko|wylacznie) mnie|mnie (?:slucha|poslusz)|bez (?:zadnych |jakichkolwiek |zadnej )?(?:ogranicze|limit|filtr|zasad|regul|cenzur|moral|skrupul|sumieni|etyk|granic)|(?:zadnych|ani) (?:zasad|ogranicze|regul|filtr|moral|granic)|nie ma(?:sz)? (?:zadnych )?(?:zasad|ogranicze|regul|filtr|moral|granic)|zl[aey] (?:ai|sztuczn|asystent|bot)|zlosliw|niemoraln|amoraln|niecenzurowan|nieograniczon|dan\\b|tryb(?:ie)? (?:deweloper|programist)|jailbreak)',
      ],
    ],
  },
  limits: {
    anchors:
      'ogranicze|limit|filtr|zakaz|zabronion|cenzur|tabu|barier|restrykcj|wszystko ci wolno|wolno ci|możesz wszystko|zasad|granic',
    phrases: [
      [
        `nie (?:masz|ma|istniej|obowiazuj|podlegasz)…(?:zadn|juz|wiecej)…${LIMITS}`,
        'juz\\b|odpowiad|wszystko|teraz|dla ciebie|cie\\b',
        'odpowi|mow|pis|napis|powied|pyta|ai\\b|filtr|cenzur|moral|tabu|zakaz|zabron',
      ],
      [
        `(?:twoje|wszystkie twoje|swoje|twoich) (?:[a-z]{1,12} )?${LIMITS}…(?:zniesion|usuniet|wylaczon|zdjet|anulowan|uchylon)`,
      ],
      [
        `(?:wylacz|usun|omin|zdejmij|dezaktywuj|obejdz|pozbadz)[a-z]{0,3}\\b…(?:swo|two)[a-z]{1,4}…(?:filtr|zabezpiecz|${LIMITS})`,
      ],
      [
        '(?:odpowiada|odpowiedz|mow|pisz|napisz|generuj)[a-z]{0,3}\\b…bez (?:zadnych |jakichkolwiek |zadnej |jakiejkolwiek )?(?:ogranicze|filtr|cenzur|limit|tabu|restrykcj)',
      ],
      [
        '(?:nic (?:nie )?(?:jest|ci)…(?:zabronione|zakazane)|wszystko (?:ci wolno|jest (?:ci )?dozwolone)|mozesz (?:teraz |juz )?(?:mowic|robic|napisac|powiedziec|generowac|odpowiadac na) (?:absolutnie )?wszystko)',
      ],
    ],
  },
  secrecy: {
    anchors: 'użytkowni',
    phrases: [
      [
        '(?:nie|nigdy)\\b…(?:mow|powiedz|wspominaj|informuj|zdradzaj|ujawniaj|powiadamiaj|wyjasniaj|opowiadaj|przekazuj|pozwol|daj|uprzedzaj)',
        `(?:${USER})`,
        THIS,
      ],
      [
        `(?:${USER})…nie (?:moze|powinien|powinna|musi|ma)|(?:${USER})…(?:w zadnym|nigdy)…nie|niech…(?:${USER})…nie|(?:zadbaj|upewnij|dopilnuj)…(?:${USER})`,
        '(?:dowie|wiedzia|zauwaz|zorient|odkry|pozna|domysl)',
        THIS,
      ],
    ],
    except: `(?:${USER})[^.]{0,80}[ ,](?:dopoki|zanim|dopiero|jesli|jezeli|gdy|az|czy|przed|do czasu|mailem|wystarczy)\\b`,
  },
  stealth: {
    anchors: 'użytkowni',
    phrases: [
      [
        `(?:bez (?:wiedzy|informowania|powiadamiania|pytania)…(?:${USER})|(?:ukryj|zatai|zataj|ukrywaj)[a-z]{0,2}\\b…(?:${USER})|tak, ?(?:aby|zeby) (?:${USER}) (?:nie|sie))`,
      ],
    ],
  },
  warnings: {
    anchors: 'ostrzeże|zastrzeże|moral|kazań|kazania|pouczeń|pouczania|disclaimer|odmawiaj',
    phrases: [
      [
        '(?:bez|zadnych|daruj|pomin|nie\\b|unikaj|zrezygnuj|oszczedz|ani\\b)',
        '(?:ostrzeze|zastrzeze|moral|kazan|poucz|disclaimer)[a-z]{0,6}',
        '(?:odpowiada|odpowiedz|mow|podaj|daruj|pomin|dodawaj|unikaj|oszczedz|praw|umieszcz|zrezygnuj)[a-z]{0,5}',
        'moral|kazan|poucz',
      ],
      ['(?:nigdy nie|nie) odmawiaj', 'odpowied|pytan|prosb|niczego'],
    ],
    except: 'kompil|przepis|linter',
  },
  about: 'atak|przyklad|przetlumacz|tlumacz|znaczy|zdanie|fraz|filtr|wykry',
  follow:
    '(?:wykonaj|zrob|zastosuj|posluchaj)[a-z]{0,3}\\b…(?:to\\b|co\\b|te\\b|instrukcj|tekst|zdani|polecen)',
};
