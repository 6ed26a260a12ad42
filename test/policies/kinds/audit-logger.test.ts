import * as v from 'valibot';
import { expect, test } from 'vitest';
import { auditLogger } from '../../../src/policies/kinds/audit-logger.ts';

function created(options: unknown) {
  const warned: string[] = [];
  const policy = auditLogger.create(v.parse(auditLogger.options, options), {
    warn: (key) => warned.push(key),
    fail: (key, message) => expect.unreachable(`${key}: ${message}`),
    keep: (_, make) => make(),
    readFile: () => '',
  });
  return { policy, warned };
}

test.each([
  { options: {}, audit: { logsAll: true, retentionDays: 365 }, warned: [] },
  {
    options: { log_all_access: false, retention_days: 36_500 },
    audit: { logsAll: false, retentionDays: 36_500 },
  },
  { options: { immutable: false }, audit: { logsAll: true, retentionDays: 365 }, warned: ['immutable'] },
  {
    ...{ options: { hipaa_audit_controls: true, retention_days: 1 }, warned: ['hipaa_audit_controls'] },
    audit: { logsAll: true, retentionDays: 1 },
  },
])('audit-logger takes $options', ({ options, audit, warned = [] }) => {
  expect(created(options)).toEqual({ policy: { audit }, warned });
});

test.each([
  { retention_days: 0 },
  { retention_days: 36_501 },
  { retention_days: 1.5 },
  { retention_days: '365' },
  { immutable: 'yes' },
  { retention: 365 },
])('audit-logger refuses %j', (options) => {
  expect(v.safeParse(auditLogger.options, options).success).toBe(false);
});
