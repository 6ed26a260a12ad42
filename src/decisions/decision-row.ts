import {
  actionOf,
  type CheckResult,
  type Decision,
  decidedBy,
  type PolicyNote,
} from '../guardrail/decision.ts';
import { KEY_CHARS, MAX_ID_CHARS } from '../guardrail/record.ts';
import { checkNoteOf } from '../records/record-decision.ts';
import type { BackendFinding, DecisionRow, PolicyFinding } from './row.ts';

/** The word for people for each action. */
const VERDICTS = {
  NONE: 'allow',
  BLOCKED: 'block',
  GUARDRAIL_INTERVENED: 'redact',
  DEFERRED: 'defer',
  CANCELLED: 'cancelled',
} as const;

/** More rules, policies or backends of one call tell nothing new. */
const MAX_LIST = 32;
/** As the hash of a virtual key is. */
const HASH = /^[0-9a-f]{64}$/;

/** The row of a decision: who it was about, what was decided and why; never content. */
export function decisionRow(decision: Decision): DecisionRow {
  const { call, caller, outcome, policies, checks, ref = null, removed, ms } = decision;
  const action = actionOf(decision);
  const cause = outcome.kind === 'block' ? outcome.cause : null;
  return {
    at: Date.now(),
    ref,
    litellm_call_id: bounded(call.litellm_call_id),
    litellm_trace_id: bounded(call.litellm_trace_id),
    litellm_version: bounded(call.litellm_version),
    input_type: call.input_type,
    shape: call.shape,
    endpoint: null,
    mode: null,
    model: bounded(call.model),
    team: bounded(caller.team[0] ?? null),
    key: keyName(caller.key),
    user: bounded(caller.user[0] ?? null),
    end_user: bounded(caller.endUser[0] ?? null),
    verdict: outcome.kind === 'modify' && outcome.by.length === 0 ? 'remove' : VERDICTS[action],
    action,
    category: cause,
    cause,
    by: decidedBy(decision),
    policy_version: policies?.version ?? null,
    caller_rule: policies?.callerRule ?? null,
    policies: objections(policies?.notes ?? NOTHING),
    allowed: allowing(policies?.notes ?? NOTHING),
    backends: checks.length === 0 ? NOTHING : checks.slice(0, MAX_LIST).map(backendFinding),
    removed: removed.slice(0, MAX_LIST),
    ms: Math.round(ms * 100) / 100,
  };
}

const NOTHING: readonly never[] = [];

/** Chosen by a client, or by whoever made a name. */
function bounded(text: string | null): string | null {
  return text === null || text.length <= MAX_ID_CHARS ? text : text.slice(0, MAX_ID_CHARS);
}

/** Of alias and hash of a virtual key the alias, or the beginning of the hash. */
function keyName(names: readonly string[]): string | null {
  const alias = names.find((name) => !HASH.test(name));
  return bounded(alias ?? names[0]?.slice(0, KEY_CHARS) ?? null);
}

function objections(notes: readonly PolicyNote[]): readonly PolicyFinding[] {
  if (notes.every(({ verdict }) => verdict === 'allow')) return NOTHING;
  return notes.flatMap(({ kind, enforced, verdict, reasonCode, rules }) =>
    verdict === 'allow'
      ? []
      : { kind, enforced, verdict, reason_code: reasonCode, rules: rules.slice(0, MAX_LIST) },
  );
}

function allowing(notes: readonly PolicyNote[]): readonly string[] {
  return notes.flatMap(({ kind, verdict }) => (verdict === 'allow' ? kind : []));
}

function backendFinding(check: CheckResult): BackendFinding {
  const note = checkNoteOf(check);
  return 'failure' in check && 'status' in check.failure ? { ...note, status: check.failure.status } : note;
}
