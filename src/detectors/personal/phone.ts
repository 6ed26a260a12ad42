import { type AnchoredRule, anchoredRule, DIGITS, type RuleSource, type Span, tableOf } from '../rule.ts';
import { type Entity, entity, NUMBER_EDGE, NUMERALS } from './entity.ts';
import { hasPossibleLength, isInternational, nationalForm } from './numbering.ts';
import { topicBefore } from './words.ts';

type PhoneRule = Omit<AnchoredRule, 'id' | 'anchors'> & { readonly anchors?: readonly string[] };

const GAP = '[ .()/-]{0,3}';
const BEGIN = String.raw`(?<![A-Za-z0-9+/](?<!\\[nrt])|[A-Za-z0-9+/]{20}=)`;
const PLUS = new RegExp(String.raw`${BEGIN}\+\d(?:${GAP}\d){6,15}(?!\d)`, 'y');
/** A number that goes on in the next line. */
const PLUS_WRAPPED = new RegExp(
  String.raw`${BEGIN}\+(?=[\d .()/-]{5})\d(?:${GAP}\d){3,8} ?\r?\n ?\d{2}(?:${GAP}\d){1,9}(?!\d)`,
  'y',
);
const PLUS_BEGUN = new RegExp(String.raw`${BEGIN}\+(?:${GAP}\d){0,16}`, 'y');
const ZEROS = new RegExp(String.raw`${NUMBER_EDGE}(?<![.,+/-])00(?:${GAP}\d){7,15}(?!\d)`, 'y');
const LOCAL = new RegExp(
  String.raw`${NUMBER_EDGE}(?<![+/&#%]|\w[-.]|(?:\d[\da-f]|[a-f]\d)[ :])\d(?:${GAP}\d){4,14}(?!\d)`,
  'iy',
);
const LOCAL_BEGUN = new RegExp(String.raw`\d(?:${GAP}\d){0,16}`, 'y');
const GAP_BEGUN = /^[ .()/\r\n-]{0,4}$/;

/** A word behind a number that is no part of a name. */
const REMARK_BEHIND = /^[-/][A-Za-z]{1,12}(?![\w/-]|\.\w)/;
const EXTENSION =
  /^(?:;ext=|[ ,;]{0,3}(?:ext(?:ension|n)?|x|#|доб|durchwahl|poste|anexo|int)[ .:=]{0,3})\d{1,6}(?!\w)/i;
const LONGEST = 16 * 4;
const BEHIND = 32;

/** A day, two years, an amount of money. */
const DATE =
  /^(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d\d(?![-./ ])))(?!\d)|^(?:\d{1,2} \d{1,2} \d{2,4}|(?:1[89]|20)\d\d[-/. ]{1,3}(?:1[89]|20)\d\d)$/;
const MONEY = /^ ?(?:[€$£¥%]|EUR|USD|GBP|PLN|zł|Kč|kr)/;
/** Rights of a file. */
const MODE = /^0[0-7]{3,6}(?: 0[0-7]{3,6}){0,3}$/;
/** Letters of other scripts go on with the sentence, and signs of emphasis with the text. */
const OTHER_BEHIND = /^(?:[A-Za-z=@]|_\w|\*[\d(]|[-./:]\w| (?:\d[\da-f]|[a-f]\d)[\da-f]{0,6}(?!\w))/i;
/** Groups of a number without its prefix, all with the same sign between them, or the first in brackets. */
const SHORT_FORMS =
  /^(?:\d{2,4}([ .-])\d{2,4}(?:\1\d{2,4}){1,3}|[2-9]\d{3} \d{4}|\(\d{2,5}\)[ .-]?\d{2,8}(?:[ .-]?\d{2,5}){0,3})$/;
const BYTES_BEFORE = /(?<!\w)(?:[\da-f]{2}){1,2} (?:(?:[\da-f]{2}){1,2} )?$/i;
const BYTES_BEHIND = /^(?: (?:[\da-f]{2}){1,2}){1,2}(?!\w)/i;
/** A line of a diff, or of a list of values with a sign. */
const DIFF = /(?:^|\n)(?:@@ -\d|\+\+\+ |diff --git )/;
const SIGNED_LINE = /(?:^|\n)[ +-]\d{5,15}(?:\n|$)/;

type Candidate = Span & { readonly written: string; readonly digits: string };

/** Numbers with the code of their country behind a plus. */
const INTERNATIONAL: PhoneRule = {
  anchors: ['+'],
  sources: [{ id: 'phone-number', anchors: ['+'], pattern: PLUS.source }],
  reach: () => LONGEST + BEHIND,
  match(text, at) {
    const isNumber = (found: Candidate) => isDialled(found, text);
    const isSaid = () => topicBefore(text, at, ['phone', 'contact', 'id']) === 'phone';
    const found =
      longest(text, at, PLUS, isNumber) ?? (isSaid() ? longest(text, at, PLUS_WRAPPED, isNumber) : undefined);
    return withExtension(text, found);
  },
  open: (text, at) => (isBegun(text, at, PLUS_BEGUN) ? bracketBefore(text, at) : undefined),
  openTail: openBracket,
};

/** The same behind the two zeros that most countries dial instead. */
const WITH_ZEROS: PhoneRule = {
  look: { offset: 1, isWorth: tableOf('0') },
  sources: [{ id: 'phone-number', anchors: [DIGITS], pattern: ZEROS.source }],
  reach: () => LONGEST + BEHIND,
  match(text, at) {
    if (!text.startsWith('00', at)) return undefined;
    const isNumber = (found: Candidate) => {
      const topic = topicBefore(text, at, ['phone', 'contact', 'id']);
      if (topic === 'id' || isPartOfOther(behind(text, found))) return false;
      // Code points
      if (/^\d{4}(?: \d{4})+$/.test(found.written) && topic === undefined) return false;
      return (
        (/\D/.test(found.written) || topic !== undefined) &&
        isInternational(found.digits.slice(2), topic !== undefined)
      );
    };
    return withExtension(text, longest(text, at, ZEROS, isNumber));
  },
  open: (text, at) => (isBegun(text, at, LOCAL_BEGUN) ? bracketBefore(text, at) : undefined),
};

/** Numbers as they are written within some countries. */
function national(countries: readonly string[]): PhoneRule {
  return {
    look: { offset: 0, isWorth: tableOf(NUMERALS) },
    sources: [{ id: 'phone-number', anchors: [DIGITS], pattern: LOCAL.source, flags: 'i' }],
    reach: () => LONGEST + BEHIND,
    match: (text, at) =>
      withExtension(
        text,
        longest(text, at, LOCAL, (found) => isLocal(found, text, countries)),
      ),
    open: (text, at) => (isBegun(text, at, LOCAL_BEGUN) ? bracketBefore(text, at) : undefined),
    openTail: openBracket,
  };
}

const AMERICAN_REST = String.raw`[2-9]\d{2}[-. ]\d{4}(?!\w|-\w)`;
/** With the same sign between its groups: clauses of contracts have a dot and a hyphen. */
const AMERICAN = String.raw`[2-9]\d{2}(?:-[2-9]\d{2}[- ]|\.[2-9]\d{2}\.)\d{4}(?!\w|-\w)`;

/** Without a country: the forms whose gaps, brackets or leading zero tell them from other numbers. */
const ANY_COUNTRY = [
  { anchors: ['('], pattern: String.raw`${NUMBER_EDGE}(?<![.+-])\([2-9]\d{2}\) ?${AMERICAN_REST}` },
  // With blanks where a word says so
  {
    look: [3, ' '] as const,
    isSaid: true,
    pattern: String.raw`${NUMBER_EDGE}(?<![.+-])[2-9]\d{2} [2-9]\d{2} \d{4}(?!\w|-\w| \d)`,
  },
  { look: [3, '-.'] as const, pattern: `${NUMBER_EDGE}(?<![.+-])${AMERICAN}` },
  {
    look: [0, '1'] as const,
    pattern: String.raw`${NUMBER_EDGE}(?<![.+-])1[-. ](?:\([2-9]\d{2}\) ?${AMERICAN_REST}|${AMERICAN})`,
  },
  // French, and any other that is written with its leading zero and with a gap
  {
    look: [0, '0'] as const,
    pattern: [
      String.raw`${NUMBER_EDGE}(?<![.+/-]|(?:\d[\dA-Fa-f]|[A-Fa-f]\d)[ :])0[1-9](?:[ .-]\d{2}){4}(?!\w|[ .-]\d|[ -][A-Fa-f\d]{2}(?!\w))`,
      String.raw`${NUMBER_EDGE}(?<![.+/-]|(?:\d[\dA-Fa-f]|[A-Fa-f]\d)[ :])0[1-9]\d{1,4}[ /-]\d{3,8}(?:[ -]\d{2,6}){0,2}(?!\w|[./-]\w)`,
    ].join('|'),
    // Three times a zero and three digits are code points
    judge: (candidate: string) =>
      /^(?!0\d{3} 0\d{3} 0)(?:\D*\d){9,12}\D*$/.test(candidate) ? candidate.length : 0,
  },
].map(({ isSaid = false, ...source }: Partial<RuleSource> & { pattern: string; isSaid?: boolean }) =>
  calledNothingElse({ anchors: [DIGITS], ...source, id: 'phone-number' }, isSaid),
);

/** An American code of a place, or any with a year behind it. */
const POSTAL = /^0\d{4,5}[ -]\d{4}$/;
/** Leaves a number that a word before it calls something else, and what looks like the code of a place. */
function calledNothingElse(source: RuleSource, isSaid: boolean): PhoneRule {
  const rule = anchoredRule(source);
  return {
    ...rule,
    match(text, at) {
      const found = rule.match(text, at);
      if (found === undefined) return undefined;
      const topic = topicBefore(text, found.start, ['phone', 'contact', 'id', 'version']);
      if (topic === 'phone' || topic === 'contact') return found;
      return isSaid || topic !== undefined || POSTAL.test(text.slice(found.start, found.end))
        ? undefined
        : found;
    },
  };
}

const ALIASES = ['PHONE'];

/** Telephone numbers, as every text can hold them. */
export const PHONE: Entity = entity(
  'PHONE_NUMBER',
  ALIASES,
  'always',
  INTERNATIONAL,
  WITH_ZEROS,
  ...ANY_COUNTRY,
);

const byCountries = new Map<string, Entity>();

/** The same with the national forms of some countries in place of those that need no country; one entity for each choice. */
export function phoneIn(countries: readonly string[]): Entity {
  if (countries.length === 0) return PHONE;
  const key = [...countries].sort().join();
  const known =
    byCountries.get(key) ??
    entity(PHONE.name, ALIASES, 'always', INTERNATIONAL, WITH_ZEROS, national(countries));
  byCountries.set(key, known);
  return known;
}

function isDialled({ written, digits, start, end }: Candidate, text: string): boolean {
  const rest = text.slice(end, end + BEHIND);
  // Dumps have no plus
  if (!/^ [\da-f]/i.test(rest) && isPartOfOther(rest)) return false;
  const topic = topicBefore(text, start, ['phone', 'contact', 'id']);
  const isBare = /^\+\d+$/.test(written);
  if (isBare && (topic === 'id' || (topic === undefined && isInDiff(text, start, end)))) return false;
  // Latitude and longitude (ISO 6709)
  if (/^\+\d{4}[+-]\d{5}$|^\+\d{6}[+-]\d{7}$/.test(written) && topic === undefined) return false;
  // A decimal fraction with its sign
  if (/^\+\d+\.\d+$/.test(written) && topic !== 'phone') return false;
  const dialled = written.includes('(0)') ? written.replace('(0)', '').replace(/\D/g, '') : digits;
  const isClear = topic === 'phone' || topic === 'contact' || written.split(/\d+/).length > 4;
  return isInternational(dialled, isClear);
}

const isPartOfOther = (rest: string) =>
  OTHER_BEHIND.test(rest) && !EXTENSION.test(rest) && !REMARK_BEHIND.test(rest);

/** True if a number with its sign is a line for itself, among others or in a diff. */
function isInDiff(text: string, start: number, end: number): boolean {
  if (start > 0 && text[start - 1] !== '\n') return false;
  if (end < text.length && text[end] !== '\n') return false;
  const before = text.slice(Math.max(0, start - 400), start);
  if (DIFF.test(before)) return true;
  const lines = [
    before.slice(0, -1).split('\n').at(-1) ?? '',
    text.slice(end + 1, end + BEHIND).split('\n', 1)[0] ?? '',
  ];
  return lines.some((line) => SIGNED_LINE.test(line) && !isInternational(line.replace(/\D/g, ''), false));
}

function isLocal(
  { written, digits, start, end }: Candidate,
  text: string,
  countries: readonly string[],
): boolean {
  const rest = text.slice(end, end + BEHIND);
  if (DATE.test(written) || MONEY.test(rest) || isPartOfOther(rest)) return false;
  const topic = topicBefore(text, start, ['phone', 'contact', 'id']);
  if (topic === 'id' || (topic === undefined && MODE.test(written))) return false;
  const form = nationalForm(written.split(/\D+/).filter(Boolean), countries);
  const isSaid = topic !== undefined;
  if (form === undefined) return isSaid && hasPossibleLength(digits, countries);
  if (isSaid) return true;
  // One piece of digits beside a comma is a part of a number
  if (/^\d+$/.test(written) && (/\d,$/.test(text.slice(start - 2, start)) || /^,\d/.test(rest))) return false;
  if (/^\d+\.\d+$|^\d{1,3}(?:\.\d{1,3}){3}$/.test(written) || isInDump(text, start, end)) return false;
  // One piece of digits can be anything, unless it begins as numbers do and is about as long
  if (/^\d+$/.test(written)) return form === 'prefixed' && /^0\d{8,11}$/.test(written);
  if (form === 'prefixed') return digits.length > 6 && !/^[18]\d/.test(written);
  return form === 'grouped' || SHORT_FORMS.test(written);
}

/** True if at least two more bytes or words in hexadecimal stand beside it. */
function isInDump(text: string, start: number, end: number): boolean {
  const before = BYTES_BEFORE.exec(text.slice(Math.max(0, start - 11), start))?.[0] ?? '';
  const behind = BYTES_BEHIND.exec(text.slice(end, end + 11))?.[0] ?? '';
  return `${before}${behind}`.split(' ').length > 2;
}

/** The longest beginning of whole groups that is a number. */
function longest(
  text: string,
  at: number,
  shape: RegExp,
  isNumber: (found: Candidate) => boolean,
): Candidate | undefined {
  shape.lastIndex = at;
  let written = shape.exec(text)?.[0];
  while (written !== undefined) {
    const start = /^[^()]*\)/.test(written) ? bracketBefore(text, at) : at;
    const found = {
      start,
      end: at + written.length,
      written: text.slice(start, at) + written,
      digits: written.replace(/\D/g, ''),
    };
    if (found.digits.length < 5) return undefined;
    if (hasWholeBrackets(found.written) && isNumber(found)) return found;
    written = /^(.*\d)\D{1,3}\d+$/s.exec(written)?.[1];
  }
  return undefined;
}

function hasWholeBrackets(written: string): boolean {
  return /^[^()]*(?:\([^()]+\)[^()]*){0,2}$/.test(written);
}

function withExtension(text: string, found: Candidate | undefined): Span | undefined {
  if (found === undefined) return undefined;
  const extension = EXTENSION.exec(behind(text, found))?.[0] ?? '';
  return { start: found.start, end: found.end + extension.length };
}

const behind = (text: string, { end }: Span) => text.slice(end, end + BEHIND);

/** The start of a number with the bracket round its first digits. */
function bracketBefore(text: string, at: number): number {
  return text[at - 1] === '(' ? at - 1 : at;
}

/** True if more text could make a number of what begins here, or change what was made of it. */
function isBegun(text: string, at: number, begun: RegExp): boolean {
  begun.lastIndex = at;
  if (!begun.test(text)) return false;
  const rest = text.slice(begun.lastIndex, begun.lastIndex + BEHIND);
  return begun.lastIndex - at < 6 ? GAP_BEGUN.test(rest) : rest.length < BEHIND;
}

/** A bracket at the end can stand before a number. */
function openBracket(text: string, from: number): number | undefined {
  return text.length > from && text.endsWith('(') ? text.length - 1 : undefined;
}
