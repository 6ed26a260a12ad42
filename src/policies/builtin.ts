import type { GuardrailCall } from '../guardrail/call.ts';
import { ALLOW, type Verdict } from '../guardrail/verdict.ts';
import { eachNewWord } from '../guardrail/words.ts';
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
  const isBanned = (text: string) => {
    if (banned.length === 0) return false;
    const lower = text.toLowerCase();
    return banned.some((keyword) => lower.includes(keyword));
  };
  return {
    name: 'builtin',
    check(call) {
      let verdict = ALLOW;
      eachNewWord(call, (text) => {
        if (verdict !== ALLOW) return;
        if (hasCredential(text)) verdict = { kind: 'block', reason: 'contains a credential' };
        else if (isBanned(text)) verdict = { kind: 'block', reason: 'banned keyword' };
      });
      return verdict;
    },
  };
}
