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

/** Findings that overlap. */
type Run = {
  readonly start: number;
  end: number;
  /** Where the first one begins that ends where the run does. */
  lastStart: number;
  best: PresidioFinding;
};

/**
 * One finding for each run of findings that overlap. It is called as the best scored of those that no other one strictly contains.
 *
 * @see LiteLLM 1.110.2, litellm/proxy/guardrails/guardrail_hooks/presidio.py
 */
export function joinedFindings(findings: readonly PresidioFinding[]): readonly PresidioFinding[] {
  const runs: Run[] = [];
  // Each comes after those that contain it
  for (const finding of findings.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const { start, end, score } = finding;
    const run = runs.at(-1);
    if (run === undefined || start >= run.end) {
      runs.push({ start, end, lastStart: start, best: finding });
      continue;
    }
    const isInner = end < run.end || (end === run.end && run.lastStart < start);
    if (!isInner && score > run.best.score) run.best = finding;
    if (end > run.end) Object.assign(run, { end, lastStart: start });
  }
  return runs.map(({ start, end, best }) => ({ ...best, start, end }));
}
