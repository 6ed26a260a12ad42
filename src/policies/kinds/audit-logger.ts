import * as v from 'valibot';
import { defineKind } from '../policy.ts';

const DAYS = 'must be a whole number of days, 1 to 36500';

const options = v.strictObject({
  immutable: v.pipe(
    v.optional(v.boolean(), true),
    v.description('The log can only be appended to, whatever stands here.'),
  ),
  retention_days: v.pipe(
    v.optional(v.pipe(v.number(DAYS), v.integer(DAYS), v.minValue(1, DAYS), v.maxValue(36_500, DAYS)), 365),
    v.description('Days for which rows are kept.'),
  ),
  hipaa_audit_controls: v.pipe(
    v.optional(v.boolean(), false),
    v.description('Without effect: no row has content anyway.'),
  ),
  log_all_access: v.pipe(
    v.optional(v.boolean(), true),
    v.description('`false`: only calls in which something was found.'),
  ),
});

/** Records the decisions about calls, without content, in a log on which tampering shows. */
export const auditLogger = defineKind({
  kind: 'audit-logger',
  judges: 'requests, responses',
  about: 'keeps a log of decisions',
  example: `
retention_days: 365
log_all_access: true     # false: only calls in which something was found
`,
  options,
  create({ immutable, retention_days, hipaa_audit_controls, log_all_access }, { warn }) {
    if (!immutable) warn('immutable', 'the log can only be appended to all the same');
    if (hipaa_audit_controls) warn('hipaa_audit_controls', 'changes nothing: no row has content anyway');
    return { audit: { logsAll: log_all_access, retentionDays: retention_days } };
  },
});
