import { type AnchoredRule, anchoredRule, DIGITS, type RuleSource } from '../rule.ts';

/** One kind of personal data. */
export type Entity = {
  /** Presidio's name where it has one. @see https://microsoft.github.io/presidio/supported_entities/ */
  readonly name: string;
  /** Other names people write for it, Keeptrusts' among them. */
  readonly aliases: readonly string[];
  /** Looked for in every text, with `pci_mode` or with `healthcare_mode` only. */
  readonly mode: 'always' | 'pci' | 'healthcare';
  /** All with the id that is the name in kebab-case. */
  readonly rules: readonly AnchoredRule[];
};

/** A rule of an entity; found by the digits of numbers where it names no anchors. */
type EntityRule =
  | (Omit<AnchoredRule, 'id' | 'anchors'> & Partial<AnchoredRule>)
  | (Omit<RuleSource, 'id' | 'anchors'> & Partial<RuleSource>);

export function entity(
  name: string,
  aliases: readonly string[],
  mode: Entity['mode'],
  ...rules: readonly EntityRule[]
): Entity {
  const id = name.toLowerCase().replaceAll('_', '-');
  const made = rules.map((rule) =>
    'match' in rule ? { anchors: [DIGITS], ...rule, id } : anchoredRule({ anchors: [DIGITS], ...rule, id }),
  );
  return { name, aliases, mode, rules: made };
}

/** A place where a number can begin, and one where it can end: signs of emphasis are no part of a name. */
export const NUMBER_EDGE = String.raw`(?<![A-Za-z\d]_{0,2})`;
export const NUMBER_END = String.raw`(?!_{0,2}[A-Za-z\d])`;

/** The text between the name of a field and its value, in prose, in JSON and in JSON within a string. */
export const BETWEEN = String.raw`(?: is)?[\s:="'#\\-]{1,16}`;

export const NUMERALS = '0123456789';
export const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

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
