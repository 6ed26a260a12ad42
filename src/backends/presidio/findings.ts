import { BackendError } from '../../guardrail/failure.ts';
import { fieldsOf } from '../../guardrail/json.ts';
import type { FoundSpan } from '../spans.ts';

/** A part of a text that is of some kind of personal data. */
export type PresidioFinding = FoundSpan & { readonly entity: string; readonly score: number };

/**
 * The findings in each text, by code points, as the analyzer replies to a list of texts.
 *
 * @throws BackendError `wrong_shape`
 */
export function findingsIn(reply: unknown, texts: number): readonly (readonly PresidioFinding[])[] {
  if (!Array.isArray(reply) || reply.length !== texts) throw wrongShape('body');
  return reply.map((found, i) => {
    if (!Array.isArray(found)) throw wrongShape(`${i}`);
    return found.map((value, j) => {
      const { entity_type, start, end, score } = fieldsOf(value);
      if (typeof entity_type !== 'string' || entity_type === '') throw wrongShape(`${i}.${j}.entity_type`);
      if (!Number.isInteger(start) || !Number.isInteger(end) || typeof score !== 'number') {
        throw wrongShape(`${i}.${j}.start`);
      }
      return { entity: entity_type, start: start as number, end: end as number, score };
    });
  });
}

function wrongShape(field: string): BackendError {
  return new BackendError({ kind: 'wrong_shape', field });
}

/**
 * One finding for each run of findings that overlap. It is called as the best scored of those that no other one strictly contains.
 *
 * @see LiteLLM 1.110.2, litellm/proxy/guardrails/guardrail_hooks/presidio.py
 */
export function joinedFindings(findings: readonly PresidioFinding[]): readonly PresidioFinding[] {
  const runs: { end: number; readonly findings: PresidioFinding[] }[] = [];
  for (const finding of findings.toSorted((a, b) => a.start - b.start)) {
    const last = runs.at(-1);
    if (last === undefined || finding.start >= last.end) runs.push({ end: finding.end, findings: [finding] });
    else {
      last.findings.push(finding);
      last.end = Math.max(last.end, finding.end);
    }
  }
  return runs.map(({ end, findings: run }) => {
    const [first] = run as [PresidioFinding];
    if (run.length === 1) return first;
    const outer = run.filter((finding) => !run.some((other) => contains(other, finding)));
    const best = outer.reduce((best, finding) => (finding.score > best.score ? finding : best));
    return { ...best, start: first.start, end };
  });
}

function contains(outer: FoundSpan, inner: FoundSpan): boolean {
  const { start, end } = inner;
  return outer.start <= start && outer.end >= end && outer.end - outer.start > end - start;
}
