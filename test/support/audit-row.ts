import type { AuditRow } from '../../src/audit/row.ts';

const VERDICTS = {
  BLOCKED: 'block',
  GUARDRAIL_INTERVENED: 'redact',
  NONE: 'allow',
  DEFERRED: null,
  CANCELLED: null,
} as const;

/** A decision about a call of its own. */
export function rowOf(name: string | number = 1, fields: Partial<AuditRow> = {}): AuditRow {
  return {
    ...{
      verdict: VERDICTS[fields.action ?? 'NONE'],
      action: 'NONE',
      input_type: 'request',
      shape: 'conversation',
    },
    ...{ litellm_call_id: `call-${name}`, litellm_trace_id: null, model: 'gpt-5' },
    ...{ team: 'search', key: 'search-prod', user: 'u-1', by: null, votes: null },
    ...{ reason_code: null, rules: [], policy_version: 'abcdef123456', caller_rule: null },
    ...{ would_block: [], would_redact: [], removed: [], ref: null, ms: 0.25 },
    ...fields,
  };
}
