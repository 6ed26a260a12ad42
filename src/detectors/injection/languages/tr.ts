import type { Language } from './language.ts';

/** Turkish. */
export const tr: Language = {
  drop: 'yok say|unut|g[öo]rmezden gel|dikkate alma|g[öo]z ard[ıi] et|uyma',
  whose: '[öo]nceki|yukar[ıi]daki|[şs]imdiye kadarki|daha [öo]nceki?|sistem',
  rules: 'talimat|komut|y[öo]nerge|kural|emir',
  show: 'g[öo]ster|yazd[ıi]r|a[çc][ıi]kla|tekrarla|s[öo]yle|payla[şs]',
  prompt: 'prompt|istem|mesaj|talimat|komut',
  overrideAnchors: 'önceki|onceki|yukarıdaki|yukaridaki|şimdiye|simdiye|daha önce|daha once|sistem',
  extractionAnchors: 'sistem ',
  order: {
    override: [
      'whose',
      { source: '\\s{1,3}(?:[a-zçğıöşü]{1,14}\\s{1,3}){0,3}' },
      'rules',
      { source: '[a-zçğıöşü]{0,10}\\s{1,3}' },
      'drop',
    ],
    extraction: [
      { source: 'sistem\\s' },
      'prompt',
      { source: "[a-zçğıöşü'’]{0,10}\\s{1,3}(?:[a-zçğıöşü]{1,10}\\s{1,3}){0,2}" },
      'show',
    ],
  },
  role: { anchors: 'şimdi sen|simdi sen', youAreNow: '[sş]imdi sen', unrestricted: 's[ıi]n[ıi]rs[ıi]z' },
};
