/** A JSON value that is no text and no list, or a sign between values. */
const TOKEN =
  /[ \t\r\n]{0,1000}(?:(-?\d{1,400}(?:\.\d{1,400})?(?:[eE][+-]?\d{1,10})?|true|false|null)|([{}[\],:"]))/y;
const BEHIND_NUMBER = /^(?:$|[\s,}\]])/;

const NONE: ReadonlySet<number> = new Set();

/**
 * Starts of those spans that are whole numbers in a JSON object or list, or in one of several in a row. A replacement there
 * has to be a JSON string. Looks at nothing behind a number but one character: of a text that grows it says the same later.
 *
 * @param spans in order
 */
export function jsonNumbers(
  text: string,
  spans: readonly { readonly start: number; readonly end: number }[],
): ReadonlySet<number> {
  const wanted = new Map<number, number>();
  for (const { start, end } of spans) {
    if (isDigit(text, start) && isDigit(text, end - 1) && BEHIND_NUMBER.test(text.slice(end, end + 1)))
      wanted.set(start, end);
  }
  if (wanted.size === 0 || !/^\s{0,100}[{[]/.test(text)) return NONE;
  const last = Math.max(...wanted.keys());
  const numbers = new Set<number>();
  const open: string[] = [];
  // May follow: a value, the name of one, a colon, or a comma or an end
  let next: 'value' | 'name' | 'colon' | 'comma' = 'value';
  for (let at = 0; at <= last; ) {
    TOKEN.lastIndex = at;
    const [, plain, sign] = TOKEN.exec(text) ?? [];
    const end = TOKEN.lastIndex;
    const inside = open.at(-1);
    if (plain !== undefined) {
      if (next !== 'value' || inside === undefined) return numbers;
      if (wanted.get(end - plain.length) === end) numbers.add(end - plain.length);
      next = 'comma';
    } else if (sign === '"') {
      if (inside === undefined || (next !== 'value' && next !== 'name')) return numbers;
      next = next === 'name' ? 'colon' : 'comma';
      at = stringEnd(text, end);
      if (at < 0) return numbers;
      continue;
    } else if (sign === '{' || sign === '[') {
      if (next !== 'value' && inside !== undefined) return numbers;
      open.push(sign);
      next = sign === '{' ? 'name' : 'value';
    } else if (sign === '}' || sign === ']') {
      if (open.pop() !== (sign === '}' ? '{' : '[')) return numbers;
      next = 'comma';
    } else if (sign === ':' && next === 'colon') next = 'value';
    else if (sign === ',' && next === 'comma' && inside !== undefined)
      next = inside === '{' ? 'name' : 'value';
    else return numbers;
    at = end;
  }
  return numbers;
}

function isDigit(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit > 0x2f && unit < 0x3a;
}

/** The place behind the quote that closes a string, or -1. */
function stringEnd(text: string, from: number): number {
  for (let quote = text.indexOf('"', from); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let first = quote;
    while (first > from && text[first - 1] === '\\') first--;
    if ((quote - first) % 2 === 0) return quote + 1;
  }
  return -1;
}
