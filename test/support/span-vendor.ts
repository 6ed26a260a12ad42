import type { Check, NewText } from '../../src/backends/backend.ts';
import type { Passage } from '../../src/guardrail/call.ts';
import type { TextEdit } from '../../src/guardrail/edit.ts';
import { ALLOW, modified, type Verdict } from '../../src/guardrail/verdict.ts';

/** A vendor that judges texts and tells spans of what it finds: it keeps the texts that it was asked about. */
export function spanVendor(pattern: RegExp, marker: string) {
  const asked: string[] = [];
  const check: Check = async (_, { texts }) => {
    asked.push(...texts.map(({ text }) => text));
    return spansIn(texts, pattern, marker);
  };
  return { check, asked, chars: () => asked.join('').length };
}

/** A vendor that judges whole responses, and tells their new texts. */
export function wholeVendor(pattern: RegExp, marker: string): { check: Check } {
  return {
    check: async ({ passages }) => {
      const texts = new Map<Passage, string>();
      for (const passage of passages.all) {
        const text = passage.text.replace(pattern, marker);
        if (text !== passage.text) texts.set(passage, text);
      }
      return texts.size === 0 ? ALLOW : { kind: 'modify', texts };
    },
  };
}

/** A vendor that judges texts, and tells new ones of what it was asked about. */
export function rewritingVendor(pattern: RegExp, marker: string): { check: Check } {
  return {
    check: async (_, { texts }) => {
      const changed = new Map<Passage, string>();
      for (const { passage, from, text } of texts) {
        const rewritten = text.replace(pattern, marker);
        const end = passage.text.slice(from + text.length);
        if (rewritten !== text) changed.set(passage, passage.text.slice(0, from) + rewritten + end);
      }
      return changed.size === 0 ? ALLOW : { kind: 'modify', texts: changed };
    },
  };
}

function spansIn(texts: readonly NewText[], pattern: RegExp, marker: string): Verdict {
  const edits = new Map<Passage, readonly TextEdit[]>();
  for (const { passage, from, text } of texts) {
    const found = [...text.matchAll(pattern)].map((match) => ({
      start: from + match.index,
      end: from + match.index + match[0].length,
      text: marker,
    }));
    edits.set(passage, found);
  }
  return modified(edits);
}
