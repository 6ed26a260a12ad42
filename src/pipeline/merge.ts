import type { Passage, Passages, PassageTexts } from '../guardrail/call.ts';
import type { CheckResult } from '../guardrail/decision.ts';
import { editedText, type PassageEdits, type TextEdit, withoutOverlaps } from '../guardrail/edit.ts';
import { editsBetween } from '../guardrail/text-diff.ts';
import { modified } from '../guardrail/verdict.ts';

/** The redaction of a call by one backend, or by several together. */
export type BackendRedaction = {
  readonly texts: PassageTexts;
  /** Where the backend tells them. */
  readonly edits?: PassageEdits | undefined;
};

/**
 * The cuts of a backend in a call: now, or in place of a verdict what it cut from a response before, which stays cut. Null if that cannot
 * be mapped to texts; undefined for nothing.
 */
export function backendRedaction(result: CheckResult): BackendRedaction | null | undefined {
  const verdict = 'verdict' in result ? result.verdict : result.kept && modified(result.kept);
  if (verdict?.kind !== 'modify') return undefined;
  const { texts, edits } = verdict;
  return texts === null ? null : { texts, edits };
}

/**
 * Merges the redactions of several backends, in configuration order, so that everything that any of them removed is gone:
 * edits of one text that overlap become one edit with the earlier backend's text first. Null if two backends changed
 * one text beyond what can be told apart.
 *
 * Nothing that is in a span of some backend is taken from the text. The spans of a backend that tells only new texts are found by
 * comparing, and can be found wrong where text repeats itself: then what it had removed must not be in the result.
 */
export function mergeRedactions(all: readonly BackendRedaction[]): BackendRedaction | null {
  if (all.length === 1) return all[0]!;
  const texts = new Map<Passage, string>();
  const edits = new Map<Passage, readonly TextEdit[]>();
  for (const passage of new Set(all.flatMap((one) => [...one.texts.keys()]))) {
    const versions = all.filter((one) => one.texts.has(passage));
    const joined = joinedEdits(
      passage.text,
      versions.map((one) => {
        const isGuess = !one.edits?.has(passage);
        return editsIn(passage, one).map((edit) => ({ edit, isGuess }));
      }),
    );
    const known = new Set(versions.map((one) => one.texts.get(passage)!));
    const text = known.size === 1 ? [...known][0]! : editedText(passage.text, joined);
    const areTold = versions.every((one) => one.edits?.has(passage));
    if (known.size > 1 && !areTold && bringsBack(passage.text, known, text)) return null;
    texts.set(passage, text);
    edits.set(passage, known.size === 1 ? editsIn(passage, versions[0]!) : joined);
  }
  return { texts, edits };
}

/**
 * Joins the redactions of backends of which each was shown what those before it had left, in passages of its own by the same
 * numbers. What two of them edited has no edits of the original.
 */
export function joinRedactions({ all }: Passages, redactions: readonly BackendRedaction[]): BackendRedaction {
  const texts = new Map<Passage, string>();
  const edits = new Map<Passage, readonly TextEdit[]>();
  for (const redaction of redactions) {
    for (const [shown, text] of redaction.texts) {
      const passage = all[shown.index]!;
      if (texts.has(passage)) edits.delete(passage);
      else if (redaction.edits?.has(shown)) edits.set(passage, redaction.edits.get(shown)!);
      texts.set(passage, text);
    }
  }
  return { texts, edits };
}

/** The edits of a passage, of which none overlap: as the backend tells them, or as they show in its new text. */
export function editsIn(passage: Passage, { texts, edits }: BackendRedaction): readonly TextEdit[] {
  const told = edits?.get(passage);
  if (told !== undefined) return withoutOverlaps(told);
  const text = texts.get(passage);
  return text === undefined ? [] : editsBetween(passage.text, text);
}

/** An edit, and true for one that was found by comparing. */
type Found = { readonly edit: TextEdit; readonly isGuess: boolean };

/** Edits by several backends as edits of which none overlap. */
function joinedEdits(original: string, versions: readonly (readonly Found[])[]): readonly TextEdit[] {
  // Stable: edits at the same place stay in the order of the backends
  const all = versions.flat().sort((a, b) => a.edit.start - b.edit.start);
  const markerOf = ({ edit: { start, end, text }, isGuess }: Found) =>
    isGuess ? withoutKept(original.slice(start, end), text) : text;
  const joined: TextEdit[] = [];
  let last: Found | undefined;
  /** The text in place of the edits that overlap with the last one. */
  let markers: string | undefined;
  for (const found of all) {
    const { start, end } = found.edit;
    if (last === undefined || (start >= last.edit.end && start !== last.edit.start)) {
      joined.push(found.edit);
      last = found;
      markers = undefined;
      continue;
    }
    markers ??= markerOf(last);
    const more = markerOf(found);
    if (markers !== more) markers += more;
    const edit = { start: last.edit.start, end: Math.max(last.edit.end, end), text: markers };
    joined[joined.length - 1] = edit;
    last = { edit, isGuess: false };
  }
  return joined;
}

/** Length of a piece of text that somebody may have wanted gone. */
const PIECE = 3;

/**
 * The text that a backend wrote in place of a stretch, without what it left there between two changes: another one may have removed that.
 * Letters that a marker happens to share with the stretch go too.
 */
function withoutKept(stretch: string, text: string): string {
  const known = gramsOf(Array.from(stretch));
  const letters = Array.from(text);
  let keptUntil = 0;
  return letters
    .filter((_, at) => {
      if (known.has(letters.slice(at, at + PIECE).join(''))) keptUntil = at + PIECE;
      return at >= keptUntil;
    })
    .join('');
}

/** True if a merge shows again what a version had removed. */
function bringsBack(original: string, versions: ReadonlySet<string>, merged: string): boolean {
  const present = gramsOf(merged);
  const kept = [...versions].map(gramsOf);
  for (const gram of gramsOf(original)) {
    if (present.has(gram) && kept.some((grams) => !grams.has(gram))) return true;
  }
  return false;
}

function gramsOf(text: string | readonly string[]): ReadonlySet<string> {
  const grams = new Set<string>();
  for (let at = 0; at + PIECE <= text.length; at++) {
    const piece = text.slice(at, at + PIECE);
    grams.add(typeof piece === 'string' ? piece : piece.join(''));
  }
  return grams;
}
