import type { GuardrailCall, Passage } from '../guardrail/call.ts';
import { type TextEdit, withoutOverlaps } from '../guardrail/edit.ts';

/** An escape in a JSON string. */
const ESCAPE = /\\(?:u([\da-fA-F]{4})|(["\\/bfnrt]))/g;
const CONTROLS: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** JSON in a text of a call, such as the arguments of a tool, as its reader takes it: what is written with escapes is the text that they stand for. */
export class UnescapedText {
  /** Where it stands, as it was written. */
  readonly written: Passage;
  /** A passage without escapes, to be shown. */
  readonly passage: Passage;

  constructor(written: Passage) {
    this.written = written;
    const text = written.text.replace(ESCAPE, (_, unit?: string, letter = '') =>
      unit === undefined ? (CONTROLS[letter] ?? letter) : String.fromCharCode(Number.parseInt(unit, 16)),
    );
    // Half of a character makes servers in Python fail
    this.passage = { ...written, text: text.toWellFormed() };
  }

  /** Edits of the text without escapes as edits of what was written. */
  writtenEdits(edits: readonly TextEdit[]): readonly TextEdit[] {
    const escapes = this.written.text.matchAll(ESCAPE);
    let next = escapes.next().value;
    let longer = 0;
    const placeOf = (place: number) => {
      for (; next !== undefined && next.index - longer < place; next = escapes.next().value) {
        longer += next[0].length - 1;
      }
      return place + longer;
    };
    return withoutOverlaps(edits).map(({ start, end, text }) => {
      const place = { start: placeOf(start), end: placeOf(end) };
      const replaced = this.written.text.slice(place.start, place.end);
      // An edit across strings has their quotes in its text
      const isInString = !replaced.replace(ESCAPE, '').includes('"');
      return { ...place, text: isInString ? JSON.stringify(text).slice(1, -1) : text };
    });
  }
}

/** The passages of a call that are JSON with escapes, by position. */
export function unescapedTexts({ passages }: GuardrailCall): ReadonlyMap<number, UnescapedText> {
  const all = new Map<number, UnescapedText>();
  let last: Passage | undefined;
  for (const { within } of passages.all) {
    if (within === undefined || within === last) continue;
    last = within;
    all.set(within.index, new UnescapedText(within));
  }
  return all;
}
