import type { GuardrailCall, Passage, PassageTexts } from '../../src/guardrail/call.ts';

/** New texts for every passage of a call that has one of these texts. */
export function textsOf(call: GuardrailCall, rewrites: Readonly<Record<string, string>>): PassageTexts {
  const texts = new Map<Passage, string>();
  for (const passage of call.passages.all) {
    if (Object.hasOwn(rewrites, passage.text)) texts.set(passage, rewrites[passage.text]!);
  }
  return texts;
}

/** New texts by the texts they replace. */
export function rewritesOf(texts: PassageTexts): Record<string, string> {
  return Object.fromEntries([...texts].map(([{ text }, rewrite]) => [text, rewrite]));
}
