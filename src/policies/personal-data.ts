import { isIPv6 } from 'node:net';
import { REDACTED } from './credentials.ts';

/** How many characters of a candidate are what was looked for; 0 for none. */
type Judge = (candidate: string) => number;

const SEPARATOR = /[ .-]/;

/** Where a number can begin; the letter of an escape, in JSON within a string, is no part of a word. */
const EDGE = String.raw`(?<!\w(?<!\\[nrt]))`;
const shape = (source: string, flags = 'g') => new RegExp(EDGE + source, flags);

/** Payment cards: 13 to 19 digits in one piece, or in the groups that stand on a card. No issuer begins with 0 or 1. */
const CARD = shape(
  String.raw`(?<!\d\.)[2-6](?:\d{12,18}|\d{3}[ .-]\d{6}[ .-]\d{4,5}|\d{3}(?:[ .-]\d{4}){2}[ .-]\d{1,4}(?:[ .-]\d{1,3})?)(?!\w)`,
);
const IBAN = shape(String.raw`[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?!\w)`, 'gi');
const US_SSN = shape(String.raw`(?<!-)(?!000|666|9\d\d)\d{3}([ -])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-])`);
const OCTET = String.raw`(?:25[0-5]|2[0-4]\d|1?\d?\d)`;
const IPV4 = shape(String.raw`(?<!\.)${OCTET}(?:\.${OCTET}){3}(?!\w|\.\d)`);
const IPV6 = shape(String.raw`(?<![:.])(?=[0-9A-F]{0,4}:[0-9A-F]{0,4}:)[0-9A-F:.]{4,45}(?!\w)`, 'gi');
const PHONES = [
  /(?<![A-Za-z0-9+/=](?<!\\[nrt]))\+\d(?:[ .()/-]{0,3}\d){7,14}(?!\d)/g,
  shape(String.raw`(?<![.+-])(?:1[-. ])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-.])[2-9]\d{2}[-. ]\d{4}(?!\w|-\w)`),
  shape(String.raw`(?<![.,+-])0[1-9](?:[ .-]\d{2}){4}(?!\w|[ .-]\d)`),
];
/** A number within a country, written with its leading zero and with a gap. */
const TRUNK_PHONE = shape(String.raw`(?<![.,+-])0[1-9]\d{1,4}[ /-]\d{3,8}(?:[ -]\d{2,6}){0,2}(?!\w|[.,-]\d)`);

const DOMAIN = /(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,24}/uy;
const LOCAL = /[\p{L}\p{N}._%+'-]/u;
/** What belongs to the backslash before it. */
const ESCAPE = /^(?:u[0-9a-f]{4}|[nrtbf])/i;
const IMAGE_NAME = /\.(?:png|jpe?g|gif|svg|webp)$/i;

const MEDIA = /^(?:data:[\w.+/-]{0,100};base64,)?[A-Za-z0-9+/_=-]*$/;

/**
 * The text with `[REDACTED]` for each e-mail address, payment card (Luhn), IBAN (mod 97), US social security number,
 * telephone number and IP address. The same string if there is none, and for base64 media.
 */
export function removePersonalData(text: string): string {
  if (text.length > 512 && MEDIA.test(text)) return text;
  let rest = text.includes('@') ? removeEmails(text) : text;
  if (rest.includes(':')) rest = remove(rest, IPV6, ipv6);
  if (!/\d/.test(rest)) return rest;
  rest = remove(rest, CARD, longest(isCard));
  rest = remove(rest, IBAN, longest(isIban));
  rest = rest.replace(US_SSN, REDACTED).replace(IPV4, REDACTED);
  for (const phone of PHONES) rest = rest.replace(phone, REDACTED);
  return remove(rest, TRUNK_PHONE, (candidate) =>
    /^(?:\D*\d){9,12}\D*$/.test(candidate) ? candidate.length : 0,
  );
}

/** Replaces what a judge confirms. After a refusal the search goes on behind the first group of the candidate. */
function remove(text: string, pattern: RegExp, judge: Judge): string {
  let rest = '';
  let from = 0;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [candidate] = match;
    const length = judge(candidate);
    if (length > 0) {
      rest += text.slice(from, match.index) + REDACTED;
      from = match.index + length;
      pattern.lastIndex = from;
    } else {
      const gap = candidate.search(SEPARATOR);
      if (gap > 0) pattern.lastIndex = match.index + gap;
    }
  }
  return from === 0 ? text : rest + text.slice(from);
}

/** The longest beginning of whole groups that is valid: what follows a number can look like a part of it. */
function longest(isValid: (compact: string) => boolean): Judge {
  return (candidate) => {
    const groups = candidate.split(SEPARATOR);
    for (let end = candidate.length; groups.length > 0; end -= (groups.pop()?.length ?? 0) + 1) {
      if (isValid(groups.join(''))) return end;
    }
    return 0;
  };
}

function isCard(digits: string): boolean {
  if (digits.length < 13 || digits.length > 19) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    sum += i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2;
  }
  return sum % 10 === 0;
}

function isIban(compact: string): boolean {
  if (compact.length < 15 || compact.length > 34 || !/(?:\D*\d){8}/.test(compact)) return false;
  let rest = 0;
  for (let i = 0; i < compact.length; i++) {
    const value = Number.parseInt(compact[(i + 4) % compact.length]!, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

/** Not every `a::b` is an address: code is full of them. */
function ipv6(candidate: string): number {
  const address = candidate.replace(/[:.]$/, '');
  const groups = address.split(':').filter((group) => group !== '');
  const isLong = groups.length > 2 || (groups[0]?.length ?? 0) > 2;
  return isLong && /\d/.test(address) && isIPv6(address) ? address.length : 0;
}

function removeEmails(text: string): string {
  let rest = '';
  let from = 0;
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    DOMAIN.lastIndex = at + 1;
    const domain = DOMAIN.exec(text)?.[0];
    if (domain === undefined || IMAGE_NAME.test(domain)) continue;
    let start = at;
    while (start > from && at - start < 64 && LOCAL.test(text[start - 1]!)) start--;
    if (text[start - 1] === '\\') start += ESCAPE.exec(text.slice(start, start + 5))?.[0].length ?? 0;
    if (start >= at) continue;
    rest += text.slice(from, start) + REDACTED;
    from = at + 1 + domain.length;
  }
  return from === 0 ? text : rest + text.slice(from);
}
