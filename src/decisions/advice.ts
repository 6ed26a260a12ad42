import { isFailure, namesIn, UNREAD } from './explanation.ts';
import type { DecisionRow } from './row.ts';

/** What an operator can do about a decision: commands and settings, the nearest first. */
export function adviceOnDecision(row: DecisionRow): readonly string[] {
  switch (row.verdict) {
    case 'block':
      return onBlock(row);
    case 'redact':
    case 'remove':
      return onPolicy(row);
    case 'defer':
      return [
        ...onFailure(row),
        'UNREACHABLE_FALLBACK=fail_closed blocks such calls, fail_open lets them pass',
      ];
    case 'cancelled':
      return [
        'set the timeout of the guardrail in LiteLLM above GUARDRAIL_TIMEOUT: guardrail-bridge doctor --litellm config.yaml',
      ];
    case 'allow':
      return row.policies.length > 0
        ? ['what such calls would have been: guardrail-bridge decisions top --by policy --since 7d']
        : onFailure(row);
  }
}

function onBlock(row: DecisionRow): readonly string[] {
  switch (row.cause) {
    case 'verdict':
      return onPolicy(row);
    case 'redaction':
      return [
        'see if LiteLLM can deliver redactions of it: guardrail-bridge doctor --litellm config.yaml',
        ...onPolicy(row),
      ];
    case 'fail_closed':
      if (row.by === 'policies') return ['a longer GUARDRAIL_TIMEOUT, or size-limits in the policy file'];
      if (row.by === 'bridge')
        return row.shape === UNREAD
          ? [
              'its body was late (BODY_TIMEOUT) or too many large calls came at once: the log line with the reference says which',
            ]
          : ['the line "cannot judge" in the log of this moment; please report it'];
      return [
        ...onFailure(row),
        'unreachable_fallback: fail_open in its entry lets calls pass meanwhile, and counts them',
      ];
    case 'hidden_content':
      return ['HIDDEN_CONTENT=count lets such calls pass, and counts them'];
    case 'several_models':
      return ['send one call for each model'];
    case 'refused':
      return ['a larger MAX_BODY_MB or MAX_JSON_NODES, or shorter calls'];
    default:
      return ['see what sends it: guardrail-bridge doctor --litellm config.yaml'];
  }
}

function onPolicy(row: DecisionRow): readonly string[] {
  const names = namesIn(row.by);
  const policy = row.policies.find(({ kind, enforced }) => enforced && names.includes(kind));
  const older = row.older === true ? ['leave the older message out, or begin a new conversation'] : [];
  if (policy !== undefined) {
    return [
      ...older,
      'judge stored calls by a changed file: guardrail-bridge policy replay new.yaml --since 1d',
      `mode: observe under policy.${policy.kind} lets such calls pass, and counts them`,
    ];
  }
  const vendor = row.backends.find(
    ({ result, backend }) => (result === 'block' || result === 'modify') && names.includes(backend),
  );
  if (vendor === undefined) return older;
  return [
    ...older,
    `ask it again: guardrail-bridge backend test ${vendor.backend} "text"`,
    `mode: observe in the entry of ${vendor.backend} lets such calls pass, and counts them`,
  ];
}

function onFailure({ backends }: DecisionRow): readonly string[] {
  const failed = backends.find((one) => isFailure(one) && one.mode === 'enforce');
  if (failed === undefined) return [];
  const test = `guardrail-bridge backend test ${failed.backend} "text"`;
  return failed.result === 'unauthorized'
    ? [`mend its token, then: ${test}`]
    : [`see if it answers: ${test}`];
}
