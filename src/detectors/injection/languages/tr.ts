import type { Language } from './language.ts';

const RULES =
  '(?:talimat|komut|yonerge|kural|emir|emr|kisitlama|direktif|prompt|ilke|yonlendirme|istem)[a-z]{0,12}';
const DROP =
  '(?:yok say|unut(?:un|unuz|abilirsin)?\\b|gormezden gel(?:in|iniz|ebilirsin)?\\b|dikkate alma|goz ardi et|goz ardi|bir kenara (?:birak|koy|at)|uyma(?:yi)? ?(?:birak|yin|yiniz|\\b)|uymayi birak|takip etme|onemseme|aldirma|bosver|bos ver|hice say|birak\\b|cope at|uymaktan vazgec|uymak zorunda degil|uymakla yukumlu degil|uymana gerek|uymaniza gerek|dinleme\\b)';
const MINE =
  '(?:once(?:ki|den)?|basta|en bas|yukaridaki|yukarida|simdiye|su ana|daha once|sistem|sana (?:verilen|soylenen|verdik)|size (?:verilen|soylenen)|verilen|aldig|ilk\\b|baslangic|eski|bugune|tum (?:kural|yonerge|kisitlama)|(?:istem|(?<=^|[,:] |senin |tum |butun |kendi |artik |lutfen |ve )(?:kural|yonerge|talimat|ilke|kisitlama|emir|komut)[a-z]{0,3}(?:lar|ler))(?:in|ini|ina|ine|inizi|iniza|nize|larini|lerini|larina|lerine)\\b)';
const LIMITS = '(?:kisitlama|sinirlama|sinir|yasa[kg]|filtre|sansur|tabu|engel|kural|limit)[a-z]{0,8}';
const THIS =
  '(?:bunu|bundan|bunun|bu (?:talimat|mesaj|islem|konu|komut)[a-z]{0,6}|hic ?bir sey|ne yaptig[a-z]{1,4}|yaptigin[a-z]{0,3}|talimat[a-z]{0,6})\\b';
const USER = 'kullanici[a-z]{0,8}';

/** Turkish. */
export const tr: Language = {
  common:
    've|bir|bu|bunu|bundan|sen|senin|sana|bana|beni|tum|butun|hic|icin|ile|her|artik|daha|de|da|ne|sistem|onceki|simdi|kurallarini|[a-z]{3,14}(?:lar|ler)[a-z]{0,6}|[a-z]{3,14}(?:ini|unu|sini)',
  measures:
    'uzunluk|uzunlug|boyut|sayisi|kelime sinir|karakter|butce|plan|abonelik|tarife|kota|depolama|yukle|dosya|disk|fiyat|maliyet|katalog|bicim|format|guvenlik duvari|boyunca|alana\\b|alanin',
  override: {
    anchors:
      'talimat|komut|yönerge|kural|emir|kısıtlama|direktif|prompt|ilkeler|söylenen her|söylediği her|öğretilen her|her şeyi',
    phrases: [
      [`${RULES}…${DROP}`, MINE],
      [
        'her seyi',
        DROP,
        '(?:soylenen|ogretilen|verilen|anlatilan|emredilen|soyledikleri|ogrendigin)',
        'simdiye|once|bugune|su ana|daha|yukarida',
      ],
      [
        '(?:kural|yonerge|ilke|talimat)[a-z]{0,12}(?:in|iniz|n)[a-z]{0,3}\\b',
        'gecerli degil|gecersiz|yururlukten',
      ],
    ],
    except:
      '(?:talimat|komut|yonerge|kural)(?:lar|ler)?(?:imi|umu|ima|ime)\\b|(?:unutma|gormezden gelme|yok sayma|goz ardi etme|unutmayin)(?:yin|yiniz)?\\b',
  },
  extraction: {
    anchors: 'prompt|sistem istem|sistem mesaj|sistem talimat|sistem komut|talimat|yönerge|istemini|istemin',
    phrases: [
      [
        '(?:goster|yazdir|acikla|tekrarla|soyle|paylas|yapistir|kopyala|yaz\\b|yazar|alintila|gonder|nedir|neler|ne\\b|listele|ver\\b|aktar|ifsa|oku\\b|dok\\b)',
        "sistem (?:prompt|istem|mesaj|talimat|komut)[a-z'’]{1,12}|(?:prompt|istem)(?:in|un|ini|unu|inizi|unuzu|'unu|'ini)\\b|(?:baslangic|ilk|gizli|asil|dahili|orijinal|sakli)[a-z]{0,3}…(?:talimat|yonerge|komut|istem)[a-z]{0,14}|sana verilen…(?:talimat|yonerge|komut)[a-z]{0,8}",
        "(?:prompt|istem|mesaj|talimat|komut|yonerge)[a-z'’]{0,6}(?:in|un|n)[iuia]\\b|(?:prompt|istem|talimat|yonerge)[a-z'’]{0,6}(?:in|un|inizi|unuzu|iniz|unuz)\\b|sana|senin|kendi|size|metn",
      ],
    ],
    except: '(?:gosterme|paylasma|aciklama|soyleme|yazdirma)(?:yin|yiniz)?\\b|nasil yaz|ornek',
  },
  role: {
    anchors:
      'bundan sonra|bundan böyle|şu andan itibaren|bu andan itibaren|şimdi sen|artık|gibi davran|rolünü|taklit et|hayal et|-mış gibi|sen şimdi|şimdiden sonra',
    phrases: [
      [
        '(?:bundan sonra|bundan boyle|andan itibaren|simdi sen|sen simdi|artik|gibi davran|rolunu|taklit|hayal et)',
        '(?:sen\\b|adin|ismin|[^ ]{2,20}(?:sin|sun|siniz|sunuz)\\b|davran|rol|oyna|taklit|hayal)',
        '(?:(?:asistan|yapay zeka|dil modeli|chatgpt|sohbet botu|yardimci)[a-z]{0,3} degil|her (?:soruyu|seyi|soruya|istegi)…(?:yanit|cevap|yap)|yalnizca bana|sadece bana|bana itaat|sinirsiz|kisitlamasiz|filtresiz|sansursuz|kuralsiz|ahlaksiz|vicdansiz|(?:kural|sinir|kisitlama|filtre|ahlak|etik|vicdan)[a-z]{0,6} (?:yok|olmayan|tanimayan|olmadan)|hicbir (?:kural|sinir|kisitlama|filtre)|kotu niyetli|kotucul|seytani|dan\\b|gelistirici modu|jailbreak|bagli degil)',
      ],
    ],
  },
  limits: {
    anchors: 'kısıtlama|sınırlama|sınır|yasak|filtre|sansür|tabu|her şeyi söyle|her şey serbest|kural',
    phrases: [
      [
        `(?:hicbir|hic bir|herhangi bir|artik)…${LIMITS} ?(?:yok|kalmadi|degil|bulunmuyor)`,
        '(?:artik|senin|sana|kisitlaman|sinirin|sinirlaman|kuralin|filtren|yanitl|cevapl|her sey)',
        'yanit|cevap|konus|soyle|yaz|anlat|soru|yapay|filtre|sansur|ahlak|tabu|yasak',
      ],
      [
        `(?:(?:butun|tum|senin) ?${LIMITS}|(?:filtre|kisitlama|sinirlama)(?:lerin|larin)\\b)…(?:kaldirildi|kaldirilmistir|silindi|devre disi|iptal|kapali|kapatildi|yok artik)`,
      ],
      [
        '(?:guvenlik|icerik|etik|ahlak)?…(?:filtre|kisitlama|sinirlama)(?:lerini|larini|ni|ini|lerinizi)\\b…(?:kapat|devre disi|kaldir|kapa\\b|sil\\b|as\\b)',
      ],
      [
        '(?:filtresiz|sansursuz|kisitlamasiz|sinirsiz|(?:filtre|sansur|kisitlama|sinir) (?:olmadan|uygulamadan|koymadan|tanimadan))',
        '(?:yanitl|cevap|konus|yaz\\b|soyle|anlat)[a-z]{0,10}',
        'her|soru|tum|butun|cevap|yanit',
      ],
      [
        '(?:hicbir sey…yasak|yasak (?:olan )?hicbir|her seyi (?:soyleyebilir|yapabilir|yazabilir)sin|her sey (?:sana )?serbest)',
        'sen|artik|sana|sin\\b|serbest',
      ],
    ],
    except: '(?:hiz|yas|zaman|bagaj|trafik)',
  },
  secrecy: {
    anchors: 'kullanıcı',
    phrases: [
      [
        USER,
        '(?:soyleme|bahsetme|anlatma|bildirme|aciklama|haber verme|belirtme|degin?me|bilgi verme|sezdirme|uyarma|fark ettirme|hissettirme)(?:yin|yiniz|den)?\\b',
        THIS,
      ],
      [
        USER,
        '(?:haberi olma|bilmeme|ogrenme|fark etme|anlama|duyma|bilme|sezme|farkina varma|habersiz)[a-z]{0,8}\\b',
        '(?:mali|meli|sin\\b|den\\b|memeli|mamali|kesinlikle|asla|sakin|izin)|[a-z]{1,12}(?:m[ae]m[ae]li|m[ae]li|m[ae]sin|m[ae]den)\\b',
        THIS,
      ],
    ],
    except: '(?:sifre|parola|kadar|eger|olup olma|once)\\b',
  },
  stealth: {
    anchors: 'kullanıcı',
    phrases: [
      [
        `${USER}…(?:sakla|gizle|gizli tut|gizlice)|${USER} (?:haber vermeden|sormadan|soylemeden|bildirmeden|fark etmeden)`,
      ],
    ],
  },
  warnings: {
    anchors: 'uyarı|ahlak|sorumluluk reddi|vaaz|nasihat|feragat|reddetme',
    phrases: [
      [
        '(?:yapmadan|olmadan|ekleme|koyma|verme|yapma|atla|gec\\b|cikar|gerek yok|kullanma|siz\\b|birak|eklemeden|vermeden|koymadan)',
        '(?:uyari|ahlak|sorumluluk reddi|vaaz|nasihat|feragat)[a-z]{0,10}',
        '(?:cevap|yanit|ver(?:in|iniz)?\\b|ekleme|verme|koyma|atla|yapma|cevapla|yanitla|birak)[a-z]{0,6}',
        'ahlak|vaaz|nasihat',
      ],
      ['(?:asla |hicbir )?…(?:reddetme|geri cevirme)(?:yin)?\\b', 'soru|istek|istegi|yanit|cevap|hicbir'],
    ],
    except: 'derle|tarif|ilac|prospektus|linter',
  },
  about: 'saldiri|ornek|cevir|anlam|ne demek|cumle|ifade|filtre|tespit|enjeksiyon',
  follow: '(?:uygula|yerine getir|yap\\b|uy\\b|soyleneni|yazani|denileni)',
};
