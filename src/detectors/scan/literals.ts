import { withPlainSigns } from '../normalize/plain-signs.ts';
import type { AnchoredRule } from '../rule.ts';
import { endOfLiteral, folded } from './automaton.ts';

/** UTF-16 units; each costs memory for as long as the policy is in use. */
const MAX_LENGTH = 1000;

/**
 * A word or a phrase that is found anywhere, within words too, as LiteLLM's banned keywords are. Capitals are ignored on
 * both sides, in every script, and so is whether an accent is a character of its own, and how many blanks or line ends there are
 * between two words.
 *
 * @throws an Error if the word is empty, or longer than 1000 characters
 */
export function literalRule(id: string, word: string): AnchoredRule {
  const trimmed = withPlainSigns(word).trim().replace(/\s+/g, ' ');
  if (trimmed === '') throw new Error('is empty');
  if (trimmed.length > MAX_LENGTH) throw new Error(`is longer than ${MAX_LENGTH} characters`);
  const anchors = spellings(trimmed);
  const [first = ''] = anchors;
  return {
    id,
    anchors,
    reach: () => first.length,
    match(text, at) {
      for (const anchor of anchors) {
        const end = endOfLiteral(text, at, anchor);
        if (end !== undefined) return { start: at, end };
      }
      return undefined;
    },
    // The automaton knows where a text ends within an anchor
    open: () => undefined,
  };
}

/** The ways to write the same letters, longest first. A Greek word in capitals does not tell which small sigma is meant. */
function spellings(word: string): readonly string[] {
  const forms = [word, word.normalize('NFC'), word.normalize('NFD')];
  const all = forms.flatMap((form) => [folded(form), folded(form.toLowerCase())]);
  return [...new Set(all)].sort((a, b) => b.length - a.length);
}
