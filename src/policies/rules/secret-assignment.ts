/** A quote, also as it stands in JSON within a string. */
export const QUOTE = String.raw`\\{0,3}["'${'`'}]`;

/**
 * What stands between a name and its value: `_KEY = "`, `': '`, `"] = `, ` is `. All of it bounded.
 *
 * @param rest what more the name can have
 */
export function assignment(rest: string): string {
  const close = String.raw`(?:${QUOTE})?\]?`;
  const sign = String.raw`[ \t]{0,3}(?:[:=?|<]{0,2}[:=>]|,)`;
  const gap = String.raw`(?:\s|\\[nrt]){0,5}`;
  return `${rest}(?:${close}${sign}|[ ]is[ ])${gap}(?:${QUOTE})?`;
}
