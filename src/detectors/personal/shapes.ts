import { type AnchoredRule, anchoredRule, DIGITS, type RuleSource } from '../rule.ts';

/** A place where a number can begin; the letter of an escape, in JSON within a string, is no part of a word. */
export const NUMBER_EDGE = String.raw`(?<!\w(?<!\\[nrt]))`;

/** The text between the name of a field and its value, in prose, in JSON and in JSON within a string. */
export const BETWEEN = String.raw`(?: is)?[\s:="'#\\-]{1,16}`;

const SEPARATOR = /[ .-]/;

/** The longest beginning of whole groups that is valid: what follows a number can look like a part of it. */
export function longest(isValid: (compact: string) => boolean): (candidate: string) => number {
  return (candidate) => {
    const groups = candidate.split(SEPARATOR);
    for (let end = candidate.length; groups.length > 0; end -= (groups.pop()?.length ?? 0) + 1) {
      if (isValid(groups.join(''))) return end;
    }
    return 0;
  };
}

/** All of a candidate or nothing. */
export function wholly(isValid: (compact: string) => boolean): (candidate: string) => number {
  return (candidate) => (isValid(candidate.replace(/[ -]/g, '')) ? candidate.length : 0);
}

/** The sum of cards and of American provider numbers. @see ISO/IEC 7812-1, annex B */
export function isLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    sum += i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2;
  }
  return sum % 10 === 0;
}

export const NUMERALS = '0123456789';
export const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
export const LETTERS = CAPITALS + CAPITALS.toLowerCase();

export type NumberSource = Omit<RuleSource, 'anchors'> & {
  /** Distance from the first digit to a character that must be one of some ASCII characters. */
  readonly look: readonly [offset: number, units: string];
};

/**
 * A rule for what has a run of digits in it. Numbers are frequent and rules many: one look at one character saves most
 * expressions.
 */
export function numberRule({ look: [offset, units], ...source }: NumberSource): AnchoredRule {
  const rule = anchoredRule({ ...source, anchors: [DIGITS] });
  const isWorth = new Uint8Array(128);
  for (const unit of units) isWorth[unit.charCodeAt(0)] = 1;
  return {
    ...rule,
    look: { offset, isWorth },
    match: (text, at) => (isWorth[text.charCodeAt(at + offset)] === 1 ? rule.match(text, at) : undefined),
  };
}

/**
 * The rule, told where a match would begin of which there are only the characters before its anchor.
 *
 * @param beginning source of an expression for those, with a bounded number of characters
 * @param most how many those are at most
 */
export function withTail(rule: AnchoredRule, beginning: string, most: number): AnchoredRule {
  const tail = new RegExp(`${NUMBER_EDGE}${beginning}$`, 'gi');
  return {
    ...rule,
    openTail(text, from) {
      tail.lastIndex = Math.max(from, text.length - most);
      return tail.exec(text)?.index;
    },
  };
}
