import { packRow, unpackRow } from './packed-row.ts';
import type { BackendFinding, DecisionRow } from './row.ts';

/** Names one decision, also among those that share their call id. */
export type DecisionName = Pick<
  DecisionRow,
  'input_type' | 'litellm_call_id' | 'litellm_trace_id' | 'key' | 'at' | 'ms' | 'streamed'
>;

/** The result of a check that its decision did not wait for. */
export type LateFinding = { readonly of: DecisionName; readonly finding: BackendFinding };

const GRAVITY: Readonly<Record<string, number>> = { block: 2, modify: 1 };
const gravityOf = ({ result }: BackendFinding) => GRAVITY[result] ?? 0;

/** A packed row with late results. Of the rounds of a stream each backend has one: the gravest, and of these the newest. */
export function withLate(line: string, findings: readonly BackendFinding[]): string {
  const row = unpackRow(line);
  const backends = [...row.backends];
  for (const finding of findings) {
    const i = backends.findIndex(({ late, backend }) => late === true && backend === finding.backend);
    if (i === -1) backends.push(finding);
    else if (gravityOf(finding) >= gravityOf(backends[i] as BackendFinding)) backends[i] = finding;
  }
  return packRow({ ...row, backends });
}

/** The late results in a packed row. */
export function lateOf(line: string): readonly BackendFinding[] {
  // Within a text the quotes would be escaped
  return line.includes('"late":true') ? unpackRow(line).backends.filter(({ late }) => late) : [];
}

/** True for what one that only observes, or was too late, would have done something about. */
export function wouldAct({ mode, late, result }: BackendFinding): boolean {
  return (mode !== 'enforce' || late === true) && (result === 'block' || result === 'modify');
}

/** `akto would block`; of one that enforces and was too late `akto would have blocked`. */
export function wouldText({ backend, mode, result }: BackendFinding): string {
  const isBlock = result === 'block';
  if (mode === 'enforce') return `${backend} would have ${isBlock ? 'blocked' : 'redacted'}`;
  return `${backend} would ${isBlock ? 'block' : 'redact'}`;
}
