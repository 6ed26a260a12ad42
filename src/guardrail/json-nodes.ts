/** Most nodes that are read by default, in some 50 ms: a chat of 1 MB has some thousands. */
export const MAX_NODES = 100_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** Bytes of a string that are looked at one by one: a search pays off for longer ones. */
const SHORT_STRING = 24;

/**
 * Counts the lists, objects and commas in JSON, and stops when there are more than a number of them: what a body costs to parse and
 * to walk goes by these, and not by its bytes. It reads 1 to 100 GB a second outside and inside of strings.
 */
export function countNodes(json: Uint8Array, max: number): number {
  const { length } = json;
  let nodes = 0;
  let at = 0;
  while (at < length && nodes <= max) {
    const byte = json[at++];
    if (byte === QUOTE) at = endOfString(json, at);
    // `[` and `{` are the same but for this bit
    else if (byte === COMMA || (byte! | 0x20) === 0x7b) nodes++;
  }
  return nodes;
}

/** The place behind the quote that ends a string; the end of the JSON where there is none. */
function endOfString(json: Uint8Array, from: number): number {
  let at = from;
  for (const until = Math.min(json.length, from + SHORT_STRING); at < until; at++) {
    const byte = json[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
  }
  for (;;) {
    const quote = json.indexOf(QUOTE, at);
    if (quote < 0) return json.length;
    let before = quote - 1;
    while (before >= at && json[before] === BACKSLASH) before--;
    at = quote + 1;
    if ((quote - before) % 2 === 1) return at;
  }
}

/** The nodes of the JSON that stands in strings of a document, as far as they are parsed, here and by backends. */
export class InnerNodes {
  /** Characters so far: there are no more nodes than that. Beyond a bound nodes are counted instead. */
  #chars = 0;
  #nodes = 0;
  readonly #max: number;

  /** @param max most nodes */
  constructor(max: number) {
    this.#max = max;
  }

  /** Returns false if that is too much. */
  add(json: string): boolean {
    if (this.#chars + json.length <= this.#max) {
      this.#chars += json.length;
      return true;
    }
    this.#nodes += countNodes(Buffer.from(json), this.#max);
    return this.#nodes <= this.#max;
  }
}
