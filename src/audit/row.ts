import { actionOf, type Decision, decidedBy, votesOf } from '../guardrail/decision.ts';
import { MAX_ID_CHARS } from '../guardrail/record.ts';

/** `action` in the word of Keeptrusts, which has none for a call that was left to LiteLLM or that nobody waits for. */
const VERDICTS = {
  NONE: 'allow',
  BLOCKED: 'block',
  GUARDRAIL_INTERVENED: 'redact',
  DEFERRED: null,
  CANCELLED: null,
} as const;

/** The fields of a decision in the log. */
export type AuditRow = ReturnType<typeof auditRow>;

/** A decision, who it was about and what it was about, in names of ours and of the operator: never content. */
export function auditRow(decision: Decision) {
  const { call, caller, outcome, policies, ref = null, ms } = decision;
  const action = actionOf(decision);
  const by = decidedBy(decision);
  const notes = policies?.notes ?? [];
  const observed = (verdict: string) =>
    notes.filter((note) => !note.enforced && note.verdict === verdict).map(({ kind }) => kind);
  const decidedByPolicy = policies?.by !== undefined && by?.split(',').includes(policies.by.kind);
  const cause = outcome.kind === 'block' ? outcome.cause : null;
  return {
    verdict: outcome.kind === 'modify' && outcome.by.length === 0 ? 'remove' : VERDICTS[action],
    /** `CANCELLED`: LiteLLM did not wait for the reply. */
    action,
    input_type: call.input_type,
    /** Of an `mcp_result` LiteLLM tells neither the call nor who made it: ids and names are null. */
    shape: call.shape,
    litellm_call_id: call.litellm_call_id,
    litellm_trace_id: call.litellm_trace_id,
    model: call.model,
    team: caller.team[0] ?? null,
    key: caller.keyName,
    user: caller.user[0] ?? null,
    /** The backend or policy that decided; null if none objected. */
    by,
    /** The verdict of each backend that was waited for, or why it gave none; null if none was. */
    votes: votesOf(decision) ?? null,
    /** In the form of Keeptrusts: `pii_detected`. */
    reason_code: decidedByPolicy ? (policies?.by?.reasonCode ?? null) : cause,
    /** Ids of the rules that matched. */
    rules: [...new Set(notes.flatMap(({ rules }) => rules))],
    policy_version: policies?.version ?? null,
    /** Name of the caller rule that was applied. */
    caller_rule: policies?.callerRule ?? null,
    /** Kinds of policies that only observe and would have blocked. */
    would_block: observed('block'),
    /** Kinds of policies that only observe and would have redacted. */
    would_redact: observed('redact'),
    /** Policies and vendors that had blocked what was removed from the history. */
    removed: decision.removed,
    /** The block reference that the caller was given. */
    ref,
    /** Milliseconds until the reply. */
    ms: Math.round(ms * 100) / 100,
  };
}

/** More rules of one call tell nothing new. */
const MAX_RULES = 64;

/** A row whose texts and lists are cut to a bounded length: a client chooses its ids. */
export function boundedRow(row: AuditRow): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, bounded(value)]));
}

/** Cuts a text, or each of a list, to a bounded length. */
function bounded<T>(value: T): unknown {
  if (Array.isArray(value)) return value.slice(0, MAX_RULES).map(bounded);
  return typeof value === 'string' ? value.slice(0, MAX_ID_CHARS) : value;
}
