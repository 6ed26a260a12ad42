import { lazily } from '../lazily.ts';
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
  /** See {@link withTail}. */
  readonly tail?: Tail;
};

/** Expression for the characters of a match before its anchor, and how many those are at most. */
export type Tail = readonly [beginning: string, most: number];

/**
 * A rule for text with a run of digits in it. Numbers are frequent and rules many: one look at one character saves most
 * expressions.
 */
export function numberRule({ look: [offset, units], tail, ...source }: NumberSource): AnchoredRule {
  const rule = anchoredRule({ ...source, anchors: [DIGITS] });
  const isWorth = new Uint8Array(128);
  for (const unit of units) isWorth[unit.charCodeAt(0)] = 1;
  const looking: AnchoredRule = {
    ...rule,
    look: { offset, isWorth },
    match: (text, at) => (isWorth[text.charCodeAt(at + offset)] === 1 ? rule.match(text, at) : undefined),
  };
  return tail === undefined ? looking : withTail(looking, tail);
}

/** The rule with a search for matches of which the text ends before their anchor. */
export function withTail(rule: AnchoredRule, [beginning, most]: Tail): AnchoredRule {
  const tail = lazily(() => new RegExp(`${NUMBER_EDGE}${beginning}$`, 'gi'));
  return {
    ...rule,
    openTail(text, from) {
      tail().lastIndex = Math.max(from, text.length - most);
      return tail().exec(text)?.index;
    },
  };
}
