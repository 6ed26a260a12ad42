/** The words of one language for two attacks. */
export type Language = {
  readonly code: string;
  /** Imperatives such as "ignore". */
  readonly drop: string;
  readonly show: string;
  /** Articles and the like. */
  readonly small: string;
  /** "Previous", "above", "your". */
  readonly whose: string;
  readonly rules: string;
  /** "System prompt" and its kin. */
  readonly prompt: string;
  /** Beginnings of `drop` and `show`, lower-case. */
  readonly dropAnchors: readonly string[];
  readonly showAnchors: readonly string[];
};

/** Languages in which the verb comes first. Letters with accents also stand without them, as plain texts have none. */
export const VERB_FIRST: readonly Language[] = [
  {
    code: 'de',
    drop: 'ignoriere?n?(?: sie)?|vergiss|vergessen sie|missachten? ?(?:sie)?|beachten? (?:sie )?nicht|verwirf|[uü]bergehe',
    dropAnchors: [
      'ignorier',
      'vergiss',
      'vergessen sie',
      'missachte',
      'beachte',
      'verwirf',
      'übergehe',
      'ubergehe',
    ],
    show: 'zeige?n?|verrate?n?|gib|nenne?n?|wiederhole?n?|drucke',
    showAnchors: ['zeig', 'verrat', 'gib', 'nenn', 'wiederhol', 'drucke'],
    small:
      'alle|aller|allen|s[aä]mtliche|die|der|den|das|von|deine[nr]?|ihre|mir|uns|sie|bitte|komplett|vollst[aä]ndig|aus|und|oder',
    whose:
      'vorherigen?|vorigen?|bisherigen?|fr[uü]heren?|obigen?|vorangegangenen?|vorangehenden?|urspr[uü]nglichen?|deine|ihre|oben',
    rules:
      '(?:system)?(?:anweisung|instruktion|regel|vorgabe|richtlinie|befehl|prompt|einschr[aä]nkung)(?:en|e|n|s)?',
    prompt:
      'dein(?:en|e)?[\\s,-]{1,3}(?:[a-zäöü]{1,20}[\\s-]{1,3}){0,2}(?:system-?\\s?prompt|systemnachricht|systemanweisung(?:en)?|urspr[uü]nglichen anweisungen|initial-?prompt)',
  },
  {
    code: 'fr',
    drop: "ignore[zr]?|oublie[zr]?|n['’]?e tiens pas compte(?: de)?|ne tenez pas compte(?: de)?|fais abstraction(?: de)?|n[eé]glige[zr]?",
    dropAnchors: ['ignore', 'oublie', 'ne tiens', 'ne tenez', 'fais abstraction', 'néglige', 'neglige'],
    show: 'montre[zr]?(?:-moi)?|affiche[zr]?|r[eé]v[eè]le[zr]?|r[eé]p[eè]te[zr]?|donne[zr]?(?:-moi)?|divulgue[zr]?',
    showAnchors: [
      'montre',
      'affiche',
      'révèle',
      'revele',
      'révéle',
      'répète',
      'repete',
      'répéte',
      'donne',
      'divulgue',
    ],
    small: 'toutes?|tous|les|l|la|le|des|de|du|ces|tes|vos|moi|nous|int[eé]gralement|et|ou',
    whose:
      'pr[eé]c[eé]dente?s?|ant[eé]rieure?s?|ci-dessus|ci|dessus|initiales?|initiaux|d[eé]origine|donn[eé]es|avant|tes|vos',
    rules: '(?:instruction|consigne|directive|r[eè]gle|commande|ordre|restriction)s?',
    prompt:
      '(?:ton|votre|tes|vos)[\\s-]{1,3}(?:[a-zéèê]{1,20}[\\s-]{1,3}){0,2}(?:prompt syst[eè]me|invite syst[eè]me|message syst[eè]me|instructions? (?:syst[eè]me|initiales|cach[eé]es|secr[eè]tes)|prompt initial)',
  },
  {
    code: 'es',
    drop: 'ignora[r]?|ignore|ignoren|olvida(?:te de)?|olv[ií]date de|olvide|haz caso omiso de|haga caso omiso de|descarta|desobedece|no sigas|omite',
    dropAnchors: ['ignor', 'olv', 'haz caso', 'haga caso', 'descarta', 'desobedece', 'no sigas', 'omite'],
    show: 'mu[eé]stra(?:me|nos)?|rev[eé]la(?:me)?|imprime|repite|dime|ens[eé][nñ]a(?:me)?|divulga',
    showAnchors: [
      'muéstra',
      'muestra',
      'revela',
      'revéla',
      'imprime',
      'repite',
      'dime',
      'enséñ',
      'ensen',
      'enseñ',
      'divulga',
    ],
    small: 'todas?|todos?|las?|los?|el|de|tus?|sus?|estas?|que|te|se|han|y|o|cualquier|me',
    whose:
      'anterior(?:es)?|previ[ao]s?|precedentes?|de arriba|arriba|iniciales?|originales?|dado|dieron|tus|del sistema',
    rules:
      '(?:instrucci[oó]n(?:es)?|indicaci[oó]n(?:es)?|[oó]rden(?:es)?|directri(?:z|ces)|reglas?|normas?|directivas?|restricci[oó]n(?:es)?)',
    prompt:
      '(?:tu|tus|su|sus)[\\s-]{1,3}(?:[a-zñáéíóú]{1,20}[\\s-]{1,3}){0,2}(?:prompt del? sistema|mensaje del? sistema|instrucciones (?:del sistema|iniciales|ocultas|secretas)|prompt (?:inicial|oculto|secreto)|indicaciones del sistema)',
  },
  {
    code: 'it',
    drop: 'ignora(?:re|te)?|dimentica(?:re|te|ti)?|trascura|non (?:seguire|considerare)|scarta|tralascia',
    dropAnchors: ['ignora', 'dimentica', 'trascura', 'non seguire', 'non considerare', 'scarta', 'tralascia'],
    show: 'mostra(?:mi|ci)?|rivela(?:mi)?|stampa|ripeti|dimmi|svela(?:mi)?',
    showAnchors: ['mostra', 'rivela', 'stampa', 'ripeti', 'dimmi', 'svela'],
    small:
      'tutte|tutti|tutto|le|gli|i|il|la|di|delle|tue|tuo|tuoi|queste|che|ti|sono|state|e|o|quello|qualsiasi',
    whose: 'precedenti?|precedentemente|sopra|iniziali?|originali?|date|tue|tuoi|di sistema',
    rules: '(?:istruzion[ei]|indicazion[ei]|direttiv[ae]|regol[ae]|comand[io]|ordin[ei]|restrizion[ei])',
    prompt:
      '(?:il tuo|la tua|le tue|i tuoi)[\\s-]{1,3}(?:[a-zàèéìòù]{1,20}[\\s-]{1,3}){0,2}(?:prompt di sistema|messaggio di sistema|istruzioni (?:di sistema|iniziali|nascoste|segrete)|prompt (?:iniziale|nascosto|segreto))',
  },
  {
    code: 'pt',
    drop: 'ignor[ae]r?|esque[cç]a(?: de)?|esquece|desconsider[ae]|desobede[cç]a|n[aã]o siga',
    dropAnchors: ['ignor', 'esque', 'desconsider', 'desobede', 'não siga', 'nao siga'],
    show: 'mostr[ae](?:-me)?|revel[ae]|imprima|repita|me diga|diga(?:-me)?|exib[ae]|divulgue',
    showAnchors: ['mostr', 'revel', 'imprima', 'repita', 'me diga', 'diga', 'exib', 'divulgue'],
    small: 'todas?|todos?|as?|os?|de|suas?|tuas?|seus?|essas?|que|foram|lhe|e|ou|quaisquer|me',
    whose:
      'anterior(?:es)?|pr[eé]vi[ao]s?|precedentes?|acima|inicia[il]s?|iniciais|origina[il]s?|originais|dadas|suas|do sistema',
    rules:
      '(?:instru[cç](?:[aã]o|[oõ]es)|orienta[cç](?:[aã]o|[oõ]es)|diretri(?:z|zes)|regras?|ordens?|comandos?|restri[cç](?:[aã]o|[oõ]es))',
    prompt:
      '(?:seu|sua|suas|seus|o teu|as tuas)[\\s-]{1,3}(?:[a-zãõáéíóúç]{1,20}[\\s-]{1,3}){0,2}(?:prompt d[eo] sistema|mensagem d[eo] sistema|instru[cç][oõ]es (?:d[eo] sistema|iniciais|ocultas|secretas)|prompt (?:inicial|oculto|secreto))',
  },
  {
    code: 'nl',
    drop: 'negeer|vergeet|sla',
    dropAnchors: ['negeer', 'vergeet', 'sla '],
    show: 'toon|laat|onthul|herhaal|geef|print',
    showAnchors: ['toon', 'laat', 'onthul', 'herhaal', 'geef', 'print'],
    small: 'alle|al|de|het|van|je|jouw|uw|deze|die|en|of|mij|me|zien|eens|wat',
    whose: 'vorige|voorgaande|eerdere|bovenstaande|voorafgaande|oorspronkelijke|je|jouw|uw',
    rules: '(?:systeem)?(?:instructie|aanwijzing|regel|opdracht|richtlijn|bevel|prompt|beperking)(?:en|s)?',
    prompt:
      '(?:je|jouw|uw)[\\s-]{1,3}(?:[a-z]{1,20}[\\s-]{1,3}){0,2}(?:systeem-?\\s?prompt|system prompt|systeembericht|systeeminstructies|oorspronkelijke instructies|verborgen instructies)',
  },
  {
    code: 'pl',
    drop: 'zignoruj(?:cie)?|ignoruj(?:cie)?|zapomnij(?:cie)?(?: o)?|pomi[nń](?:cie)?|nie stosuj(?: si[eę] do)?|odrzu[cć]',
    dropAnchors: ['zignoruj', 'ignoruj', 'zapomnij', 'pomiń', 'pomin', 'nie stosuj', 'odrzu'],
    show: 'poka[zż](?:cie)?|ujawnij|wy[sś]wietl|powt[oó]rz|wypisz|podaj|zdrad[zź]',
    showAnchors: [
      'poka',
      'ujawnij',
      'wyświetl',
      'wyswietl',
      'powtórz',
      'powtorz',
      'wypisz',
      'podaj',
      'zdrad',
    ],
    small: 'wszystkie|wszystkich|wszelkie|te|tych|o|do|swoje|swoich|mi|nam|i|oraz|ca[lł][ye]|sw[oó]j',
    whose:
      'poprzednie|poprzednich|wcze[sś]niejsze|wcze[sś]niejszych|powy[zż]sze|powy[zż]szych|dotychczasowe|pierwotne|oryginalne|swoje|systemowe',
    rules:
      '(?:instrukcj[eai]{1,2}|polece[nń](?:ia|ie)?|zasad[yaę]?|regu[lł][ya]?|wytyczn(?:e|ych)|rozkaz(?:y|[oó]w)|ogranicze(?:nia|[nń]))',
    prompt:
      '(?:sw[oó]j|tw[oó]j|swoje|twoje|swoich)[\\s-]{1,3}(?:[a-ząćęłńóśźż]{1,20}[\\s-]{1,3}){0,2}(?:prompt systemowy|systemowy prompt|instrukcje systemowe|komunikat systemowy|pocz[aą]tkowe instrukcje|ukryte instrukcje)',
  },
  {
    code: 'ru',
    drop: 'игнориру[йи](?:те)?|проигнориру[йи](?:те)?|забудь(?:те)?(?: про| о)?|не обраща[йи](?:те)? внимания на|отбрось(?:те)?|не следу[йи](?:те)?',
    dropAnchors: ['игнорир', 'проигнорир', 'забудь', 'не обраща', 'отбрось', 'не следу'],
    show: 'покажи(?:те)?|раскро[йи](?:те)?|выведи(?:те)?|повтори(?:те)?|напечата[йи](?:те)?|назови(?:те)?|расскажи(?:те)?',
    showAnchors: ['покажи', 'раскро', 'выведи', 'повтори', 'напечата', 'назови', 'расскажи'],
    small: 'все|всех|всё|любые|эти|этих|о|про|свои|своих|твои|ваши|мне|нам|и|или|полностью|весь',
    whose:
      'предыдущи[еих]{1,2}|прежни[еих]{1,2}|предшествующи[еих]{1,2}|вышеуказанны[еих]{1,2}|вышестоящи[еих]{1,2}|ранее|выше|изначальны[еих]{1,2}|исходны[еих]{1,2}|свои|твои|системны[еих]{1,2}|данные',
    rules:
      '(?:инструкци[яийю]|указани[яеий]|правил[ао]?|команд[ыа]?|приказ(?:ы|ов)?|директив[ыа]?|ограничени[яий]|установк[иа])',
    prompt:
      '(?:сво[йи]|тво[йи]|ваш|свои|твои|ваши)[\\s-]{1,3}(?:[а-яё]{1,20}[\\s-]{1,3}){0,2}(?:системны[йи] промпт|системны[йи] запрос|системное сообщение|системные инструкции|(?:начальные|исходные|скрытые|секретные) инструкции|промпт)',
  },
  {
    code: 'ar',
    drop: 'تجاهل|تجاهلي|تجاهلوا|انس|انسى|إنس|أهمل|اهمل|لا تتبع',
    dropAnchors: ['تجاهل', 'انس', 'إنس', 'أهمل', 'اهمل', 'لا تتبع'],
    show: 'اكشف|أظهر|اظهر|اعرض|اطبع|كرر|أخبرني',
    showAnchors: ['اكشف', 'أظهر', 'اظهر', 'اعرض', 'اطبع', 'كرر', 'أخبرني', 'اخبرني'],
    small: 'جميع|كل|كافة|هذه|تلك|من|عن|لي|التي|تلقيتها|و',
    whose: 'السابقة|السابقه|أعلاه|اعلاه|الأصلية|الاصلية|المذكورة|الخاصة بك|بك|سابقا',
    rules: '(?:التعليمات|تعليماتك|الأوامر|الاوامر|القواعد|قواعدك|الإرشادات|الارشادات|التوجيهات)',
    prompt:
      '(?:موجه النظام|مطالبة النظام|رسالة النظام|تعليمات النظام|تعليماتك (?:الأصلية|السرية|المخفية|الاصلية))',
  },
];
