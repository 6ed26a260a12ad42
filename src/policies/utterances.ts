import type { Finding, TextRule } from '../detectors/rule.ts';
import type { Passage, PassagePath, Passages } from '../guardrail/call.ts';
import { type Found, NOWHERE } from './finder.ts';
import type { PolicyAction, TextPolicy } from './policy.ts';

/** A finding, and the passage in which it stands. */
export type PlacedFinding = Finding & { readonly passage: Passage };

/** The findings of a policy that count. @param rules of the policy @param found the result for each passage by its index */
export function findingsOf(
  { judgesMeaning }: TextPolicy,
  rules: ReadonlySet<TextRule>,
  { all }: Passages,
  found: readonly Found[],
): PlacedFinding[] {
  const placed: PlacedFinding[] = [];
  for (let i = 0; i < found.length; i++) {
    const { findings, plain } = found[i]!;
    const passage = all[i]!;
    if (judgesMeaning && passage.author === 'operator') continue;
    for (const { rule, start, end, from } of findings) {
      if (rules.has(rule)) placed.push({ rule, start, end, from, passage });
    }
    for (const rule of plain) if (rules.has(rule)) placed.push({ rule, ...NOWHERE, passage });
  }
  return placed;
}

/** The consequence of some findings of one policy in one call: that of the worst utterance where their meaning is judged. */
export function consequenceOf(texts: TextPolicy, findings: readonly PlacedFinding[]): PolicyAction | 'allow' {
  const actions = new Set(utterancesIn(texts, findings).map((some) => texts.decide(some)));
  return actions.has('block') ? 'block' : actions.has('redact') ? 'redact' : 'allow';
}

/** The findings that are judged together, where they do more than pass. */
export function utterancesIn(
  { judgesMeaning }: TextPolicy,
  findings: readonly PlacedFinding[],
): readonly (readonly PlacedFinding[])[] {
  if (findings.length === 0) return [];
  return judgesMeaning
    ? [...Map.groupBy(findings, ({ passage }) => utteranceOf(passage)).values()]
    : [findings];
}

/**
 * The utterance to which a passage belongs: the text parts of one message are one, those of the result of an MCP tool too, and a
 * string within JSON belongs to the JSON. Any other passage is one by itself.
 */
function utteranceOf(passage: Passage): Passage | PassagePath {
  const outer = passage.within ?? passage;
  const { place, author, path, messagePath, isKey } = outer;
  if (isKey || (place !== 'text' && place !== 'message')) return outer;
  if (place === 'text' && messagePath === undefined)
    return author === 'tool' ? (path.parent ?? outer) : outer;
  const { key, parent } = messagePath ?? path;
  return key === 'text' && typeof parent?.key === 'number' ? (parent.parent ?? outer) : outer;
}
