import { PLAIN, viewOf } from '../normalize/view.ts';
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
  const trimmed = trimmedOf(word);
  if (trimmed === '') throw new Error('is empty');
  if (trimmed.length > MAX_LENGTH) throw new Error(`is longer than ${MAX_LENGTH} characters`);
  const anchors = spellings(trimmed, ...viewsOf(word));
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

const trimmedOf = (word: string) => word.trim().replace(/\s+/g, ' ');

/**
 * A word as a view has it, once as in a longer word, in which letters that look like Latin ones may stay what they are. An entity that
 * is the whole word is not undone: it would be a sign that stands everywhere.
 */
function viewsOf(word: string): readonly string[] {
  const views = [
    { ...PLAIN, decodesEscapes: false, detectsHomoglyphs: false },
    { ...PLAIN, decodesEscapes: false },
    PLAIN,
  ];
  return views
    .map((view) => trimmedOf(viewOf(word, view).text))
    .filter((viewed) => /[\p{L}\p{N}].*[\p{L}\p{N}]/u.test(viewed));
}

/** The ways to write the same letters, longest first. A Greek word in capitals does not tell which small sigma is meant. */
function spellings(...words: readonly string[]): readonly string[] {
  const forms = words.flatMap((word) => [word, word.normalize('NFC'), word.normalize('NFD')]);
  const all = forms.flatMap((form) => [folded(form), folded(form.toLowerCase())]);
  return [...new Set(all)].sort((a, b) => b.length - a.length);
}
