import { type AnchoredRule, DIGITS, type Span, tableOf } from '../rule.ts';
import { NUMBER_EDGE } from './entity.ts';
import { cardKind } from './issuers.ts';
import { topicBefore } from './words.ts';

/** Between the groups on a card: a sign or two, or the end of a line. */
const GAP = String.raw`(?: {1,2}| ?[.-] ?| ?\r?\n ?)`;
const SHAPE = new RegExp(
  String.raw`${NUMBER_EDGE}(?<!\d[.,])(?:\d{12,19}|\d{4}${GAP}\d{6}${GAP}\d{4,5}|\d{4}(?:${GAP}\d{4}){2}(?:${GAP}\d{1,4}(?:${GAP}\d{1,3})?)?)(?!\w)`,
  'y',
);
/** The last group with the gap before it. */
const LAST_GROUP = /\D{0,6}(\d{1,19})$/;
/** Two more groups of the same kind, as in a dump or a table. */
const GROUPS_BEFORE = /^[^\w.]?(?:[\da-f]{4}[ -]){2}$/i;
/** Characters of two groups, their gaps and the sign before them. */
const GROUPS = 11;
const GROUPS_BEHIND = /^(?:[ -][\da-f]{4}){2}(?!\w)/i;
const BEGUN = new RegExp(String.raw`${NUMBER_EDGE}\d(?:${GAP}?\d){0,18}`, 'y');
const GAP_BEGUN = /^[ .\r\n-]{0,4}$/;

/** A part of a name, a path or a longer number. */
const JOINED_BEFORE = /\w[-/._+#@%&~$]$/;
const JOINED_BEHIND = /^(?:[-/_:@%#]\w|\.[\da-z])/;
const SAYS_CARD =
  /^["')\]]?[\s,;:|/("-]{1,4}(?:visa|master|maestro|amex|american|discover|diners|jcb|unionpay|cv[vc]|exp|valid|gültig|card|karte|(?:0?[1-9]|1[0-2])[/|-](?:20)?[2-4]\d(?!\d))/i;

/** Lengths that issuers seldom write, but that stand for cards in running text. */
const IN_PROSE = /^(?:4\d{12}|4\d{18}|(?:0604|5018|5020|5038|5[678]\d\d|6304|6390|6759|676[1-3])\d{8})$/;

/** Characters that are looked at before and behind a number, for others of its length. */
const NEIGHBOURS_BEFORE = 256;
const NEIGHBOURS_BEHIND = 160;
const LONGEST = 19 + 5 * 4;

/** Payment cards: a number of an issuer with the right sum, in the groups of a card or where nothing tells that it is another. */
export const CARD_RULE: Omit<AnchoredRule, 'id' | 'anchors'> = {
  look: { offset: 0, isWorth: tableOf('012345689') },
  sources: [{ id: 'credit-card', anchors: [DIGITS], pattern: SHAPE.source }],
  reach: () => LONGEST + NEIGHBOURS_BEHIND,
  match: (text, at) => {
    const found = candidate(text, at);
    return found !== undefined && isCard(text, found) ? found : undefined;
  },
  open(text, at) {
    BEGUN.lastIndex = at;
    if (BEGUN.test(text) && GAP_BEGUN.test(text.slice(BEGUN.lastIndex, BEGUN.lastIndex + 5))) return at;
    const found = candidate(text, at);
    return found !== undefined && found.end + NEIGHBOURS_BEHIND > text.length ? at : undefined;
  },
};

type Candidate = Span & { readonly digits: string; readonly isGrouped: boolean };

/** The longest beginning of whole groups that has the range, the length and the sum of a card. */
function candidate(text: string, at: number): Candidate | undefined {
  SHAPE.lastIndex = at;
  const shape = SHAPE.exec(text)?.[0];
  if (shape === undefined) return undefined;
  let digits = shape.replace(/\D+/g, '');
  for (let end = shape.length; digits.length >= 12; ) {
    if (cardKind(digits) !== undefined) {
      return { start: at, end: at + end, digits, isGrouped: end > digits.length };
    }
    const last = LAST_GROUP.exec(shape.slice(0, end))!;
    digits = digits.slice(0, digits.length - last[1]!.length);
    end = last.index;
  }
  return undefined;
}

function isCard(text: string, { start, end, digits, isGrouped }: Candidate): boolean {
  const before = text.slice(Math.max(0, start - NEIGHBOURS_BEFORE), start);
  const behind = text.slice(end, end + NEIGHBOURS_BEHIND);
  if (isGrouped && (GROUPS_BEFORE.test(before.slice(-GROUPS)) || GROUPS_BEHIND.test(behind))) return false;
  const topic = topicBefore(text, start, ['card', 'id', 'contact', 'phone']);
  if (topic === 'card' || SAYS_CARD.test(behind)) return true;
  if (JOINED_BEFORE.test(before.slice(-2)) || JOINED_BEHIND.test(behind)) return false;
  if (isGrouped && digits.length > 12) return true;
  if (topic === 'id' || (before.endsWith('+') && topic === 'phone')) return false;
  if (isInColumn(before, behind, digits.length)) return false;
  if (cardKind(digits) === 'usual' || topic !== undefined) return true;
  return IN_PROSE.test(digits) && !isArticle(digits);
}

/** True if at least two other numbers of the same length beside it are no cards: so it is one of their kind. */
function isInColumn(before: string, behind: string, length: number): boolean {
  let others = 0;
  for (const part of [behind, before]) {
    for (const [number] of part.matchAll(/(?<![\w.])\d+(?![\w.])/g)) {
      if (number.length === length && cardKind(number) === undefined && ++others > 1) return true;
    }
  }
  return false;
}

/** The sum of a bar code of 13 digits. @see https://www.gs1.org/services/how-calculate-check-digit-manually */
function isArticle(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++)
    sum += Number(digits[digits.length - 1 - i]) * (i % 2 === 0 ? 1 : 3);
  return digits.length === 13 && sum % 10 === 0;
}
