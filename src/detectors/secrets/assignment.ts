/** A quote, also as it stands in JSON within a string. */
export const QUOTE = '\\\\{0,3}["\'`]';

const SIGN = '[:=?|<]{0,2}[:=>]';

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
  const gap = '(?:\\s|\\\\[nrt]){0,5}';
  return `${rest}(?:(?:${close}${sign}|(?<=[ ])is[ ])${gap}${orBlank ? '|(?<=[ \\t])' : ''})${opening}`;
}

/** After the name of a secret, where any value counts: a list of names is no assignment. */
export function strictAssignment(rest: string, opening: string): string {
  return assignment({ rest, opening, sign: SIGN });
}
