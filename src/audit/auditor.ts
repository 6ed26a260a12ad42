import type { GuardrailCall } from '../guardrail/call.ts';
import { callerOf, callName } from '../guardrail/caller.ts';
import type { Ruling } from '../policies/engine.ts';
import type { AuditOptions } from '../policies/policy.ts';
import type { AuditLog } from './audit-log.ts';
import { type AuditRow, auditRow } from './row.ts';

const MAX_PASSED = 10_000;

/** What a call was answered. */
type Action = AuditRow['action'];
type Answered = {
  readonly action: Action;
  readonly by: string | null;
  readonly block?: { readonly cause: string; readonly ref: string };
};

/**
 * The row of one answered call.
 *
 * @param ruling undefined if the policies could not judge it
 * @param ms milliseconds until the answer
 */
function decidedRow(
  call: GuardrailCall,
  ruling: Ruling | undefined,
  { action, by, block }: Answered,
  ms: number,
): AuditRow {
  const would = (verdict: string) =>
    (ruling?.notes ?? [])
      .filter((note) => !note.enforced && note.verdict === verdict)
      .map(({ kind }) => kind);
  const isOwn = ruling?.by !== undefined && by?.split(',').includes(ruling.by.kind);
  return auditRow(call, ruling?.caller ?? callerOf(call), {
    action,
    by,
    reason_code: isOwn ? (ruling?.by?.reasonCode ?? null) : (block?.cause ?? null),
    rules: [...new Set((ruling?.notes ?? []).flatMap(({ rules }) => rules))],
    policy_version: ruling?.policyVersion ?? null,
    caller_rule: ruling?.plan.rule ?? null,
    would_block: would('block'),
    would_redact: would('redact'),
    ref: block?.ref ?? null,
    ms,
  });
}

/** Writes down what was decided, as far as the policy file wants it written. */
export type Auditor = {
  /** @param ruling undefined if the policies could not judge the call */
  decided(answered: Answered, call: GuardrailCall, ruling: Ruling | undefined, ms: number): void;
  /** Opens the log if it is wanted and not open yet; for the start and after the policy file changed. */
  prepare(): void;
  /** Whether all that was wanted is written. */
  isUp(): boolean;
  close(): Promise<void>;
};

/**
 * @param openLog opens the log, the first time that something is to be written
 * @param wanted by the policies in force, for calls that they could not judge too
 * @param onLost told of each decision that could not be written
 */
export function createAuditor(
  openLog: () => AuditLog,
  wanted: () => AuditOptions | undefined,
  onLost: () => void,
): Auditor {
  let log: AuditLog | undefined;
  /** What the last row of an answer says. */
  const passed = new Map<string, string>();
  let days: number | undefined;

  function logFor({ retentionDays }: AuditOptions): AuditLog {
    log ??= openLog();
    if (retentionDays !== days) log.setRetention(retentionDays);
    days = retentionDays;
    return log;
  }

  /** Of a streamed answer, the rounds that say nothing but what the one before said. */
  function isRepetition(call: GuardrailCall, ruling: Ruling | undefined, action: Action): boolean {
    const id = callName(call);
    if (id === undefined || call.input_type === 'request') return false;
    const said = JSON.stringify([action, ruling?.policyVersion, ruling?.plan.rule, ruling?.notes]);
    const before = passed.get(id);
    passed.delete(id);
    passed.set(id, said);
    if (passed.size > MAX_PASSED) passed.delete(passed.keys().next().value as string);
    return action === 'NONE' && ruling?.goesOn === true && before === said;
  }

  return {
    decided(answered, call, ruling, ms) {
      const options = ruling === undefined ? wanted() : ruling.audit;
      if (options === undefined || (!options.logsAll && answered.action === 'NONE')) return;
      if (isRepetition(call, ruling, answered.action)) return;
      const open = logFor(options);
      const lost = open.lost();
      open.append(decidedRow(call, ruling, answered, ms));
      if (open.lost() > lost) onLost();
    },
    prepare() {
      const options = wanted();
      if (options !== undefined) logFor(options);
    },
    isUp: () => log?.isUp() ?? true,
    close: async () => log?.close(),
  };
}
