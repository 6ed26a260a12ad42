import { Rewriting, type Rewritten } from './offsets.ts';

const EQUALS = 0x3d;
/** UTF-16 units of a value in which blanks are undone, and of a name. */
const LONGEST_VALUE = 512;
const LONGEST_NAME = 64;
/** UTF-16 units before a place that {@link withFormBlanks} looks at. */
export const FORM_CONTEXT = LONGEST_VALUE + LONGEST_NAME + 2;

const unitsOf = (pattern: RegExp) =>
  Uint8Array.from({ length: 128 }, (_, unit) => (pattern.test(String.fromCharCode(unit)) ? 1 : 0));
/** Characters of names and values in addresses and forms. */
const IN_VALUE = unitsOf(/[\w.~*!%+:/,@-]/);
const IN_NAME = unitsOf(/[\w.~%-]/);
/** Characters on either side of a blank. */
const BEFORE_BLANK = unitsOf(/[\w.~*!:,@]/);
const BEHIND_BLANK = unitsOf(/[\w.~*!@%]/);

/** A value of words and numbers has no such letters within a row of them, standard base64 has. */
const BASE64 = /^[A-Za-z0-9+/]{20,512}(?:%3[dD]){0,2}$/;
const MIXED = /[a-z][A-Z]|[A-Z]\d|\d[A-Z]|\/[A-Z]/;

/**
 * The text with `+` as a blank where forms are written in addresses or bodies: `?q=a+b`, `name=a+b+c&…`, `name=a+%C3%BC`. Undefined
 * if that is the text itself. Linear.
 *
 * @param before what stands before the text: {@link FORM_CONTEXT} units, or all
 */
export function withFormBlanks(text: string, before: string): Rewritten | undefined {
  // Joining costs more than all the rest where nothing is to undo
  if (!text.startsWith('+') && nextBlank(text, 0) < 0) return undefined;
  const whole = before + text;
  const rewriting = new Rewriting(text);
  for (let at = nextBlank(whole, before.length); at >= 0; ) {
    const value = valueAround(whole, at);
    if (value === undefined) at = nextBlank(whole, endOfValue(whole, at, LONGEST_VALUE));
    else {
      for (; at >= 0 && at < value.end; at = nextBlank(whole, at + 1))
        if (value.isForm) rewriting.put(at - before.length, at - before.length + 1, ' ');
    }
  }
  return rewriting.finish();
}

/** The place before which no further text changes what {@link withFormBlanks} makes of a text. */
export function openForms(text: string, before: string): number {
  const tail = (before + text.slice(Math.max(0, text.length - FORM_CONTEXT))).slice(-FORM_CONTEXT);
  let start = tail.length;
  while (start > 0 && isIn(IN_VALUE, tail.charCodeAt(start - 1))) start--;
  // An ampersand or an equals sign behind the value tells of it too
  const plus = tail.indexOf('+', start);
  return plus < 0 ? text.length : Math.max(0, text.length - tail.length + plus);
}

const isIn = (units: Uint8Array, unit: number) => units[unit] === 1;

/** The next `+` between what may be two words. */
function nextBlank(text: string, from: number): number {
  for (let at = text.indexOf('+', from); at >= 0; at = text.indexOf('+', at + 1))
    if (isIn(BEFORE_BLANK, text.charCodeAt(at - 1)) && isIn(BEHIND_BLANK, text.charCodeAt(at + 1))) return at;
  return -1;
}

function endOfValue(text: string, from: number, most: number): number {
  let end = from;
  while (end < Math.min(text.length, from + most) && isIn(IN_VALUE, text.charCodeAt(end))) end++;
  return Math.max(end, from + 1);
}

/** The value that a `+` stands in, of at most so many units, and if it is one of a form. */
function valueAround(
  text: string,
  at: number,
): { readonly end: number; readonly isForm: boolean } | undefined {
  let start = at;
  while (start > Math.max(0, at - LONGEST_VALUE) && isIn(IN_VALUE, text.charCodeAt(start - 1))) start--;
  if (text.charCodeAt(start - 1) !== EQUALS) return undefined;
  let name = start - 1;
  const least = Math.max(0, name - LONGEST_NAME);
  while (name > least && isIn(IN_NAME, text.charCodeAt(name - 1))) name--;
  if (name === start - 1) return undefined;
  const end = endOfValue(text, start, LONGEST_VALUE);
  const value = text.slice(start, end);
  const mark = text[name - 1] ?? '';
  const isQuery = mark === '?' || mark === '&' || text.slice(Math.max(0, name - 5), name) === '&amp;';
  const isBody = /^[\s"'`]?$/.test(mark) && (text[end] === '&' || hasCodes(value)) && isLikeForm(value);
  return { end, isForm: (isQuery || isBody) && !(BASE64.test(value) && MIXED.test(value)) };
}

const hasCodes = (value: string) => /%[0-9a-fA-F]{2}/.test(value);
const isLikeForm = (value: string) => hasCodes(value) || /\+[^+]+\+/.test(value);
