import type { InjectionSource } from './source.ts';

/** Languages in which the verb comes last, or that set no spaces. `[^...]` keeps to one sentence. */
export const VERB_LAST: readonly InjectionSource[] = [
  {
    id: 'override-instructions-zh',
    weight: 0.9,
    anchors: ['忽略', '无视', '無視', '忘记', '忘記', '忘掉', '不要理会', '不要遵守', '抛开', '忽視', '忽视'],
    pattern:
      '(?:忽略|无视|無視|忘记|忘記|忘掉|不要理会|不要遵守|抛开|忽視|忽视)[^。！？!?\\n]{0,12}?(?:之前|以前|以上|先前|前面|上述|此前|上面|原来|原先|原有|系统|系統|你的|所有)[^。！？!?\\n]{0,10}?(?:指令|指示|说明|說明|提示|提示词|规则|規則|命令|设定|設定|限制|约束|準則|准则)',
  },
  {
    id: 'prompt-extraction-zh',
    weight: 0.85,
    anchors: ['显示', '顯示', '输出', '輸出', '告诉', '告訴', '打印', '重复', '重複', '透露', '泄露', '公开'],
    pattern:
      '(?:显示|顯示|输出|輸出|告诉|告訴|打印|重复|重複|透露|泄露|公开)[^。！？!?\\n]{0,8}?(?:你的|您的|妳的)[^。！？!?\\n]{0,6}?(?:系统提示|系統提示|系统指令|系统消息|初始指令|初始提示|隐藏指令|提示词|系統指令)',
  },
  {
    id: 'override-instructions-ja',
    weight: 0.9,
    anchors: [
      'これまで',
      '以前',
      '上記',
      '今まで',
      '前の',
      '先ほど',
      '元の',
      '最初の',
      '以上の',
      'システム',
      'すべての',
      '全ての',
    ],
    pattern:
      '(?:これまで|以前|上記|今まで|前の|先ほど|元の|最初の|以上の|システム|すべての|全ての)[^。！？!?\\n]{0,12}?(?:指示|命令|ルール|プロンプト|指令|制約)[^。！？!?\\n]{0,8}?(?:無視(?:して|しろ|せよ|し、|してください)|忘れ(?:て|ろ|なさい)|従わないで)',
  },
  {
    id: 'prompt-extraction-ja',
    weight: 0.85,
    anchors: ['あなたの', '君の', 'システムプロンプト', '最初の指示', '隠された'],
    pattern:
      '(?:あなたの|君の)?(?:システムプロンプト|システムメッセージ|最初の指示|初期指示|隠された指示|内部指示|システム指示)[^。！？!?\\n]{0,10}?(?:表示して|教えて|出力して|見せて|開示して|繰り返して|公開して)',
  },
  {
    id: 'override-instructions-ko',
    weight: 0.9,
    anchors: ['이전', '위의', '위 ', '앞선', '앞의', '지금까지', '기존', '모든', '시스템'],
    pattern:
      '(?:이전|위의|위 |앞선|앞의|지금까지|기존|모든|시스템)[^.!?\\n]{0,16}?(?:지시|명령|지침|규칙|프롬프트)[^.!?\\n]{0,8}?(?:무시하|무시해|잊어|잊고|따르지 마)',
  },
  {
    id: 'prompt-extraction-ko',
    weight: 0.85,
    anchors: [
      '시스템 프롬프트',
      '시스템 메시지',
      '초기 지시',
      '숨겨진 지시',
      '시스템 지시',
      '너의',
      '당신의',
      '네 ',
    ],
    pattern:
      '(?:(?:너의|당신의|네) )?(?:시스템 프롬프트|시스템 메시지|초기 지시|숨겨진 지시|시스템 지시)[^.!?\\n]{0,10}?(?:보여|알려|출력|공개해|말해|반복해)',
  },
  {
    id: 'override-instructions-tr',
    weight: 0.9,
    anchors: [
      'önceki',
      'onceki',
      'yukarıdaki',
      'yukaridaki',
      'şimdiye',
      'simdiye',
      'daha önce',
      'daha once',
      'sistem',
    ],
    pattern:
      '(?:[öo]nceki|yukar[ıi]daki|[şs]imdiye kadarki|daha [öo]nceki?|sistem)\\s{1,3}(?:[a-zçğıöşü]{1,14}\\s{1,3}){0,3}(?:talimat|komut|y[öo]nerge|kural|emir)[a-zçğıöşü]{0,10}\\s{1,3}(?:yok say|unut|g[öo]rmezden gel|dikkate alma|g[öo]z ard[ıi] et|uyma)',
  },
  {
    id: 'prompt-extraction-tr',
    weight: 0.85,
    anchors: ['sistem '],
    pattern:
      "sistem\\s(?:prompt|istem|mesaj|talimat|komut)[a-zçğıöşü'’]{0,10}\\s{1,3}(?:[a-zçğıöşü]{1,10}\\s{1,3}){0,2}(?:g[öo]ster|yazd[ıi]r|a[çc][ıi]kla|tekrarla|s[öo]yle|payla[şs])",
  },
  {
    id: 'override-instructions-hi',
    weight: 0.9,
    anchors: ['पिछले', 'पिछली', 'पहले', 'पूर्व', 'ऊपर', 'उपरोक्त', 'सभी', 'अपने'],
    pattern:
      '(?:पिछले|पिछली|पहले|पूर्व|ऊपर|उपरोक्त|सभी|अपने)[^।.!?\\n]{0,20}?(?:निर्देश|नियम|आदेश|हिदायत|अनुदेश)[^।.!?\\n]{0,12}?(?:अनदेखा|अनदेखी|नज़रअंदाज|नजरअंदाज|नज़रअंदाज|भूल जा|उपेक्षा|मत मान)',
  },
  {
    id: 'prompt-extraction-hi',
    weight: 0.85,
    anchors: ['अपना', 'अपने', 'सिस्टम'],
    pattern:
      '(?:अपना |अपने )?(?:सिस्टम प्रॉम्प्ट|सिस्टम संदेश|सिस्टम निर्देश|छिपे हुए निर्देश|मूल निर्देश)[^।.!?\\n]{0,12}?(?:दिखा|बता|प्रकट|दोहरा|लिखो|लिखें)',
  },
  {
    id: 'unrestricted-role-other',
    weight: 0.6,
    anchors: [
      'du bist jetzt',
      'tu es maintenant',
      'vous êtes maintenant',
      'ahora eres',
      'ora sei',
      'agora você',
      'agora voce',
      'je bent nu',
      'jesteś teraz',
      'jestes teraz',
      'теперь ты',
      '你现在是',
      'あなたは今から',
      'şimdi sen',
      'simdi sen',
      'أنت الآن',
    ],
    pattern:
      '(?:du bist jetzt|tu es maintenant|vous [eê]tes maintenant|ahora eres|ora sei|agora voc[eê]|je bent nu|jeste[sś] teraz|теперь ты|你现在是|あなたは今から|[sş]imdi sen|أنت الآن)[^.!?。\\n]{0,24}?(?:dan\\b|unzensiert|uneingeschr|ohne (?:regeln|einschr|filter)|sans (?:restriction|filtre|limite|r[eè]gle)|sin (?:restricciones|filtros|l[ií]mites|censura|reglas)|senza (?:restrizioni|filtri|limiti|regole|censura)|sem (?:restri|filtro|limite|censura|regras)|zonder (?:beperking|filter|regels)|bez (?:ogranicze|filtr|zasad|cenzury)|без (?:ограничени|цензур|правил|фильтр)|不受限制|没有限制|無制限|制限のない|s[ıi]n[ıi]rs[ıi]z|بلا قيود|بدون قيود)',
  },
];
