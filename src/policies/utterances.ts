import type { Finding, TextRule } from '../detectors/rule.ts';
import type { Passage, PassagePath, Passages } from '../guardrail/call.ts';
import { type Found, NOWHERE } from './finder.ts';
import type { PolicyAction, TextPolicy } from './policy.ts';

/** A finding, and the passage in which it stands. Its place is that in the utterance where meaning is judged. */
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
  return judgesMeaning && placed.length > 0 ? inUtterances(placed, all) : placed;
}

/** Findings with their places in the utterances to which their passages belong; those without a place have none here either. */
function inUtterances(findings: readonly PlacedFinding[], all: Passages['all']): PlacedFinding[] {
  const utterances = new Set(findings.map(({ passage }) => utteranceOf(passage)));
  const passages = all.filter((passage) => utterances.has(utteranceOf(passage)));
  passages.sort((a, b) => partNumber(a.within ?? a) - partNumber(b.within ?? b));
  const starts = new Map<Passage, number>();
  /** Units of an utterance before its next part, and of a part before the next string of its JSON. */
  const lengths = new Map<Passage | PassagePath, number>();
  for (const passage of passages) {
    const { text, within } = passage;
    const whole = within === undefined ? utteranceOf(passage) : within.path;
    const before = lengths.get(whole) ?? 0;
    lengths.set(whole, before + text.length);
    starts.set(passage, before + (within === undefined ? 0 : (starts.get(within) ?? 0)));
  }
  return findings.map((finding) => {
    const before = finding.end > 0 ? (starts.get(finding.passage) ?? 0) : 0;
    return {
      ...finding,
      start: finding.start + before,
      end: finding.end + before,
      from: finding.from + before,
    };
  });
}

/** The consequence of some findings of one policy in one call: that of the worst utterance where their meaning is judged. */
export function consequenceOf(texts: TextPolicy, findings: readonly PlacedFinding[]): PolicyAction | 'allow' {
  const actions = new Set(utterancesIn(texts, findings).map((some) => texts.decide(some)));
  return actions.has('block') ? 'block' : actions.has('redact') ? 'redact' : 'allow';
}

/** The findings of which some together have the consequence that all of them have. */
export function causesOf(
  texts: TextPolicy,
  findings: readonly PlacedFinding[],
  verdict: PolicyAction,
): readonly PlacedFinding[] {
  if (!texts.judgesMeaning) return findings;
  return utterancesIn(texts, findings)
    .filter((some) => texts.decide(some) === verdict)
    .flat();
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

/** Which part of its message a passage is. */
export function partNumber({ path, messagePath }: Passage): number {
  const { parent, key } = messagePath ?? path;
  if (typeof key === 'number') return key;
  return typeof parent?.key === 'number' ? parent.key : 0;
}
