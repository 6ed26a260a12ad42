import type { Span } from '../rule.ts';

/** Numbers for each stretch that was rewritten: where it begins and ends in the new text, and in the old one. */
const FIELDS = 4;

const NONE = new Int32Array(0);

/** A text that is written anew from the left to the right, with the places of what is rewritten. */
export class Rewriting {
  readonly #source: string;
  #text = '';
  #done = 0;
  #stretches = NONE;
  #end = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** End of the last stretch that was rewritten. */
  get done(): number {
    return this.#done;
  }

  /** Writes something else for a stretch. Units in place of as many keep their places each. */
  put(start: number, end: number, text: string): void {
    this.#text += this.#source.slice(this.#done, start);
    const at = this.#text.length;
    this.#text += text;
    this.#done = end;
    if (text.length === end - start) return;
    const last = this.#end - FIELDS;
    if (text === '' && this.#stretches[last] === at && this.#stretches[last + 3] === start) {
      this.#stretches[last + 3] = end;
      return;
    }
    if (this.#end === this.#stretches.length) {
      const more = new Int32Array(Math.max(16 * FIELDS, 2 * this.#end));
      more.set(this.#stretches);
      this.#stretches = more;
    }
    this.#stretches[this.#end++] = at;
    this.#stretches[this.#end++] = at + text.length;
    this.#stretches[this.#end++] = start;
    this.#stretches[this.#end++] = end;
  }

  /** The text, if anything was rewritten, with the way back. */
  finish(): Rewritten | undefined {
    if (this.#done === 0) return undefined;
    return {
      text: this.#text + this.#source.slice(this.#done),
      offsets: new Offsets(this.#stretches.slice(0, this.#end)),
    };
  }
}

export type Rewritten = { readonly text: string; readonly offsets: Offsets };

/** The way between the places of a text and those of the text that it was made of. */
export class Offsets {
  readonly #stretches: Int32Array;

  constructor(stretches: Int32Array) {
    this.#stretches = stretches;
  }

  /** The least span of the old text that holds all that a span of the new text stands for. */
  original({ start, end }: Span): Span {
    const from = this.#start(start);
    return { start: from, end: Math.max(from, this.#end(end)) };
  }

  /** The place in the new text of a place in the old one. */
  viewed(position: number): number {
    const i = this.#lastAt(2, position);
    if (i < 0) return position;
    const [start = 0, end = 0, , to = 0] = this.#stretches.subarray(i, i + FIELDS);
    return position < to ? start : end + position - to;
  }

  #start(position: number): number {
    const i = this.#lastAt(1, position);
    if (this.#stretches[i + FIELDS]! <= position) return this.#stretches[i + FIELDS + 2]!;
    return i < 0 ? position : this.#stretches[i + 3]! + position - this.#stretches[i + 1]!;
  }

  #end(position: number): number {
    const i = this.#lastAt(0, position - 1);
    if (i < 0) return position;
    const end = this.#stretches[i + 1]!;
    return position <= end ? this.#stretches[i + 3]! : this.#stretches[i + 3]! + position - end;
  }

  /** Index of the last stretch of which a number is at most `most`; below 0 if there is none. */
  #lastAt(field: number, most: number): number {
    let low = 0;
    let high = this.#stretches.length / FIELDS;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#stretches[middle * FIELDS + field]! <= most) low = middle + 1;
      else high = middle;
    }
    return (low - 1) * FIELDS;
  }
}
