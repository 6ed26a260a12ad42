import { type AnchoredRule, anchoredRule, type RuleSource } from '../rule.ts';

const IN_WORD = /[A-Za-z0-9_~.-]/;

/** A rule whose anchor stands within its word: a word at the end of a text can become a match before its anchor is there. */
export function ledRule(source: RuleSource): AnchoredRule {
  const rule = anchoredRule(source);
  const lead = source.lead ?? 0;
  const longest = lead + Math.max(...source.anchors.map((anchor) => anchor.length));
  return {
    ...rule,
    openTail(text, from) {
      const least = Math.max(from, text.length - longest);
      let start = text.length;
      while (start > least && IN_WORD.test(text[start - 1]!)) start--;
      for (; start < text.length; start++) {
        const open = rule.open(text, start + lead);
        if (open !== undefined) return open;
      }
      return undefined;
    },
  };
}
