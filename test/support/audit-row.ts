import type { AuditRow } from '../../src/audit/row.ts';

/** A decision about a call of its own. */
export function rowOf(name: string | number = 1, fields: Partial<AuditRow> = {}): AuditRow {
  return {
    ...{ litellm_call_id: `call-${name}`, litellm_trace_id: null, input_type: 'request' },
    ...{ model: 'gpt-5', team: 'search', key: 'search-prod', user: 'u-1', action: 'NONE', by: null },
    ...{ reason_code: null, rules: [], policy_version: 'abcdef123456', caller_rule: null },
    ...{ would_block: [], would_redact: [], ref: null, ms: 0.25 },
    ...fields,
  };
}
