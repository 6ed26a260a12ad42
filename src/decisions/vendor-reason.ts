/** Stands for what was left out of a reason. */
const LEFT_OUT = '[…]';

/** Units of a reason that are looked at. */
const MAX_READ = 600;
const MAX_REASON = 200;

/**
 * Names that vendors give to kinds of content, and the words of a verdict. No word is here by which one could tell what a person wrote beyond
 * the kind of it.
 */
const WORDS: ReadonlySet<string> = new Set(
  `abuse abusive attack attacks banned bias block blocked bypass category categories classified code compliance confidential content
  copyright credential credentials credit card crime criminal data denied detected detection disallowed discrimination email encoded
  entities entity exceeded exfiltration exploit extraction extremism failed filter filtered flagged forbidden found fraud gambling
  guardrail guardrails guideline guidelines hacking hallucination harassment harm harmful hate hateful illegal illicit inappropriate
  indirect injection input insecure instruction instructions insult insults invalid jailbreak keyword keywords leak leakage length limit
  malicious malware manipulation mask masked match matched matches message misinformation model moderation nudity offensive off-topic
  output override password passwords pattern patterns personal phishing phone pii policies policy political private profanity
  prohibited prompt prompts protected racism racist ransomware redacted refused regex rejected request response restricted risk rule
  rules safety scam score secret secrets security self self-harm sensitive severity sexism sexist sexual spam ssn suspicious system
  terrorism threat threats threshold token tokens tool tools topic topics toxic toxicity unauthorized unsafe unsupported url urls user
  violates violation violations violence violent vulgar weapon weapons`.split(/\s+/),
);

/** Also as programs write them, and those of two words at the edge of one. */
const QUOTATION_MARK =
  /["“”„‟«»‹›`´「」『』]|(?<![\p{L}\p{N}])['‘’‚]|['‘’](?![\p{L}\p{N}])|&(?:quot|apos|#0*3[49]|#x0*2[27]);?|%2[27]|\\(?:u\{?0*2[27]|x2[27])/giu;
const WORD = /[^\s,;!?()[\]{}<>|]*[^\s,;!?()[\]{}<>|.:]/gu;

/**
 * A vendor's reason in a small set of known words: what else it has, and all that stands in quotation marks, is left out.
 *
 * Where less than half of it is known, which is a story or a quotation, only its beginning is told.
 *
 * @returns undefined where nothing is left
 */
export function vendorReason(reason: string): string | undefined {
  const [head, tail] = aroundQuotations(reason.slice(0, MAX_READ).replace(/[\p{Cc}\p{Cf}]/gu, ' '));
  let all = [...readWords(head), ...(tail === undefined ? [] : [undefined, ...readWords(tail)])];
  const known = all.filter((word) => word !== undefined).length;
  if (2 * known < all.length) all = all.slice(0, all.indexOf(undefined) + 1);
  if (all.every((word) => word === undefined)) return undefined;
  const line = all
    .filter((word, i) => word !== undefined || i === 0 || all[i - 1] !== undefined)
    .map((word) => word ?? LEFT_OUT)
    .join(' ');
  return line.length <= MAX_REASON ? line : `${line.slice(0, MAX_REASON - 1)}…`;
}

/** The text before the first quotation mark, and after the last; a single one can be the cut beginning of a quotation. */
function aroundQuotations(text: string): readonly [head: string, tail?: string] {
  const marks = [...text.matchAll(QUOTATION_MARK)];
  const [first, last] = [marks[0], marks.at(-1)];
  if (first === undefined || last === undefined) return [text];
  return [text.slice(0, first.index), first === last ? '' : text.slice(last.index + last[0].length)];
}

/** Each word that is known, as it is written; undefined for another. */
function readWords(text: string): (string | undefined)[] {
  return (text.match(WORD) ?? []).map((word) => (isKnown(word) ? word : undefined));
}

/** `prompt_attack` and `PromptInjection` are two words each. */
function isKnown(word: string): boolean {
  const parts = word
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[_/=]/);
  return parts.every((part) => WORDS.has(part) || part.split('-').every((one) => WORDS.has(one)));
}
