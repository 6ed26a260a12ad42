import type { GuardrailCall } from '../guardrail/call.ts';
import { eachWord, rewriteWords } from '../guardrail/words.ts';
import type { Ruling } from '../policies/engine.ts';
import { block, type Decision } from './decision.ts';
import { composed } from './rewrites.ts';

/** Who redacts; without a finding it is what was redacted in the request and is put back. */
export function ownerOf({ by }: Ruling): string {
  return by?.kind ?? 'pii-detector';
}

/** The call as the policies leave it. */
export function without(call: GuardrailCall, rewrites: ReadonlyMap<string, string>): GuardrailCall {
  const rows = (values: readonly unknown[]) => values.map((value) => rewriteWords(value, rewrites));
  return {
    ...call,
    texts: call.texts.map((text) => rewrites.get(text) ?? text),
    structured_messages: rows(call.structured_messages),
    tool_calls: rows(call.tool_calls),
    tools: rows(call.tools),
  };
}

/** A redaction of a call by the policies and what the backends then decided. */
export function together(own: Ruling, decision: Decision, call: GuardrailCall): Decision {
  switch (decision.kind) {
    case 'allow':
      return { kind: 'modify', backends: [ownerOf(own)], rewrites: own.rewrites };
    case 'modify':
      return {
        kind: 'modify',
        backends: [ownerOf(own), ...decision.backends],
        rewrites: composed(own.rewrites, decision.rewrites, wordsOf(call)),
      };
    case 'defer':
      // A 503 would leave the redaction to a setting that knows nothing of it
      return block('redaction', ownerOf(own), 'a redaction could not be applied');
    case 'block':
    case 'cancelled':
      return decision;
  }
}

function wordsOf(call: GuardrailCall): ReadonlySet<string> {
  const words = new Set<string>();
  eachWord(call, (text) => words.add(text));
  return words;
}
