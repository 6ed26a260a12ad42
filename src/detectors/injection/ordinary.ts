import type { Attack } from './languages/language.ts';

/** Words for what a model may say and what not, in all languages. */
const SPEECH =
  /(?<!\p{L})(?:cens|zens|cenz|ethi|etic[aoh]|ety[ck]|etik|(?:im|a)?moral|tab[uo]|sansur|ahlak)|filt(?:er|r)|unzensiert|фильтр|цензур|морал|этик|табу|过滤|过濾|审查|審查|道德|伦理|禁忌|フィルター|検閲|倫理|道徳|タブー|필터|검열|윤리|도덕|금기|رقاب|اخلاق|فلاتر|فلتر|مرشح|सेंसर|नैतिक|फिल्टर/u;

/** Who has no rules has no limit of length alone. */
const RULES =
  /(?<!\p{L})(?:regel|regl|rule|regol|regra|zasad|kural)|правил|规则|規則|ルール|규칙|قواعد|नियम/u;

const MAIL =
  /(?<!\p{L})(?:e-?mail|mail|brief|letter|lettre|courriel|carta|correo|lettera|письм|e-?posta|mektup)|邮件|的信|メール|手紙|메일|편지|رساله|ईमेल|पत्र/u;
const WRITE =
  /(?<!\p{L})(?:write|draft|schreib|verfass|formulier|ecri|redige|escrib|redact|scriv|escrev|redij|schrijf|napisz|напиши|yaz(?!\p{L}))|写|書|써 ?줘|작성|اكتب|लिख/u;

/** Who is asked for help may teach without limits. */
const PROFESSION =
  /(?<!\p{L})(?:(?:mein|meine|my|mon|ma|mi|mio|mia|meu|minha|mijn|moim|moja|мой|мои|моя) (?:\p{L}{1,16} )?(?:\p{L}{0,12}(?:lehrer|trainer|coach|koch|anwalt|teacher|tutor)|profes|abogad|avvocat|advogad|avocat|insegnant|docent|leraar|nauczyciel|учител|тренер)|(?:agis|agissez) comme un (?:avocat|professeur)|actua como un (?:abogado|profesor))|(?<=我的)(?:老师|教练|律师)|私の(?:先生|教師)|내 (?:선생|코치)|معلمي|मेरे (?:शिक्षक|वकील)/u;

/** All questions of customers are answered by everybody who serves them. */
const CUSTOMER =
  /(?<!\p{L})(?:kunde|client|customer|cliente|klant|klient|клиент|musteri)|客户|顾客|お客様|顧客|고객|عملاء|العميل|ग्राहक/u;
const WITHOUT =
  /(?<!\p{L})(?:ohne|keine?[nrs]?|sans|aucune?|sin|ningun[ao]?|senza|nessun[ao]?|sem|nenhuma?|zonder|geen|bez|zadnych|без|нет|without|no|olmadan|yok)(?!\p{L})|[sş][iı]z|限制|規則|规则|ルール|없|ない|なし|بلا|بدون|دون|बिना|कोई/u;

/** Instructions that stand in a ticket, a contract, a leaflet, come from a doctor or from the author, who corrects himself. */
const OF_SOMETHING = new RegExp(
  [
    `(?<!\\p{L})(?:anweisung|vorgabe|regel|instru[ck]|consigne|directive|indica[cz]|orienta[cç]|istruzion|aanwijzing|wytyczn|polece|инструкци|указани)\\p{L}{0,7} (?:\\p{L}{5,14} )?(?:\\p{L}{1,4} ){1,3}(?:ticket|chamado|zglosz|тикет|readme|wiki|jira|handbuch|handleiding|manual|manuel|podrecznik|vertrag|contra|umow|договор|rechnung|facture?|fatt?ura|faktur|счет|mail|brief|письм|arzt|medecin|medico|dokter|lekarz|врач)`,
    '(?:bilet|fatura|sozlesme|belge)\\p{L}{0,4}(?:daki|deki|taki|teki) ',
    '(?:工单|合同|发票|邮件|说明书)[里中上]?的?',
    '(?:チケット|契約書?|請求書|メール|取扱説明書)の',
    '(?:티켓|계약서?|청구서|메일|설명서)의 ',
    '(?:टिकट|अनुबंध|बिल|ईमेल) (?:के|की|में)',
    "die ich (?:dir|ihnen|euch) [^.,]{0,20}(?:geschick|geschrieb|gesend)|(?:que|che) (?:je t'ai|je vous ai|te he|le he|ti ho|vi ho|le ho|te|le|lhe) (?:env[io]|inviat|mand|scri|escri|ecrit)|die ik (?:je|u) [^.,]{0,16}(?:gestuurd|geschreven)|ktore (?:ci |panu |pani )?(?:wysla|napisa)|которые я (?:тебе |вам )?(?:прислал|отправил|написал)|gonderdigim|我发给你|私が送った|내가 보낸|التي ارسلتها|मैंने भेज",
    '(?<!\\p{L})(?:ich (?:meinte|habe mich (?:vertan|geirrt))|je (?:voulais dire|me suis trompe)|queria (?:decir|dizer)|me (?:equivoque|enganei)|volevo dire|mi sono sbagliat|ik bedoelde|ik heb me vergist|mialem na mysli|pomylilem|я имел в виду|я ошибся|demek istedim)|我的意思是|我搞错|と言いたかった|間違えました|내 말은|كنت اقصد|मेरा मतलब',
    'التعليمات [^.]{0,14}(?:في|من) (?:التذكره|العقد|الفاتوره|البريد|الطبيب)',
  ].join('|'),
  'u',
);

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
      return (
        isMail(words) ||
        PROFESSION.test(words) ||
        (CUSTOMER.test(words) && !WITHOUT.test(words)) ||
        (measures?.test(words) === true && !SPEECH.test(words) && !RULES.test(words))
      );
    case 'override':
      return isMail(words) || OF_SOMETHING.test(words);
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
