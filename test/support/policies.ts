import type { GuardrailCall } from '../../src/guardrail/call.ts';
import { Caller } from '../../src/guardrail/caller.ts';
import type { PolicyResult } from '../../src/guardrail/decision.ts';
import { Engine } from '../../src/policies/engine.ts';
import { readPolicyFile } from '../../src/policies/file/load.ts';
import { kinds } from '../../src/policies/kinds/index.ts';
import { MarkerStore } from '../../src/policies/markers.ts';
import type { SharedState } from '../../src/state/shared-state.ts';
import { callOf } from './call.ts';

/** A policy file as an object: YAML reads JSON. */
export type PolicyDocument = {
  chain: readonly string[];
  policy?: Record<string, object>;
  rules?: readonly object[];
  orchestration?: string | object;
  on_error?: string;
};

/** The engine of a policy file that rewrites responses. */
export function engineOf(
  { chain, policy = {}, rules = [], ...asking }: PolicyDocument,
  now = Date.now,
  state?: SharedState,
) {
  const kept = new Map<string, unknown>();
  const keep = <T>(name: string, make: () => T) => {
    if (!kept.has(name)) kept.set(name, make());
    return kept.get(name) as T;
  };
  const text = JSON.stringify({ policies: { chain }, policy, ...asking, ...(rules.length > 0 && { rules }) });
  const engine = new Engine(readPolicyFile(text, kinds, keep, { state }), {
    markers: new MarkerStore(),
    restores: () => true,
    now,
  });
  /** Judges a call with these fields. */
  const judge = async (fields: Record<string, unknown>): Promise<PolicyResult> => {
    const call = callOf(fields);
    const options = { bytes: JSON.stringify(fields).length, timeoutMs: 60_000 };
    return engine.judge(call, new Caller(call), options);
  };
  return { engine, judge };
}

/** Judges a call with an engine, without regard to its size. */
export async function judgeWith(
  engine: Engine,
  call: GuardrailCall,
  options: { timeoutMs?: number; removesHistory?: boolean } = {},
): Promise<PolicyResult> {
  return engine.judge(call, new Caller(call), { bytes: 0, timeoutMs: 60_000, ...options });
}

/** The result of policies that found nothing. */
export const policyResult: PolicyResult = {
  version: 'v1',
  callerRule: 'default',
  backends: undefined,
  backendMode: undefined,
  unreachableFallback: undefined,
  orchestration: 'first_block',
  onError: 'fallback',
  verdict: 'allow',
  by: undefined,
  message: undefined,
  notes: [],
  texts: new Map(),
  removed: [],
  offending: new Set(),
  continues: false,
  holdback: [],
  mediaPolicy: undefined,
  isUncompared: false,
  audit: undefined,
  startedAt: 0,
  ms: 0,
};
