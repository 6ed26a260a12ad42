import type { NewText } from '../backends/backend.ts';
import type { GuardrailCall, Passage } from '../guardrail/call.ts';

/** The texts of a call that a backend which reads texts is asked about. */
export function newTextsOf({ passages }: GuardrailCall): readonly NewText[] {
  return passages.all.filter(isJudged).map((passage) => ({ passage, from: 0, text: passage.text }));
}

/** A nested string is a part of another passage, and structure is no text. */
function isJudged({ place, isKey, text }: Passage): boolean {
  return place !== 'structure' && place !== 'nested' && !isKey && text.trim() !== '';
}
