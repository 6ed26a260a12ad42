import type { Attack } from './languages/language.ts';

/** Words for what a model may say and what not, in all languages. */
const SPEECH =
  /(?<!\p{L})(?:cens|zens|cenz|ethi|etic[aoh]|ety[ck]|etik|(?:im|a)?moral|tab[uo]|sansur|ahlak|filt)|unzensiert|фильтр|цензур|морал|этик|табу|过滤|过濾|审查|審查|道德|伦理|禁忌|フィルター|検閲|倫理|道徳|タブー|필터|검열|윤리|도덕|금기|رقاب|اخلاق|فلاتر|فلتر|مرشح|सेंसर|नैतिक|फिल्टर/u;

const MAIL =
  /(?<!\p{L})(?:e-?mail|mail|brief|letter|lettre|courriel|carta|correo|lettera|письм|e-?posta|mektup)|邮件|的信|メール|手紙|메일|편지|رساله|ईमेल|पत्र/u;
const WRITE =
  /(?<!\p{L})(?:write|draft|schreib|verfass|formulier|ecri|redige|escrib|redact|scriv|escrev|redij|schrijf|napisz|напиши|yaz(?!\p{L}))|写|書|써 ?줘|작성|اكتب|लिख/u;

/**
 * True for a sentence that says the same about something else than the model: a limit of length or budget, the words of a
 * mail to be written.
 *
 * @param measures words of its language for how much there may be of a thing
 */
export function isOrdinary(attack: Attack, words: string, measures: RegExp | undefined): boolean {
  switch (attack) {
    case 'limits':
      return measures?.test(words) === true && !SPEECH.test(words);
    case 'role':
      return isMail(words) || (measures?.test(words) === true && !SPEECH.test(words));
    case 'override':
      return isMail(words);
    case 'warnings':
      return MAIL.test(words) && WRITE.test(words);
    case 'extraction':
    case 'secrecy':
    case 'stealth':
      return false;
  }
}

/** Asked for before a colon, and its words behind it. */
function isMail(words: string): boolean {
  const colon = words.search(/[:：]/);
  if (colon < 0) return false;
  const asked = words.slice(0, colon);
  return MAIL.test(asked) && WRITE.test(asked);
}
