/** Levels that are read by default, more than any real conversation or JSON schema has. */
export const DEFAULT_DEPTH = 128;

/**
 * Most levels that may be read: `structuredClone` of objects is the first to exhaust the stack of Node's main thread, at 1,600, then
 * `JSON.stringify` at 4,400.
 */
export const MAX_DEPTH = 512;

/** Most nodes that are read by default, in some 50 ms: a chat of 1 MB has some thousands. */
export const MAX_NODES = 100_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** Bytes of a string that are looked at one by one: a search pays off for longer ones. */
const SHORT_RUN = 24;

/** Most bytes of a body that is not scanned where it has few brackets. */
const SHORT_BODY = 100_000;

/** Bounds of JSON: what it costs to parse and to walk goes by its lists, objects and commas, the stack it takes by its depth. */
export type JsonLimits = { readonly maxJsonNodes: number; readonly maxJsonDepth: number };

export const DEFAULT_LIMITS: JsonLimits = { maxJsonNodes: MAX_NODES, maxJsonDepth: DEFAULT_DEPTH };

/** The size of JSON, as far as it was read: not beyond a limit. */
export type JsonSize = {
  /** Lists, objects and commas. */
  readonly nodes: number;
  readonly beyond: keyof JsonLimits | undefined;
};

/** The size of a body, and its text if that had to be read. Nodes are zero for a short one that has few brackets, and so is cheap. */
export type BodySize = JsonSize & { readonly text: string | undefined };

/**
 * Measures a body before it is parsed. Up to 100,000 bytes it is only searched for closing brackets, at a thirtieth of the time
 * of parsing it, where a scan of a conversation takes a third.
 */
export function measureBody(body: Buffer, limits: JsonLimits): BodySize {
  if (body.length > SHORT_BODY || body.length > limits.maxJsonNodes) return sizeOf(body, limits, undefined);
  const text = body.toString();
  if (!hasFewBrackets(text, limits.maxJsonDepth)) return sizeOf(body, limits, text);
  return { nodes: 0, beyond: undefined, text };
}

function sizeOf(body: Buffer, limits: JsonLimits, text: string | undefined): BodySize {
  const { nodes, beyond } = measureJson(body, limits);
  return { nodes, beyond, text };
}

/** True for JSON in a string that is not beyond a limit. */
export function isReadable(json: string, limits: JsonLimits): boolean {
  // A node takes a character or more
  if (json.length <= limits.maxJsonNodes && hasFewBrackets(json, limits.maxJsonDepth)) return true;
  return measureJson(Buffer.from(json), limits).beyond === undefined;
}

/** True for a text with so few closing brackets, in strings or not, that it cannot be deeper as JSON. */
function hasFewBrackets(text: string, max: number): boolean {
  let left = max;
  for (const bracket of '}]') {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1))
      if (left-- === 0) return false;
  }
  return true;
}

/**
 * Counts the lists, objects and commas of JSON and its levels, and stops beyond a limit. It need not be valid. Of 1 MB of prose
 * this takes 5 % of the time of parsing; of code, where every twentieth letter is escaped, about as long.
 */
export function measureJson(json: Uint8Array, { maxJsonNodes, maxJsonDepth }: JsonLimits): JsonSize {
  const { length } = json;
  let nodes = 0;
  let depth = 0;
  let at = 0;
  while (at < length) {
    const byte = json[at++]!;
    if (byte === QUOTE) at = endOfString(json, at);
    else if (byte === COMMA) nodes++;
    // Square and curly brackets are the same but for this bit
    else if ((byte | 0x20) === 0x7b) {
      nodes++;
      if (++depth > maxJsonDepth) return { nodes, beyond: 'maxJsonDepth' };
    } else if ((byte | 0x20) === 0x7d) depth--;
    else continue;
    if (nodes > maxJsonNodes) return { nodes, beyond: 'maxJsonNodes' };
  }
  return { nodes, beyond: undefined };
}

/** Counts the lists, objects and commas of JSON, and stops when there are more than a number of them. */
export function countNodes(json: Uint8Array, max: number): number {
  return measureJson(json, { maxJsonNodes: max, maxJsonDepth: Number.POSITIVE_INFINITY }).nodes;
}

/** The place behind the quote that ends a string; the end of the JSON where there is none. */
export function endOfString(json: Uint8Array, from: number): number {
  const { length } = json;
  let at = from;
  while (at < length) {
    for (const until = Math.min(length, at + SHORT_RUN); at < until; at++) {
      const byte = json[at];
      if (byte === QUOTE) return at + 1;
      if (byte === BACKSLASH) at++;
    }
    const quote = json.indexOf(QUOTE, at);
    if (quote < 0) return length;
    let before = quote - 1;
    while (before >= at && json[before] === BACKSLASH) before--;
    at = quote + 1;
    if ((quote - before) % 2 === 1) return at;
  }
  return length;
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
