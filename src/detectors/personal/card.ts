import { type AnchoredRule, DIGITS, type Span, tableOf } from '../rule.ts';
import { NUMBER_EDGE, NUMBER_END } from './entity.ts';
import { cardKind } from './issuers.ts';
import { topicBefore } from './words.ts';

/** Between the groups on a card: a sign or two, a tab, or the end of a line, in a quoted mail too. */
const GAP = String.raw`(?: {1,2}|\t| ?[.-] ?| ?\r?\n(?:> ?| {0,2}))`;
const SHAPE = new RegExp(
  String.raw`${NUMBER_EDGE}(?<!(?<![\d,;])0,|(?<![.A-Za-z])\.)(?:\d{12,19}|\d{4}${GAP}\d{6}${GAP}\d{4,5}|\d{4}(?:${GAP}\d{4}){2}(?:${GAP}\d{1,4}(?:${GAP}\d{1,3})?)?)${NUMBER_END}`,
  'y',
);
/** The last group with the gap before it. */
const LAST_GROUP = /\D{0,7}(\d{1,19})$/;
/** Groups of the same kind beside it, as in a dump or a table. */
const GROUPS_BEFORE = /(?:(?<!\w)[\da-f]{4,5}(?: {1,2}|[\t-]|\r?\n)){1,10}$/i;
const GROUPS_BEHIND = /^(?:(?: {1,2}|[\t-]|\r?\n)[\da-f]{4,5}(?!\w)){1,10}/i;
/** Characters of ten groups with their gaps. */
const GROUPS = 70;
/** Groups that may stand beside a card, and lines of four of them beside a line. */
const MOST_GROUPS = 2;
const MOST_GROUPS_OF_LINES = 7;
const BEGUN = new RegExp(String.raw`${NUMBER_EDGE}\d(?:${GAP}?\d){0,18}`, 'y');
const GAP_BEGUN = /^[ .\t\r\n>-]{0,6}$/;

/** A part of a name, a path or a longer number. */
const JOINED_BEFORE = /[A-Za-z\d][-/._+#@%&~$]$/;
const JOINED_BEHIND = /^(?:[-/_:@%#][A-Za-z\d]|\.[\da-z])/;
/** A word behind a number that is no part of a name or a path. */
const REMARK_BEHIND = /^[-/][A-Za-z]{1,12}(?![\w/-]|\.\w)/;
const SAYS_CARD =
  /^["')\]]?[\s,;:|/("-]{1,4}(?:visa|master|maestro|amex|american|discover|diners|jcb|unionpay|cv[vc]|exp|valid|gültig|card|karte|(?:0?[1-9]|1[0-2])[/|-](?:20)?[2-4]\d(?!\d))|^:(?:0[1-9]|1[0-2]):(?:20)?[2-4]\d(?::\d{3,4})?(?![\d:])/i;
/** An abbreviation of "number". */
const ABBREVIATED = /(?<![A-Za-z])(?:nr|no|num|nº)\.$/i;
/** A path of something that is paid. */
const PAID_BEFORE = /\/(?:pay(?:ments?)?|charges?|checkout|billing|cards?|pan)\/$/i;
/** A number that is handed to a function in code is a constant. */
const CALL_BEFORE = /[\w$]\($/;

/** Lengths that issuers seldom write, but that stand for cards in running text. */
const IN_PROSE = /^(?:(?:0604|5018|5020|5038|5[678]\d\d|6304|6390|6759|676[1-3])\d{8})$/;

/** Four, six and four or five digits. */
const WITH_SIX = /^\d{4}\D{1,9}\d{6}\D/;

/** Quotes, brackets and marks of cells: groups in them are no columns. */
const APART_BEFORE = /(?:^|["'`<>([{|;*])$/;
const APART_BEHIND = /^(?:$|["'`<>)\]}|;*])/;

/** Characters that are looked at before and behind a number, for others of its length. */
const NEIGHBOURS_BEFORE = 256;
const NEIGHBOURS_BEHIND = 160;
const LONGEST = 19 + 5 * 6;

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
    if (BEGUN.test(text) && GAP_BEGUN.test(text.slice(BEGUN.lastIndex, BEGUN.lastIndex + 7))) return at;
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
    // In two lines at most
    if (cardKind(digits) !== undefined && shape.slice(0, end).split('\n').length < 3) {
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
  const topic = topicBefore(text, start, ['card', 'id', 'contact', 'phone']);
  if (topic === 'card' || SAYS_CARD.test(behind)) return true;
  if (isGrouped && isInRows(before, text.slice(start, end), behind)) return false;
  if (PAID_BEFORE.test(before)) return true;
  const isJoined = JOINED_BEFORE.test(before.slice(-2)) && !ABBREVIATED.test(before);
  if (isJoined || (JOINED_BEHIND.test(behind) && !REMARK_BEHIND.test(behind))) return false;
  // A dozen digits and one or two more are columns of a table
  if (isGrouped && (digits.length > 15 || WITH_SIX.test(text.slice(start, end)))) return true;
  if (topic === 'id' || (before.endsWith('+') && topic === 'phone')) return false;
  if (isInColumn(before, behind, digits.length)) return false;
  if (topic !== undefined) return true;
  if (CALL_BEFORE.test(before)) return false;
  const isUsual = cardKind(digits) === 'usual';
  if (isUsual && (!isGrouped || (APART_BEFORE.test(before) && APART_BEHIND.test(behind)))) return true;
  return IN_PROSE.test(digits);
}

/** True if groups of a card are some of many in rows, or columns of a table. */
function isInRows(before: string, written: string, behind: string): boolean {
  if (written.includes('\t')) return true;
  const isLine = /^$|\n$/.test(before) && /^(?:$|\r?\n)/.test(behind) && !written.includes('\n');
  const ahead = GROUPS_BEFORE.exec(before.slice(-GROUPS))?.[0] ?? '';
  const after = GROUPS_BEHIND.exec(behind)?.[0] ?? '';
  const others =
    groupsOf(ahead, (groups) => groups.splice(-4)) + groupsOf(after, (groups) => groups.splice(0, 4));
  return others > (isLine ? MOST_GROUPS_OF_LINES : MOST_GROUPS);
}

/** Counts groups but for those of other cards, which stand beside each other; a hexadecimal number counts twice. */
function groupsOf(written: string, takeFour: (groups: string[]) => string[]): number {
  const groups = written.match(/[\da-f]+/gi) ?? [];
  for (;;) {
    const rest = [...groups];
    const four = takeFour(rest).join('');
    if (!/^\d{16}$/.test(four) || cardKind(four) === undefined) {
      return groups.length + groups.filter((group) => /\d[a-f]|[a-f]\d/i.test(group)).length;
    }
    groups.splice(0, groups.length, ...rest);
  }
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
