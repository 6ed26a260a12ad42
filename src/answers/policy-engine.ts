import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { backends, kindsOfBackends } from '../backends/index.ts';
import { configureBackend } from '../config/backend.ts';
import type { readSettings } from '../config/config.ts';
import { readPolicyBackends } from '../config/policy-backends.ts';
import type { Env } from '../config/read.ts';
import type { DecisionThen, Vote } from '../decisions/decision-then.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { Caller } from '../guardrail/caller.ts';
import type { Decision } from '../guardrail/decision.ts';
import { BackendError } from '../guardrail/failure.ts';
import { withTexts } from '../guardrail/passages.ts';
import { unreadable } from '../guardrail/unreadable-file.ts';
import { ALLOW } from '../guardrail/verdict.ts';
import { ResponseWiring } from '../litellm/response-wiring.ts';
import { Access } from '../pipeline/access.ts';
import { Breaker } from '../pipeline/breaker.ts';
import type { JudgingBackend } from '../pipeline/check-backend.ts';
import { Engine } from '../policies/engine.ts';
import { readPolicyFile } from '../policies/file/load.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import { PolicyFileError } from '../policies/file/problems.ts';
import { kinds } from '../policies/kinds/index.ts';
import { MarkerStore } from '../policies/markers.ts';
import { createBareJudge } from './bare-judge.ts';

/** The outcome of judging the calls of one conversation, in the words of the commands. */
export type Judged = {
  verdict: 'allow' | 'block' | 'redact';
  /** The kind that blocks or redacts; null for none. */
  policy: string | null;
  reason_code: string;
  rules: readonly string[];
  /** The texts of the last call that was judged, as they would be passed on. */
  texts: readonly string[];
  /** Name of the rule by caller that was applied to the last call; `default` for none. */
  caller_rule: string;
  /** Kinds that only observe and found something, with the verdict they would have given. */
  readonly observed: { policy: string; verdict: string; rules: readonly string[] }[];
};

/** No caller waits here, so the policies get more than GUARDRAIL_TIMEOUT. */
const TIMEOUT_MS = 60_000;

/** @throws PolicyFileError, or an Error that an operator can read */
export function readPolicy(path: string, env: Env = {}): PolicyFile {
  const text = readText(path);
  try {
    return readPolicyText(text, dirname(path), env);
  } catch (error) {
    throw error instanceof PolicyFileError ? new PolicyFileError(error.problems, path) : error;
  }
}

/**
 * @param folder relative paths begin there
 * @param readFile reads a file that the policies name, and throws for one that is not to be read; by default from the disk
 * @throws PolicyFileError
 */
export function readPolicyText(
  text: string,
  folder: string,
  env: Env,
  readFile?: (path: string) => string,
): PolicyFile {
  // Those that the environment may set up where the file is used
  const ofEnvironment = backends.filter(({ environment }) => environment !== undefined);
  const forAll = { timeoutMs: undefined, unreachableFallback: undefined };
  const options = {
    ...{ kinds: kindsOfBackends, env, forAll, folder, readFile, isLint: true },
    ofEnvironment: ofEnvironment.flatMap(
      (definition) => configureBackend(definition, env, forAll, { problems: [], warnings: [] }) ?? [],
    ),
  };
  return readPolicyFile(text, kinds, (_, make) => make(), {
    backends: ofEnvironment.map(({ kind }) => kind),
    recording: ofEnvironment.flatMap(({ kind, telemetry }) => (telemetry === undefined ? [] : [kind])),
    readBackends: (section, report) => readPolicyBackends(section, report, options),
    ...(readFile && { readFile }),
  });
}

/** @throws Error that an operator can read */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${path} ${unreadable(path, error)}`, { cause: error });
  }
}

/**
 * Judges the calls of one conversation by a policy file, a request before its response, up to the first that is blocked.
 * Policies that only observe change nothing, as in the bridge.
 */
export function createCallJudge(file: PolicyFile): (calls: readonly GuardrailCall[]) => Promise<Judged> {
  const engine = new Engine(file, { markers: new MarkerStore(), restores: () => true });
  return async (calls) => {
    // The reason code of Keeptrusts
    const passed = { verdict: 'allow', policy: null, reason_code: 'all_policies_passed', rules: [] } as const;
    const judged: Judged = { ...passed, texts: [], caller_rule: 'default', observed: [] };
    for (const call of calls) {
      const { passages: _, ...fields } = call;
      const bytes = Buffer.byteLength(JSON.stringify(fields));
      const result = await engine.judge(call, new Caller(call), { bytes, timeoutMs: TIMEOUT_MS });
      const { verdict, by, notes } = result;
      judged.texts = withTexts(call, result.texts).texts;
      judged.caller_rule = result.callerRule;
      for (const { enforced, verdict, kind, rules } of notes) {
        if (!enforced && verdict !== 'allow') judged.observed.push({ policy: kind, verdict, rules });
      }
      if (by !== undefined && verdict !== 'allow') {
        Object.assign(judged, { verdict, policy: by.kind, reason_code: by.reasonCode, rules: by.rules });
      }
      if (verdict === 'block') break;
    }
    return judged;
  };
}

/** The settings of the bridge by which a decision goes beside its policy file. */
export const REPLAY_SETTINGS = [
  'RESPONSE_REDACTION',
  'REDACTABLE_MODELS',
  'BLOCKED_HISTORY',
  'BLOCKED_MESSAGE',
] as const;
export type ReplaySettings = ReturnType<typeof readSettings<(typeof REPLAY_SETTINGS)[number]>>;

/** Judges a call anew at the time at which it was judged, by backends that say what they said. */
export type ReplayJudge = (
  call: GuardrailCall,
  then: Pick<DecisionThen, 'at' | 'bytes' | 'votes'>,
) => Promise<Decision>;

/**
 * Judges calls as the bridge does, one after the other in the order of time: state that policies keep of calls, and what was blocked before,
 * is as far as these calls tell it.
 */
export function createReplayJudge(file: PolicyFile, set: ReplaySettings): ReplayJudge {
  let now = 0;
  let backends: readonly JudgingBackend[] = [];
  const wiring = new ResponseWiring(set.RESPONSE_REDACTION);
  const engine = new Engine(file, {
    ...{ markers: new MarkerStore(), restores: (call) => wiring.restores(call), now: () => now },
  });
  const judge = createBareJudge({
    ...{ engine, wiring, timeoutMs: TIMEOUT_MS },
    backends: () => backends,
    now: () => now,
    replies: {
      redactableModels: set.REDACTABLE_MODELS,
      blockedMessage: set.BLOCKED_MESSAGE,
      removesHistory: set.BLOCKED_HISTORY === 'remove',
    },
  });
  let judged = 0;
  return async (call, { at, bytes, votes }) => {
    now = at;
    judged++;
    backends = Object.entries(votes)
      .filter(([name]) => asks(file, name))
      .map(([name, vote]) => backendThatSaid(name, vote, judged));
    const decision = await judge.judge({
      ...{ call, bytes, request: () => undefined },
      scope: { signal: new AbortController().signal, abort() {} },
    });
    wiring.seen(call);
    return decision;
  };
}

/** Names that a backend has which the environment sets up: it may be there with any policy file. */
const OF_ENVIRONMENT: ReadonlySet<string> = new Set(
  backends.filter(({ environment }) => environment !== undefined).map(({ kind }) => kind),
);

/** True if what a backend says counts where a policy file is in force. */
export function asks({ backends }: Pick<PolicyFile, 'backends'>, name: string): boolean {
  const own = backends.find((backend) => backend.name === name);
  return own === undefined ? OF_ENVIRONMENT.has(name) : own.mode === 'enforce';
}

/** A backend that says what it said of a call. What it redacted is not known. */
function backendThatSaid(name: string, vote: Vote, n: number): JudgingBackend {
  return {
    name,
    mode: 'enforce',
    timeoutMs: TIMEOUT_MS,
    unreachableFallback: 'fail_closed',
    sample: 100,
    hedgeAfterMs: undefined,
    reads: 'conversation',
    isIdempotent: true,
    judges: { request: true, response: true, media: true },
    async check() {
      if (vote === 'fail_closed') throw new BackendError({ kind: 'unreachable', code: 'ECONNREFUSED' });
      return vote === 'block' ? { kind: 'block', reason: 'as it was' } : ALLOW;
    },
    breaker: new Breaker(),
    access: new Access(async () => {}),
    // It remembers nothing of the calls before
    memory: `${name} ${n}`,
  };
}
