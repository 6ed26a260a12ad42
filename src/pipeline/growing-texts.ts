import { LRUCache } from 'lru-cache';
import type { GuardrailCall, Passage } from '../guardrail/call.ts';
import { clippedEdits, placeOutside, type TextEdit } from '../guardrail/edit.ts';
import { boundedBy, charsOfAll } from '../guardrail/memory.ts';
import { openEnd } from './open-end.ts';

/** A text of a response as a backend judged it. */
export type JudgedText = {
  readonly text: string;
  /** The place up to which it is judged for good. */
  readonly settled: number;
  readonly edits: readonly TextEdit[];
};

/** A text of a response as it is now, and what is known of it. */
export type GrowingText = {
  readonly passage: Passage;
  /** The place up to which it was judged for good. */
  readonly from: number;
  /** Those up to there; of a text that has not grown, all. */
  readonly edits: readonly TextEdit[];
  readonly hasGrown: boolean;
};

/** How far texts that may grow can be judged for good. */
export type GrowingOptions = {
  /** True for a response that is shown as far as it is judged for good. */
  readonly isShown: boolean;
  /** True where a backend is asked seldom, and is to be sent little twice. */
  readonly isThrifty: boolean;
  /** Place in each text from which on policies may still change it. */
  readonly policyEnds: readonly number[];
};

/** After this a vendor may judge differently. */
const MAX_AGE_MS = 10 * 60_000;

/** Comparisons of texts that are not where they were, for one response: it can have thousands. Those beyond are judged anew. */
const MAX_COMPARED = 20_000;

/**
 * Responses that grow from call to call, as backends judged them. Of a text that has grown only the end is new, from the
 * last line or sentence of what was judged before. What was cut from it before stays cut.
 */
export class GrowingTexts {
  readonly #judged = new LRUCache<string, readonly JudgedText[]>({
    ttl: MAX_AGE_MS,
    ...boundedBy('judged responses', (texts: readonly JudgedText[]) =>
      charsOfAll(texts.flatMap(({ text, edits }) => [text, ...edits.map((edit) => edit.text)])),
    ),
  });

  /** The texts of a response. @param stream names the backend too */
  of({ passages, texts }: GuardrailCall, stream: string): readonly GrowingText[] {
    const before = this.#judged.get(stream) ?? [];
    /** Texts can come before the others: by how many places. */
    let shift = 0;
    let left = MAX_COMPARED;
    return passages.all.slice(0, texts.length).map((passage, i) => {
      const expected = before[i - shift];
      const alone = expected && growingText(passage, [expected]);
      if (alone?.known !== undefined) return alone.found;
      left -= before.length;
      const { found, known } = growingText(passage, left < 0 ? [] : before);
      if (known !== undefined) shift = i - before.indexOf(known);
      return found;
    });
  }

  put(stream: string, texts: readonly JudgedText[]): void {
    this.#judged.set(stream, texts);
  }
}

/** One of the texts as it is judged now. @param edits all of them @param index among the texts */
export function judgedText(
  { passage: { text }, from }: GrowingText,
  edits: readonly TextEdit[],
  index: number,
  { isThrifty, policyEnds }: GrowingOptions,
): JudgedText {
  const end = Math.min(openEnd(text, isThrifty), policyEnds[index] ?? text.length);
  return { text, settled: placeOutside(edits, Math.max(from, end)), edits };
}

/** A text, and the one of before that begins it best, if any does. */
function growingText(
  passage: Passage,
  before: readonly JudgedText[],
): { readonly found: GrowingText; readonly known?: JudgedText } {
  const { text } = passage;
  const { length } = text;
  let best: { readonly found: GrowingText; readonly known?: JudgedText } = {
    found: { passage, from: 0, edits: [], hasGrown: true },
  };
  for (const known of before) {
    // The end of a text can have been told apart from it
    if (known.text.startsWith(text)) {
      const edits = clippedEdits(known.edits, length);
      return { found: { passage, from: Math.min(known.settled, length), edits, hasGrown: false }, known };
    }
    if (known.settled > best.found.from && isContinuedBy(known, text)) {
      const edits = known.edits.filter(({ end }) => end <= known.settled);
      best = { found: { passage, from: known.settled, edits, hasGrown: true }, known };
    }
  }
  return best;
}

/** True for a text that goes on with one as far as that is judged for good: policies may have changed the rest. */
function isContinuedBy({ text, settled }: JudgedText, now: string): boolean {
  return now.startsWith(text) || now.startsWith(text.slice(0, settled));
}
