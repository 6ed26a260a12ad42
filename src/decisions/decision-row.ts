import { categoryOf, type RefusalCause } from '../guardrail/category.ts';
import {
  actionOf,
  type CheckResult,
  type Decision,
  decidedBy,
  type PolicyNote,
} from '../guardrail/decision.ts';
import { KEY_CHARS, MAX_ID_CHARS } from '../guardrail/record.ts';
import type { Verdict } from '../guardrail/verdict.ts';
import { isStreamed } from '../litellm/response-wiring.ts';
import { copyOf } from '../policies/markers.ts';
import { checkNoteOf } from '../records/record-decision.ts';
import { endpointOf, modeOf } from './call-facts.ts';
import type { BackendFinding, DecisionRow, PolicyFinding } from './row.ts';
import { vendorReason } from './vendor-reason.ts';

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

/** The row of a decision that is kept; undefined for the definition of an MCP tool that passes: every client lists all tools again and again. */
export function keptRow(decision: Decision): DecisionRow | undefined {
  const { call, outcome } = decision;
  const isListed = call.shape === 'mcp_tool' && call.litellm_call_id === null;
  return isListed && outcome.kind === 'allow' ? undefined : decisionRow(decision);
}

/** The row of a call that is blocked unread: nobody knows whose it is. */
export function unreadRow(ref: string, cause: RefusalCause): DecisionRow {
  return {
    ...{ at: Date.now(), ref, cause, category: categoryOf({ cause }), by: 'bridge' },
    ...{ litellm_call_id: null, litellm_trace_id: null, litellm_version: null },
    ...{ input_type: 'request', shape: 'unread', endpoint: null, mode: null },
    ...{ model: null, team: null, key: null, user: null, end_user: null },
    ...{ verdict: 'block', action: 'BLOCKED', policy_version: null, caller_rule: null },
    ...{ policies: NOTHING, allowed: NOTHING, backends: NOTHING, removed: NOTHING, ms: 0 },
  };
}

/** The row of a decision: who it was about, what was decided and why; never content. */
export function decisionRow(decision: Decision): DecisionRow {
  const { call, caller, outcome, policies, checks, ref = null, removed, ms } = decision;
  const action = actionOf(decision);
  const notes = policies?.notes ?? NOTHING;
  const allowed = allowing(notes);
  const block = outcome.kind === 'block' ? outcome : undefined;
  const streamed = policies?.continues ? true : isStreamed(call);
  return {
    at: Date.now(),
    ref,
    litellm_call_id: bounded(call.litellm_call_id),
    litellm_trace_id: bounded(call.litellm_trace_id),
    litellm_version: bounded(call.litellm_version),
    input_type: call.input_type,
    shape: call.shape,
    endpoint: endpointOf(call),
    mode: modeOf(call),
    ...(streamed !== undefined && { streamed }),
    model: bounded(call.model),
    team: bounded(caller.team[0] ?? null),
    key: keyName(caller.keyName),
    user: bounded(caller.user[0] ?? null),
    end_user: bounded(caller.endUser[0] ?? null),
    verdict: outcome.kind === 'modify' && outcome.by.length === 0 ? 'remove' : VERDICTS[action],
    action,
    category: block === undefined ? null : categoryOf(block),
    cause: block?.cause ?? null,
    by: decidedBy(decision),
    ...(block?.older && { older: true }),
    policy_version: policies?.version ?? null,
    caller_rule: policies?.callerRule ?? null,
    policies: allowed.length === notes.length ? NOTHING : objections(notes),
    allowed,
    backends: checks.length === 0 ? NOTHING : checks.slice(0, MAX_LIST).map(backendFinding),
    removed: removed.length === 0 ? NOTHING : removed.slice(0, MAX_LIST),
    ms: Math.round(ms * 100) / 100,
  };
}

const NOTHING: readonly never[] = [];

/** Chosen by a client, or by whoever made a name. Half a character, sent or left by the cut, stands in no address. */
function bounded(text: string | null): string | null {
  if (text === null) return null;
  return (text.length <= MAX_ID_CHARS ? text : copyOf(text.slice(0, MAX_ID_CHARS))).toWellFormed();
}

/** Of a hash the beginning. */
function keyName(name: string | null): string | null {
  return name !== null && HASH.test(name) ? name.slice(0, KEY_CHARS) : bounded(name);
}

function allowing(notes: readonly PolicyNote[]): readonly string[] {
  const kinds: string[] = [];
  for (const { kind, verdict } of notes) if (verdict === 'allow') kinds.push(kind);
  return kinds;
}

function objections(notes: readonly PolicyNote[]): readonly PolicyFinding[] {
  return notes.flatMap(({ kind, enforced, verdict, reasonCode, rules, places }) =>
    verdict === 'allow'
      ? []
      : {
          ...{ kind, enforced, verdict, reason_code: reasonCode, rules: rules.slice(0, MAX_LIST) },
          ...(places !== undefined && { places }),
        },
  );
}

/** The result of a backend, without content. */
export function backendFinding(check: CheckResult): BackendFinding {
  const note = checkNoteOf(check);
  if ('failure' in check) return 'status' in check.failure ? { ...note, status: check.failure.status } : note;
  const reason = vendorReason(wordsOfVendor(check.verdict) ?? '');
  return reason === undefined ? note : { ...note, reason };
}

function wordsOfVendor(verdict: Verdict): string | undefined {
  switch (verdict.kind) {
    case 'block':
      return verdict.reason;
    case 'allow':
      return verdict.flagged;
    case 'modify':
      return undefined;
  }
}
