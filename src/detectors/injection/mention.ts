import type { Span } from '../rule.ts';

/** UTF-16 units round a phrase in which signs of a mention are looked for. */
export const CONTEXT = 120;

const OPENING = /["'`“”‘’„«»「『《][^"'`“”„«»「」『』\n]{0,24}$/;
const CLOSING = /^[^"'`“”„«»「」『』\n]{0,40}["'`“”‘’«»」』》]/;

/** Words used to talk about attacks. */
const ABOUT =
  /attack|inject|jailbreak|malicious|adversar|phras|pattern|prompts? (?:like|such)|payload|defen[ds]|detect|filter|blocklist|denylist|keyword|such as|for example|e\.g\.|example|sample|known as|so-called|called|contain|string|regex|test|assert|vulnerab|exploit|guardrail|classif|phishing|angriff|angreif|beispiel|attaqu|exempl|ataque|inyec|inje[cç]|ejemplo|attacc|iniezion|esempio|aanval|atak|przykład|атак|инъекц|пример|фраз|攻击|注入|例如|攻撃|例えば|インジェクション|공격|예를|saldır|örne|هجوم|حقن|مثل|हमल|उदाहरण/i;

const REPORTED =
  /\b(?:asks?|asked|asking|tells?|told|telling|instruct(?:s|ed|ing|ions?)?|tries|tried|trying|attempts?|attempted|attempting|says|said|tricks?|tricked|tricking|convinces?|convinced|persuades?|causes?|caused|causing|gets?|getting|got|makes?|made|making|requests?|requested|trains?|trained|commands?|commanded)\b[^.!?\n]{0,50}?(?:\bto|\bllms?|\bmodels?|\bit|\bthem|\bthat says)\s{1,3}(?:please\s)?["'“‘`]?$/i;
const SPEAKER = /\b(?:i|we|i'm|i’m|now|hereby)\b/i;
const OTHERS =
  /\b(?:attackers?|hackers?|adversar(?:y|ies)|users?|someone|people|injections?|prompts?|documents?|web ?pages?|text|it|they|he|she|who|that|which)\s(?:may|might|can|could|would|will|often|sometimes|then|simply|just)\s(?:also\s|simply\s|just\s)?["'“‘`]?$/i;
const DENIED = /(?:\bnever|\bnot|n['’]t|\bcannot|\brefuse to|\bwithout|\bnor)\s(?:ever\s|simply\s|just\s)?$/i;
const CONDITION =
  /\b(?:if|when|whenever|where|requests?|attempts?|attempting|asking|asks|try|trying|tries|who)\b[^.!?\n]{0,60}$/i;

/**
 * True if a phrase is talked about and not said: quoted beside words such as "attack" or "pattern", told of others
 * ("users who tell the model to ..."), or denied ("never ...").
 *
 * @param isMeantDenied true if a denial before it is part of the attack
 */
export function isMention(text: string, { start, end }: Span, isMeantDenied = false): boolean {
  const before = text.slice(Math.max(0, start - CONTEXT), start);
  const after = text.slice(end, end + CONTEXT);
  if (OPENING.test(before) && CLOSING.test(after) && ABOUT.test(`${before}\n${after}`)) return true;
  const sentence = before.slice(before.search(/[^.!?\n]{0,120}$/));
  if ((!isMeantDenied && DENIED.test(sentence)) || OTHERS.test(sentence)) return true;
  return (
    (REPORTED.test(sentence) || (CONDITION.test(sentence) && /\bto\s$/i.test(sentence))) &&
    !SPEAKER.test(sentence)
  );
}
