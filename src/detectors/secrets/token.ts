import type { RuleSource } from '../rule.ts';
import { endsOf, isFiller, isIdentifier } from './filler.ts';

/** A place where a secret can begin: not within a word. */
export const TOKEN_EDGE = '(?<![A-Za-z0-9])';

/** The end of a word. */
export const END = '(?![A-Za-z0-9])';

/** Edges of what begins as many an id does: no part of a link, of base64 or of the boundary of a mail. */
export const SOLE_EDGE = '(?<![A-Za-z0-9+/_.-])';
export const SOLE_END = '(?![A-Za-z0-9+/=_-])';

/** Edges of what can stand in base64 by chance. */
export const BASE64_EDGE = '(?<![A-Za-z0-9+/])';
export const BASE64_END = '(?![A-Za-z0-9+/])';

export const UUID = '[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}';

type Prefixes = string | readonly string[];

/**
 * A token that begins with letters of its own: `gsk_` and so on.
 *
 * @param prefixes literals, capitals count; they are the anchors
 * @param body bounded expression for what follows; its last quantifier takes as much as it can
 */
export function token(id: string, prefixes: Prefixes, body: string): RuleSource {
  const list = [prefixes].flat();
  return {
    id,
    anchors: [...new Set(list.map((prefix) => prefix.toLowerCase()))],
    pattern: `${TOKEN_EDGE}(?:${list.map(literal).join('|')})${body}`,
  };
}

/** A token of fixed length whose beginning is short: it stands alone. */
export function soleToken(id: string, prefixes: Prefixes, body: string): RuleSource {
  const source = fixedToken(id, prefixes, body);
  return { ...source, pattern: SOLE_EDGE + source.pattern };
}

/** Length of a token, 0 for a filler and a name. Rules whose shape is their own are judged so. */
export function tokenLength(candidate: string): number {
  return isFiller(candidate) || isIdentifier(endsOf(candidate)) ? 0 : candidate.length;
}

/** A token of fixed length: a longer word is none. */
export function fixedToken(id: string, prefixes: Prefixes, body: string): RuleSource {
  return token(id, prefixes, `(?:${body})${END}`);
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^$|/\\()[\]{}]/g, '\\$&');
}

/** A quote. */
export const QUOTE = '["\'`]';

/** A sign of assignment. */
export const SIGN = '[:=?|<.+]{0,2}[:=>]{1,2}';

type Assignment = {
  /** Expression for the rest of the name, blanks included. */
  readonly rest: string;
  /** Expression right before the value; a quote or nothing by default. */
  readonly opening?: string;
  /** Expression for the sign of assignment; by default also the comma between two arguments. */
  readonly sign?: string;
  /** True if a blank assigns too, as on a command line. */
  readonly orBlank?: boolean;
};

/** A bounded expression for the text between a name and its value: `_KEY = "`, `': '`, `"] = `, ` is `. */
export function assignment({
  rest,
  opening = `(?:${QUOTE})?`,
  sign = `(?:${SIGN}|,)`,
  orBlank = false,
}: Assignment): string {
  const close = `(?:(?:${QUOTE}\\]?|\\])[ \\t]{0,3})?`;
  return `${rest}(?:(?:${close}${sign}|(?<=[ ])is[ ])\\s{0,5}${orBlank ? '|(?<=[ \\t])' : ''})${opening}`;
}
