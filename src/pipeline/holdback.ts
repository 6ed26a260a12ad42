import type { GuardrailCall, Passage } from '../guardrail/call.ts';
import type { CheckResult } from '../guardrail/decision.ts';
import {
  heldBackChars,
  placeAfter,
  placeBefore,
  placeOutside,
  shownEnds,
  type TextEdit,
} from '../guardrail/edit.ts';
import { type BackendRedaction, backendRedaction, editsIn } from './merge.ts';

/**
 * Counts the characters at the end of each text of a response that may not be shown yet, once it is redacted: what policies or
 * some backend may still change.
 *
 * @param call as backends were shown it
 * @param policies what policies hold back of it
 * @param redaction by the backends; undefined for none
 */
export function holdbackOf(
  call: GuardrailCall,
  policies: readonly number[],
  results: readonly CheckResult[],
  redaction: BackendRedaction | undefined,
): readonly number[] {
  if (redaction === undefined && !results.some(({ open }) => open !== undefined)) return policies;
  const ends = [...shownEnds(call.texts, policies)];
  const { all } = call.passages;
  /** Of each text, the edits by those before, each of what those before it had left. */
  const stages: (readonly TextEdit[])[][] = ends.map(() => []);
  for (const result of results) {
    for (const [{ index }, place] of result.open ?? []) {
      // One after the other, each is shown what those before it left, in passages of its own
      const isLeft = result.open?.has(all[index]!) !== true;
      const original = isLeft
        ? stages[index]!.reduceRight((at, edits) => placeBefore(edits, at), place)
        : place;
      ends[index] = Math.min(ends[index]!, original);
    }
    const own = backendRedaction(result);
    for (const passage of own?.texts.keys() ?? []) stages[passage.index]?.push(editsIn(passage, own!));
  }
  return ends.map((end, i) => {
    const passage = all[i] as Passage;
    const edits = redaction === undefined ? [] : editsIn(passage, redaction);
    return heldBackChars(passage.text, edits, placeOutside(edits, end));
  });
}

/**
 * Up to where the texts of a response are judged for good by a backend and those before it, in the response as it left it: what the
 * next one judges for good must still be there if one of them fails.
 *
 * @param ends as those before it left them
 * @param call as the backend was shown it
 */
export function leftEnds(
  ends: readonly number[],
  { passages }: GuardrailCall,
  { open }: CheckResult,
  redaction: BackendRedaction | undefined,
): readonly number[] {
  return ends.map((end, i) => {
    const passage = passages.all[i]!;
    const edits = redaction === undefined ? [] : editsIn(passage, redaction);
    return placeAfter(edits, placeOutside(edits, Math.min(end, open?.get(passage) ?? end)));
  });
}
