import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { backends, kindsOfBackends } from '../backends/index.ts';
import { configureBackend } from '../config/backend.ts';
import { readPolicyBackends } from '../config/policy-backends.ts';
import type { Env } from '../config/read.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { Caller } from '../guardrail/caller.ts';
import { withTexts } from '../guardrail/passages.ts';
import { Engine } from '../policies/engine.ts';
import { readPolicyFile } from '../policies/file/load.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import { kinds } from '../policies/kinds/index.ts';
import { MarkerStore } from '../policies/markers.ts';

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
  return readPolicyText(readText(path), dirname(path), env);
}

/** @param folder relative paths begin there @throws PolicyFileError */
export function readPolicyText(text: string, folder: string, env: Env): PolicyFile {
  // Those that the environment may set up where the file is used
  const ofEnvironment = backends.filter(({ environment }) => environment !== undefined);
  const forAll = { timeoutMs: undefined, unreachableFallback: undefined };
  const options = {
    ...{ kinds: kindsOfBackends, env, forAll, folder, isLint: true },
    ofEnvironment: ofEnvironment.flatMap(
      (definition) => configureBackend(definition, env, forAll, { problems: [], warnings: [] }) ?? [],
    ),
  };
  return readPolicyFile(text, kinds, (_, make) => make(), {
    backends: ofEnvironment.map(({ kind }) => kind),
    recording: ofEnvironment.flatMap(({ kind, telemetry }) => (telemetry === undefined ? [] : [kind])),
    readBackends: (section, report) => readPolicyBackends(section, report, options),
  });
}

/** @throws Error that an operator can read */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'no file' } = error as NodeJS.ErrnoException;
    throw new Error(`${path} cannot be read (${code})`, { cause: error });
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
