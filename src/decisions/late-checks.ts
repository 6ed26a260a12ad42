import type { GuardrailCall } from '../guardrail/call.ts';
import type { CheckResult } from '../guardrail/decision.ts';
import { backendFinding } from './decision-row.ts';
import type { LateFinding } from './late-findings.ts';
import type { BackendFinding, DecisionRow } from './row.ts';

/**
 * Joins checks that nobody waited for to the rows of their decisions. Both are told with the call as backends saw it, and nothing is
 * kept longer than that: a client can give several calls one id.
 */
export class LateChecks {
  readonly #rows = new WeakMap<GuardrailCall, DecisionRow>();
  /** Of decisions that are still to be made. */
  readonly #early = new WeakMap<GuardrailCall, BackendFinding[]>();

  /** A decision was made. @returns the results that were there before it */
  decided(call: GuardrailCall, row: DecisionRow): readonly LateFinding[] {
    this.#rows.set(call, row);
    const early = this.#early.get(call) ?? [];
    return early.map((finding) => lateFinding(row, finding));
  }

  /** A check has ended. @returns undefined where the decision is still to be made, or has no row */
  ended(call: GuardrailCall, check: CheckResult): LateFinding | undefined {
    const finding: BackendFinding = { ...backendFinding(check), late: true };
    const row = this.#rows.get(call);
    if (row !== undefined) return lateFinding(row, finding);
    const early = this.#early.get(call);
    if (early === undefined) this.#early.set(call, [finding]);
    else early.push(finding);
    return undefined;
  }
}

function lateFinding(row: DecisionRow, finding: BackendFinding): LateFinding {
  const { input_type, litellm_call_id, litellm_trace_id, key, at, ms, streamed } = row;
  const of = { input_type, litellm_call_id, litellm_trace_id, key, at, ms };
  return { of: streamed === undefined ? of : { ...of, streamed }, finding };
}
