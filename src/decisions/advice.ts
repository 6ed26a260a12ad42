import { commandLine } from '../config/command-line.ts';
import { isFailure, namesIn, UNREAD } from './explanation.ts';
import type { DecisionRow, PolicyFinding } from './row.ts';

/** Means that there are where the bridge runs. */
export type AdviceGround = {
  /** Calls are kept to be judged again. */
  readonly replays: boolean;
  /** A file gives the policies. */
  readonly hasPolicyFile: boolean;
};

/** Steps that an operator can take about a decision: commands and settings, the nearest first. */
export function adviceOnDecision(row: DecisionRow, ground: AdviceGround): readonly string[] {
  switch (row.verdict) {
    case 'block':
      return onBlock(row, ground);
    case 'redact':
    case 'remove':
      return onPolicy(row, ground);
    case 'defer':
      return [
        ...onFailure(row),
        'UNREACHABLE_FALLBACK=fail_closed blocks such calls, fail_open lets them pass',
      ];
    case 'cancelled':
      return [
        `set the timeout of the guardrail in LiteLLM above GUARDRAIL_TIMEOUT: ${commandLine('doctor --litellm config.yaml')}`,
      ];
    case 'allow':
      return row.policies.length > 0
        ? [`what such calls would have been: ${commandLine('decisions top --by policy --since 7d')}`]
        : onFailure(row);
  }
}

function onBlock(row: DecisionRow, ground: AdviceGround): readonly string[] {
  switch (row.cause) {
    case 'verdict':
      return onPolicy(row, ground);
    case 'redaction':
      return [
        `see if LiteLLM can deliver redactions of it: ${commandLine('doctor --litellm config.yaml')}`,
        ...onPolicy(row, ground),
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
      return [`see what sends it: ${commandLine('doctor --litellm config.yaml')}`];
  }
}

function onPolicy(row: DecisionRow, ground: AdviceGround): readonly string[] {
  const names = namesIn(row.by);
  const policy = row.policies.find(({ kind, enforced }) => enforced && names.includes(kind));
  const place = policy && applicationPart(policy);
  if (policy !== undefined && place !== undefined) {
    return [
      `it stands in ${place}, so every call of this application is ${row.verdict === 'block' ? 'blocked' : 'changed'}: have it changed there`,
      ...onPolicyFile(policy, ground),
    ];
  }
  const older = row.older === true ? ['leave the older message out, or begin a new conversation'] : [];
  if (policy !== undefined) return [...older, ...onPolicyFile(policy, ground)];
  const vendor = row.backends.find(
    ({ result, backend, late }) =>
      (result === 'block' || result === 'modify') && !late && names.includes(backend),
  );
  if (vendor === undefined) return older;
  return [
    ...older,
    `ask it again: ${commandLine(`backend test ${vendor.backend} "text"`)}`,
    `mode: observe in the entry of ${vendor.backend} lets such calls pass, and counts them`,
  ];
}

function onPolicyFile({ kind }: PolicyFinding, { replays, hasPolicyFile }: AdviceGround): readonly string[] {
  return [
    ...(replays
      ? [`judge stored calls by a changed file: ${commandLine('policy replay new.yaml --since 1d')}`]
      : []),
    hasPolicyFile
      ? `mode: observe under policy.${kind} lets such calls pass, and counts them`
      : `the built-in policies judge; for others set POLICY_FILE: ${commandLine('policy init policy.yaml')}`,
  ];
}

const OF_APPLICATION = new Set<string | null>(['system', 'developer']);

/** The part of a call that the application writes and no user, if all of what was found stands there. */
export function applicationPart({ places = [] }: PolicyFinding): string | undefined {
  if (places.length === 0) return undefined;
  if (places.every(({ part }) => part === 'tools')) return 'the definition of a tool';
  return places.every(({ part, role }) => part === 'content' && OF_APPLICATION.has(role))
    ? 'the system prompt'
    : undefined;
}

function onFailure({ backends }: DecisionRow): readonly string[] {
  const failed = backends.find((one) => isFailure(one) && one.mode === 'enforce' && !one.late);
  if (failed === undefined) return [];
  const test = commandLine(`backend test ${failed.backend} "text"`);
  return failed.result === 'unauthorized'
    ? [`mend its token, then: ${test}`]
    : [`see if it answers: ${test}`];
}
