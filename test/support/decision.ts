import type { GuardrailCall } from '../../src/guardrail/call.ts';
import { Caller } from '../../src/guardrail/caller.ts';
import type { Decision } from '../../src/guardrail/decision.ts';

/** The decision that allows a call which nobody judged. */
export function undecided(call: GuardrailCall): Decision {
  return {
    call,
    caller: new Caller(call),
    outcome: { kind: 'allow' },
    ref: undefined,
    policies: undefined,
    removed: [],
    checks: [],
    forwarded: call,
    holdback: [],
    startedAt: performance.now() - 1,
    ms: 1,
  };
}
