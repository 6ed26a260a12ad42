import type { GuardrailCall } from '../guardrail/call.ts';
import { ALLOW, type Verdict } from '../guardrail/verdict.ts';
import { wordsOf } from '../guardrail/words.ts';
import { hasCredential } from './credentials.ts';

/** Judges a call here and now, without asking anybody. */
export type Policy = { readonly name: string; check(call: GuardrailCall): Verdict };

/**
 * The policy that runs without any vendor: blocks pasted credentials and banned keywords, in every text, in what
 * stands only in `structured_messages`, and in tool-call arguments.
 *
 * @param options.bannedKeywords found anywhere in a text, capitals ignored on both sides
 */
export function createBuiltinPolicy({ bannedKeywords }: { bannedKeywords: readonly string[] }): Policy {
  const banned = bannedKeywords.map((keyword) => keyword.toLowerCase());
  return {
    name: 'builtin',
    check(call) {
      for (const text of wordsOf(call)) {
        if (hasCredential(text)) return { kind: 'block', reason: 'contains a credential' };
        if (banned.length > 0) {
          const lower = text.toLowerCase();
          if (banned.some((keyword) => lower.includes(keyword)))
            return { kind: 'block', reason: 'banned keyword' };
        }
      }
      return ALLOW;
    },
  };
}
