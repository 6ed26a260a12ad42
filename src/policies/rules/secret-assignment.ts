/** A quote, also as it stands in JSON within a string. */
export const QUOTE = '\\\\{0,3}["\'`]';

/**
 * What stands between a name and its value: `_KEY = "`, `': '`, `"] = `, ` is `. All of it bounded.
 *
 * @param rest what more the name can have, blanks included
 * @param opening what stands right before the value
 */
export function assignment(rest: string, opening = `(?:${QUOTE})?`): string {
  const close = `(?:(?:${QUOTE}\\]?|\\])[ \\t]{0,3})?`;
  const sign = '(?:[:=?|<]{0,2}[:=>]|,)';
  const gap = '(?:\\s|\\\\[nrt]){0,5}';
  return `${rest}(?:${close}${sign}|(?<=[ ])is[ ])${gap}${opening}`;
}
