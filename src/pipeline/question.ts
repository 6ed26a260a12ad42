import type { NewText } from '../backends/backend.ts';
import type { GuardrailCall, Passage } from '../guardrail/call.ts';
import type { CheckResult } from '../guardrail/decision.ts';
import { editedText, type PassageEdits, type TextEdit } from '../guardrail/edit.ts';
import { editsBetween } from '../guardrail/text-diff.ts';
import { ALLOW, modified, type Verdict } from '../guardrail/verdict.ts';
import type { JudgingBackend } from './check-backend.ts';
import { type GrowingOptions, type GrowingText, type JudgedText, judgedText } from './growing-texts.ts';
import { editsIn } from './merge.ts';
import type { UnescapedText } from './unescaped-text.ts';

/** The parts of a call that one backend has not judged, and what it said of the others. */
export type QuestionOptions = GrowingOptions & {
  /** The call as the backend is shown it. */
  readonly call: GuardrailCall;
  readonly reads: JudgingBackend['reads'];
  /** The texts of a response that may grow. */
  readonly growing: readonly GrowingText[];
  /** Other new texts, those that are alike together, by the names under which they are remembered. */
  readonly others: ReadonlyMap<string, readonly [Passage, ...Passage[]]>;
  /** By position, those that are shown without escapes. */
  readonly unescaped: ReadonlyMap<number, UnescapedText>;
  /** The name under which new media are remembered; undefined for none. */
  readonly media: string | undefined;
  /** Remembers what passed without reservation, and what was judged of a response. */
  readonly remember: (passed: readonly string[], growing: readonly JudgedText[]) => void;
};

/** One call, as one backend is asked about it. */
export class Question {
  /** Texts that the backend has not judged. */
  readonly texts: readonly NewText[];
  /** True for a backend that reads texts, if there is nothing that it has not judged. */
  readonly isKnown: boolean;
  /** The call, without media that the backend has judged. */
  readonly call: GuardrailCall;
  readonly #options: QuestionOptions;

  constructor(options: QuestionOptions) {
    this.#options = options;
    this.call = options.call;
    const { growing, others } = options;
    const texts: NewText[] = [];
    for (const { passage, from, hasGrown } of growing) {
      const text = hasGrown ? passage.text.slice(from) : '';
      if (text.trim() !== '') texts.push({ passage, from, text });
    }
    for (const [passage] of others.values()) texts.push({ passage, from: 0, text: passage.text });
    this.texts = texts;
    this.isKnown = options.reads === 'texts' && texts.length === 0 && options.media === undefined;
  }

  /** The result without asking the backend; undefined if that is an allow and everything may be shown. */
  known({ name, mode, unreachableFallback }: JudgingBackend): CheckResult | undefined {
    const kept = this.#kept();
    if (kept.size === 0 && !this.#options.isShown) return undefined;
    const told = { backend: name, mode, unreachableFallback, seconds: 0 };
    return { ...told, verdict: modified(kept), ...this.#before() };
  }

  /** The result of a check, together with what the backend said before. It is remembered for the next call. */
  concluded(result: CheckResult): CheckResult {
    const kept = this.#kept();
    if (!('verdict' in result)) return { ...result, ...(kept.size > 0 && { kept }), ...this.#before() };
    const { verdict } = result;
    if (verdict.kind === 'block' || (verdict.kind === 'modify' && verdict.texts === null)) return result;
    const { growing, others, media, unescaped, remember } = this.#options;
    if (verdict.kind === 'allow' && verdict.flagged === undefined && growing.length === 0) {
      remember(media === undefined ? [...others.keys()] : [...others.keys(), media], []);
      return { ...result, verdict: ALLOW, ...this.#open([]) };
    }
    const redaction =
      verdict.kind === 'modify' && verdict.texts !== null ? { ...verdict, texts: verdict.texts } : undefined;
    const found = new Map<Passage, readonly TextEdit[]>();
    for (const passage of redaction?.texts.keys() ?? []) found.set(passage, editsIn(passage, redaction!));
    const own = (passage: Passage) => found.get(passage) ?? [];
    const judged = growing.map((text, i) =>
      judgedText(text, withKept(text, own(text.passage)), i, this.#limits(verdict)),
    );
    const open = this.#open(judged.map(({ settled }) => settled));
    if (verdict.kind === 'allow' && verdict.flagged !== undefined) {
      return kept.size === 0 ? { ...result, ...open } : { ...result, verdict: modified(kept), ...open };
    }
    const passed = [...others].flatMap(([name, [passage]]) => (own(passage).length === 0 ? [name] : []));
    remember(media === undefined ? passed : [...passed, media], judged);
    const edits = new Map<Passage, readonly TextEdit[]>();
    for (const [i, { passage }] of growing.entries()) edits.set(passage, judged[i]!.edits);
    for (const passages of others.values()) {
      const all = own(passages[0]);
      for (const passage of passages) {
        const text = unescaped.get(passage.index);
        edits.set(text?.written ?? passage, text?.writtenEdits(all) ?? all);
        found.delete(passage);
      }
    }
    for (const [passage, all] of found) if (!edits.has(passage)) edits.set(passage, all);
    return { ...result, verdict: modified(edits), ...open };
  }

  /** How far the texts are judged for good by a verdict. */
  #limits({ open }: Extract<Verdict, { readonly open?: unknown }>): GrowingOptions {
    if (open === undefined) return this.#options;
    const { growing, policyEnds } = this.#options;
    const ends = growing.map(({ passage }, i) =>
      Math.min(policyEnds[i] ?? passage.text.length, open.get(passage) ?? passage.text.length),
    );
    return { ...this.#options, policyEnds: ends };
  }

  /** The edits of what was judged before. */
  #kept(): PassageEdits {
    return new Map(
      this.#options.growing.flatMap(({ passage, edits }) => (edits.length > 0 ? [[passage, edits]] : [])),
    );
  }

  #before(): Pick<CheckResult, 'open'> {
    return this.#open(this.#options.growing.map(({ from }) => from));
  }

  #open(ends: readonly number[]): Pick<CheckResult, 'open'> {
    const { growing, isShown } = this.#options;
    return isShown ? { open: new Map(growing.map(({ passage }, i) => [passage, ends[i]!])) } : {};
  }
}

/** The edits of a text by a backend. What was cut before stays so, though the backend now says something else of it. */
function withKept(
  { passage: { text }, edits: kept, from }: GrowingText,
  own: readonly TextEdit[],
): readonly TextEdit[] {
  if (kept.length === 0) return own;
  const isNew = ({ start, end }: TextEdit) => {
    if (start >= from) return true;
    const last = kept[lastBefore(kept, end)];
    return last === undefined || last.end <= start;
  };
  const crossing = own.filter((edit) => edit.end > from && !isNew(edit));
  if (crossing.length > 0) {
    // Found by comparing whole texts, an edit can begin in what was cut before
    const before = editedText(text.slice(0, from), kept);
    const now = editedText(text, own);
    if (now.startsWith(before)) {
      const after = editsBetween(text.slice(from), now.slice(before.length));
      return [...kept, ...after.map((edit) => ({ ...edit, start: edit.start + from, end: edit.end + from }))];
    }
  }
  const rest = crossing.map((edit) => ({ ...edit, start: from }));
  return [...kept, ...own.filter(isNew), ...rest].sort((a, b) => a.start - b.start);
}

/** The index of the last edit that begins before a place; -1 for none. */
function lastBefore(edits: readonly TextEdit[], place: number): number {
  let [low, high] = [0, edits.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edits[middle]!.start < place) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
