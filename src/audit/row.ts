import type { InputType } from '../guardrail/call.ts';
import { type Action, actionOf, type Decision, decidedBy } from '../guardrail/decision.ts';
import { MAX_ID_CHARS } from '../guardrail/record.ts';

/** A decision, who it was about and what it was about, in names of ours and of the operator: never content. */
export type AuditRow = {
  /** `CANCELLED`: LiteLLM did not wait for the reply. */
  readonly action: Action;
  /** The backend or policy that decided; null if none objected. */
  readonly by: string | null;
  /** In the form of Keeptrusts: `pii_detected`. */
  readonly reason_code: string | null;
  /** Ids of the rules that matched. */
  readonly rules: readonly string[];
  readonly policy_version: string | null;
  /** Name of the caller rule that was applied. */
  readonly caller_rule: string | null;
  /** Kinds of policies that only observe and would have blocked. */
  readonly would_block: readonly string[];
  /** Kinds of policies that only observe and would have redacted. */
  readonly would_redact: readonly string[];
  /** The block reference that the caller was given. */
  readonly ref: string | null;
  /** Milliseconds until the reply. */
  readonly ms: number;
  readonly litellm_call_id: string | null;
  readonly litellm_trace_id: string | null;
  readonly input_type: InputType;
  readonly model: string | null;
  readonly team: string | null;
  /** Alias of the virtual key, or its hash. */
  readonly key: string | null;
  readonly user: string | null;
};

/** The row of a decision. */
export function auditRow(decision: Decision): AuditRow {
  const { call, caller, outcome, policies, ref = null, ms } = decision;
  const by = decidedBy(decision);
  const notes = policies?.notes ?? [];
  const observed = (verdict: string) =>
    notes.filter((note) => !note.enforced && note.verdict === verdict).map(({ kind }) => kind);
  const decidedByPolicy = policies?.by !== undefined && by?.split(',').includes(policies.by.kind);
  const cause = outcome.kind === 'block' ? outcome.cause : null;
  const { litellm_call_id, litellm_trace_id, input_type, model } = call;
  const [team = null] = caller.team;
  // Of alias and hash, in either order, the one that people read
  const key = caller.key.find((name) => !/^[0-9a-f]{64}$/.test(name)) ?? caller.key[0] ?? null;
  const [user = null] = caller.user;
  return {
    action: actionOf(decision),
    ...{ by, ms, litellm_call_id, litellm_trace_id, input_type, model, team, key, user, ref },
    reason_code: decidedByPolicy ? (policies?.by?.reasonCode ?? null) : cause,
    rules: [...new Set(notes.flatMap(({ rules }) => rules))],
    policy_version: policies?.version ?? null,
    caller_rule: policies?.callerRule ?? null,
    would_block: observed('block'),
    would_redact: observed('redact'),
  };
}

const VERDICTS = {
  NONE: 'allow',
  BLOCKED: 'block',
  GUARDRAIL_INTERVENED: 'redact',
  DEFERRED: null,
  CANCELLED: null,
} as const;

/** More rules of one call tell nothing new. */
const MAX_RULES = 64;

/**
 * The fields of a row as they are written, each of bounded length. `verdict` is the word of Keeptrusts, which has none for
 * a call that was left to LiteLLM.
 */
export function fieldsOfRow(row: AuditRow): Readonly<Record<string, unknown>> {
  return {
    verdict: VERDICTS[row.action],
    action: row.action,
    input_type: row.input_type,
    litellm_call_id: cut(row.litellm_call_id),
    litellm_trace_id: cut(row.litellm_trace_id),
    model: cut(row.model),
    team: cut(row.team),
    key: cut(row.key),
    user: cut(row.user),
    by: cut(row.by),
    reason_code: cut(row.reason_code),
    rules: cutAll(row.rules),
    policy_version: cut(row.policy_version),
    caller_rule: cut(row.caller_rule),
    would_block: cutAll(row.would_block),
    would_redact: cutAll(row.would_redact),
    ref: cut(row.ref),
    ms: Math.round(row.ms * 100) / 100,
  };
}

function cut(text: string | null): string | null {
  return text === null || text.length <= MAX_ID_CHARS ? text : text.slice(0, MAX_ID_CHARS);
}

function cutAll(texts: readonly string[]): readonly (string | null)[] {
  return texts.slice(0, MAX_RULES).map(cut);
}
