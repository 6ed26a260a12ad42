import type { Config } from '../config/config.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import { nothingJudges } from './policies.ts';

/** Warnings about a configuration and its policies that can be used, for the start and `config`. */
export function startWarnings(config: Config, policies: PolicyFile | undefined): readonly string[] {
  const warnings = [...config.warnings, ...(policies?.warnings ?? [])];
  if (policies !== undefined)
    warnings.push(...nothingJudges(policies, [...config.backends, ...policies.backends]));
  if (config.audit.keys.length > 0 && !policies?.policies.has('audit-logger')) {
    warnings.push(
      'AUDIT_KEY seals nothing: put audit-logger into a chain of POLICY_FILE to have decisions logged',
    );
  }
  return warnings;
}
