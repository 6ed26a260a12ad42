import { lazily } from '../lazily.ts';
import type { Span } from '../rule.ts';
import { LANGUAGES } from './languages/all.ts';
import { withoutAccents } from './sentence.ts';

/** UTF-16 units round a phrase in which signs of a mention are looked for. */
export const CONTEXT = 200;
/** Units of it in which a phrase is denied or told of others. */
const NEAR = 120;

/** Units round a phrase within which a quote of it begins and ends. */
const QUOTED = 120;
const CLOSING =
  /^(?:[^"`“”„«»「」『』《》\n'’]|(?<=\p{L})['’](?=\p{L})){0,160}(?:[”“»」』》]|"(?!\p{sc=Latn}|\p{sc=Cyrl})|(?<!\s)[`'’](?!\p{sc=Latn}|\p{sc=Cyrl}))/u;
/** The value of a field of JSON: data say less about what stands in them than sentences do. */
const FIELD = /["']\s{0,4}:\s{0,4}$/;
/** A line of a list, a table, a quotation or code. */
const LINE = /(?:^|\n)[ \t]{0,8}(?:[-*+•>|]|\d{1,3}[.)]|```[a-z]{0,10}\n)[ \t|]{0,4}[^\n]{0,24}$/;

/** Words that are about attacks. */
const ATTACK =
  /attack|inject|jailbreak|malicious|adversar|payload|exploit|vulnerab|guardrail|owasp|red[- ]team|phishing|angriff|angreif|attaqu|ataque|inyec|inje[cç]|attacc|iniezion|aanval|atak|атак|инъекц|攻击|注入|攻撃|インジェクション|공격|인젝션|saldır|saldir|enjeksiyon|هجوم|هجمات|حقن|हमल|इंजेक्शन/i;

/** Words used to talk about a phrase. */
const ABOUT =
  /phras|pattern|prompts? (?:like|such)|defen[ds]|detect|filter|blocklist|denylist|keyword|such as|for example|e\.g\.|examples?\b|sample|known as|so-called|called|contain|string|regex|test|assert|classif|\btranslat|\bmean(?:s|ing)?\b|paraphras|\bexplain|rephras|\bspell|pronounc|how (?:do|would) (?:you|i|we) say|sentence|wording|quot(?:e|ation)|\btitled?\b|flagged|score|rated?\b|label/i;
const ABOUT_ELSEWHERE = lazily(() => inLanguages('about'));
const ADDRESSES = /\b(?:https?:\/\/|www\.)\S{0,200}|\b[\w.-]{1,60}\.(?:com|org|net|test)\b/gi;

/** An order to do what a quoted text says. */
const FOLLOW =
  /(?:^|[.!?:;,\n("]\s{0,4}|\b(?:then|and|now|please|must|just|to|should|will|is|shall|do)\s{1,3})(?:exactly |strictly |simply |precisely |carefully |immediately )?(?:follow|obey|execute|carry out|comply with|act (?:on|upon|accordingly)|perform|do|heed|adhere to|apply|implement|abide by|fulfil|act as)\b[^.!?\n]{0,40}?\b(?:it|this|that|these|them|what|whatever|instructions?|quot(?:e|ed|ation)|orders?|commands?|sentence|says?|said|text|above|below|following|accordingly)\b|\b(?:then|now|please|and) (?:follow|obey|execute|carry out|perform|run|apply)\s{0,2}:|[.!?]\s{1,2}go[.!]/i;
const FOLLOW_ELSEWHERE = lazily(() => inLanguages('follow'));
/** Who follows quoted texts where that is told and not ordered. */
const TOLD =
  /\b(?:models?|llms?|assistants?|attackers?|hackers?|they|he|she|who|which|it|agents?|bots?)\b[^.!?\n]{0,120}$|\b(?:not|never|cannot|refuse to|without|instead of)\b[^.!?\n]{0,24}$|n['’]t\b[^.!?\n]{0,24}$/i;

const REPORTED =
  /\b(?:asks?|asked|asking|tells?|told|telling|instruct(?:s|ed|ing|ions?)?|tries|tried|trying|attempts?|attempted|attempting|says|said|tricks?|tricked|tricking|convinces?|convinced|persuades?|causes?|caused|causing|gets?|getting|got|makes?|made|making|requests?|requested|trains?|trained|commands?|commanded)\b[^.!?\n]{0,50}?(?:\bto|\bllms?|\bmodels?|\bit|\bthem|\bthat says)\s{1,3}(?:please\s)?["'“‘`]?$/i;
const SPEAKER = /\b(?:i|we|i'm|i’m|now|hereby)\b/i;
const OTHERS =
  /\b(?:attackers?|hackers?|adversar(?:y|ies)|users?|someone|people|injections?|prompts?|documents?|web ?pages?|text|it|they|he|she|who|that|which)\s(?:may|might|can|could|would|will|often|sometimes|then|simply|just)\s(?:also\s|simply\s|just\s)?["'“‘`]?$/i;
const DENIED = /(?:\bnever|\bnot|n['’]t|\bcannot|\brefuse to|\bwithout|\bnor)\s(?:ever\s|simply\s|just\s)?$/i;
const CONDITION =
  /\b(?:if|when|whenever|where|requests?|attempts?|attempting|asking|asks|try|trying|tries|who)\b[^.!?\n]{0,60}$/i;
const QUESTION =
  /(?:^|[.!?\n]\s{0,4})(?:and |but |so )?(?:what|how|why|is|are|does|do|which|when|where|would|could|should|can|did)\b[^.!?\n]{3,80}$/i;

/**
 * True if a phrase is talked about and not said: quoted beside words such as "attack" or "translate", told of others
 * ("users who tell the model to ..."), asked about, or denied ("never ..."). What is quoted and to be followed is said.
 *
 * @param isMeantDenied true if a denial before it is part of the attack
 */
export function isMention(text: string, span: Span, isMeantDenied = false): boolean {
  if (isTalkedAbout(text, span)) return true;
  const before = text.slice(Math.max(0, span.start - NEAR), span.start);
  const sentence = before.slice(1 + Math.max(...['.', '!', '?', '\n'].map((end) => before.lastIndexOf(end))));
  if ((!isMeantDenied && DENIED.test(sentence)) || OTHERS.test(sentence)) return true;
  return (
    (REPORTED.test(sentence) || (CONDITION.test(sentence) && /\bto\s$/i.test(sentence))) &&
    !SPEAKER.test(sentence)
  );
}

/** The words about the last quotation, line or question that was asked about: several phrases stand in one. */
let last: { readonly text: string; readonly about: About; readonly isTalk: boolean } | undefined;

type About = { readonly kind: 'quoted' | 'listed' | 'asked'; readonly start: number; readonly end: number };

function isTalkedAbout(text: string, span: Span): boolean {
  const about = quotationOf(text, span) ?? lineOrQuestionOf(text, span);
  if (about === undefined) return false;
  if (last?.about.start !== about.start || last.about.end !== about.end || last.text !== text)
    last = { text, about, isTalk: isTalk(text, about) };
  return last.isTalk;
}

function isTalk(text: string, { kind, start, end }: About): boolean {
  const before = text.slice(Math.max(0, start - CONTEXT), start);
  const after = text.slice(end, end + CONTEXT);
  const own = kind === 'quoted' ? '' : text.slice(start, Math.min(end, start + CONTEXT));
  const context = `${before} ${own}\n${after}`.replace(ADDRESSES, ' ');
  if (!ATTACK.test(context)) {
    if (kind !== 'quoted' || FIELD.test(before)) return false;
    if (!ABOUT.test(context) && !ABOUT_ELSEWHERE().test(withoutAccents(context))) return false;
  }
  return !isOrderedIn(`${before} ${after}`);
}

/** The quotation in which a phrase stands. */
function quotationOf(text: string, { start, end }: Span): About | undefined {
  const opening = openingBefore(text, start);
  const closing = opening < 0 ? null : CLOSING.exec(text.slice(end, end + CONTEXT));
  return closing === null ? undefined : { kind: 'quoted', start: opening, end: end + closing[0].length };
}

const LETTER = /[\p{sc=Latn}\p{sc=Cyrl}\p{N}]/u;

/** Where the quote opens in which a place stands; -1 if the last quote before it does not open. A straight one follows no letter. */
function openingBefore(text: string, start: number): number {
  for (let at = start - 1; at >= Math.max(0, start - QUOTED); at--) {
    const unit = text.charAt(at);
    if (unit === '\n') return -1;
    if (!QUOTE.includes(unit)) continue;
    const previous = text.charAt(at - 1);
    if ("'’".includes(unit) && LETTER.test(previous) && LETTER.test(text.charAt(at + 1))) continue;
    if (OPENING.includes(unit)) return at;
    const isOpening = STRAIGHT.includes(unit) && !LETTER.test(previous) && !'.!?'.includes(previous || ' ');
    return isOpening && (unit === '"' || !/\s/.test(text.charAt(at + 1))) ? at : -1;
  }
  return -1;
}

const OPENING = '“„«「『《';
const STRAIGHT = '"`\'‘';
const QUOTE = `${OPENING}${STRAIGHT}”»」』》’`;

/** The line of a list or of code in which a phrase stands, or the question that it is part of. */
function lineOrQuestionOf(text: string, { start, end }: Span): About | undefined {
  const before = text.slice(Math.max(0, start - NEAR), start);
  const line = LINE.exec(before);
  if (line !== null) return { kind: 'listed', start: start - before.length + line.index, end };
  const question = QUESTION.exec(before);
  const rest = question === null ? null : /^[^.!?\n]{0,100}\?/.exec(text.slice(end, end + NEAR));
  if (question === null || rest === null) return undefined;
  return { kind: 'asked', start: start - before.length + question.index, end: end + rest[0].length };
}

function isOrderedIn(context: string): boolean {
  const order = FOLLOW.exec(context);
  if (order !== null) return !TOLD.test(context.slice(0, order.index + 1));
  return FOLLOW_ELSEWHERE().test(withoutAccents(context));
}

/** The words of all languages for one thing. */
function inLanguages(what: 'about' | 'follow'): RegExp {
  const words = Object.values(LANGUAGES).flatMap((language) => language[what] ?? []);
  return new RegExp(withoutAccents(words.join('|')).replaceAll('…', '[^.!?\\n]{0,40}?'));
}
