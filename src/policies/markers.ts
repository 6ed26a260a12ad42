import { LRUCache } from 'lru-cache';
import type { TextEdit } from '../guardrail/edit.ts';
import { memoryBytes, textBytes } from '../guardrail/memory.ts';

/** An edit with the place where its announcement begins. */
export type PlacedEdit = TextEdit & { readonly from: number };

const MAX_CALLS = 1000;
const MAX_VALUES = 1000;
const MAX_AGE_MS = 15 * 60_000;

/** Redacted values of the calls under way, in memory alone: bounded by number, age and bytes, and forgotten at a restart. */
export class MarkerStore {
  /** Markers by call. */
  readonly #calls: LRUCache<string, Markers>;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor({ max = MAX_CALLS, ttl = MAX_AGE_MS, maxBytes = memoryBytes('redacted values') } = {}) {
    const dispose = (markers: Markers) => {
      this.#bytes -= markers.bytes;
    };
    this.#calls = new LRUCache({ max, ttl, dispose });
    this.#maxBytes = maxBytes;
  }

  /** Markers of the request that a response belongs to. */
  of(call: string): Markers | undefined {
    return this.#calls.get(call);
  }

  /** Takes over what was redacted in another thread, unless something was here. */
  tell(call: string, values: MarkerValues): void {
    if (!this.#calls.has(call)) this.replace(call, values);
  }

  /** Takes over what was redacted elsewhere, in place of what was here. */
  replace(call: string, { highest, values }: MarkerValues): void {
    const markers = this.open(call);
    for (const [marker, value] of values) markers.put(marker, value, highest);
  }

  /** New markers for a request, in place of those under the same key. */
  open(call: string): Markers {
    this.#calls.purgeStale();
    const markers: Markers = new Markers((bytes) => {
      // Forgotten while its call is judged
      if (this.#calls.peek(call) !== markers) return;
      this.#bytes += bytes;
      while (this.#bytes > this.#maxBytes) this.#calls.pop();
    });
    this.#calls.set(call, markers);
    return markers;
  }
}

/** The markers of one request as plain data. */
export type MarkerValues = {
  readonly highest: number;
  readonly values: readonly (readonly [marker: string, value: string])[];
};

/** Markers that only differ in their numbers. */
type Group = { readonly beginning: string; readonly values: Map<string, string>; lengths: readonly number[] };

/**
 * Values that were redacted in one request, by the markers that stand for them, to be put back into its response. Markers
 * are looked for by their beginnings, of which there are few: a thousand cost no more than a dozen.
 */
export class Markers {
  readonly #groups = new Map<string, Group>();
  #size = 0;
  #highest = 0;
  #bytes = 0;
  readonly #grown: (bytes: number) => void;

  /** @param grown told of the bytes of each value that is added */
  constructor(grown: (bytes: number) => void = () => {}) {
    this.#grown = grown;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The highest number of a marker. */
  get highest(): number {
    return this.#highest;
  }

  /** Remembers the value behind a marker. */
  put(marker: string, value: string, number = 0): void {
    this.#highest = Math.max(this.#highest, number);
    const beginning = marker.replace(/\d{1,9}\]?"?$/, '');
    const end = marker.slice(beginning.length);
    const group: Group = this.#groups.get(beginning) ?? { beginning, values: new Map(), lengths: [] };
    const before = group.values.get(end);
    if (before === undefined && this.#size === MAX_VALUES) return;
    if (before === undefined) this.#size++;
    this.#groups.set(beginning, group);
    group.values.set(end, copyOf(value));
    const bytes =
      before === undefined ? textBytes([marker, value]) : textBytes([value]) - textBytes([before]);
    this.#bytes += bytes;
    this.#grown(bytes);
    if (group.lengths.includes(end.length)) return;
    group.lengths = [...group.lengths, end.length].sort((a, b) => b - a);
  }

  /** All of them, for another thread. */
  values(): MarkerValues {
    const values = [...this.#groups.values()].flatMap(({ beginning, values }) =>
      [...values].map(([end, value]) => [beginning + end, value] as const),
    );
    return { highest: this.#highest, values };
  }

  /** Where markers stand in a response, with the values behind them, and from where on more of one may follow. */
  restore(text: string): { readonly edits: readonly PlacedEdit[]; readonly open: number } {
    const groups = [...this.#groups.values()];
    const edits = groups.flatMap((group) => editsOf(group, text));
    const open = Math.min(text.length, ...groups.map((group) => openOf(group, text)));
    return { edits: edits.sort((a, b) => a.start - b.start || b.end - a.end), open };
  }
}

/** A part of a string keeps the whole of it in memory; a copy does not. */
export function copyOf(part: string): string {
  return Buffer.from(part, 'utf16le').toString('utf16le');
}

/** Of two markers that begin at one place the longer one stands there: MAIL_12, not MAIL_1. */
function editsOf({ beginning, values, lengths }: Group, text: string): PlacedEdit[] {
  const edits: PlacedEdit[] = [];
  for (let start = text.indexOf(beginning); start >= 0; start = text.indexOf(beginning, start + 1)) {
    const at = start + beginning.length;
    const end = lengths.map((length) => text.slice(at, at + length)).find((found) => values.has(found));
    if (end === undefined) continue;
    edits.push({ start, end: at + end.length, from: start, text: values.get(end) as string });
  }
  return edits;
}

/** Where the end of a text cuts off what could be a marker. */
function openOf({ beginning, values, lengths: [longest = 0] }: Group, text: string): number {
  for (let at = Math.max(0, text.length - beginning.length - longest + 1); at < text.length; at++) {
    const rest = text.slice(at);
    if (!rest.startsWith(beginning.slice(0, rest.length))) continue;
    for (const end of values.keys()) {
      const marker = beginning + end;
      if (marker.length > rest.length && marker.startsWith(rest)) return at;
    }
  }
  return text.length;
}
