import { readFileSync } from 'node:fs';
import { backends } from '../backends/index.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { Caller } from '../guardrail/caller.ts';
import { withTexts } from '../guardrail/passages.ts';
import { Engine } from '../policies/engine.ts';
import { readPolicyFile } from '../policies/file/load.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import { kinds } from '../policies/kinds/index.ts';
import { MarkerStore } from '../policies/markers.ts';

/** The outcome of judging the calls of one conversation. */
export type Judged = {
  readonly verdict: 'allow' | 'block' | 'redact';
  /** The kind that blocks or redacts. */
  readonly policy: string | undefined;
  readonly reasonCode: string;
  readonly rules: readonly string[];
  /** The texts of the last call that was judged, as they would be passed on. */
  readonly texts: readonly string[];
  /** Kinds that only observe and found something, with the verdict they would have given. */
  readonly observed: readonly {
    readonly policy: string;
    readonly verdict: string;
    readonly rules: readonly string[];
  }[];
};

/** No caller waits here, so the policies get more than GUARDRAIL_TIMEOUT. */
const TIMEOUT_MS = 60_000;

/** @throws PolicyFileError, or an Error that an operator can read */
export function readPolicy(path: string): PolicyFile {
  return readPolicyFile(readText(path), kinds, (_, make) => make(), {
    backends: backends.map(({ name }) => name),
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
  const engine = new Engine(file, { markers: new MarkerStore(), restores: true });
  return async (calls) => {
    let judged: Judged = {
      verdict: 'allow',
      policy: undefined,
      reasonCode: PASSED,
      rules: [],
      texts: [],
      observed: [],
    };
    for (const call of calls) {
      const { passages: _, ...fields } = call;
      const bytes = Buffer.byteLength(JSON.stringify(fields));
      const result = await engine.judge(call, new Caller(call), { bytes, timeoutMs: TIMEOUT_MS });
      const { verdict, by, notes } = result;
      const { texts } = withTexts(call, result.texts);
      const observed = notes
        .filter((note) => !note.enforced && note.verdict !== 'allow')
        .map(({ kind, verdict, rules }) => ({ policy: kind, verdict, rules }));
      judged = { ...judged, texts, observed: [...judged.observed, ...observed] };
      if (by !== undefined && verdict !== 'allow') {
        judged = { ...judged, verdict, policy: by.kind, reasonCode: by.reasonCode, rules: by.rules };
      }
      if (verdict === 'block') break;
    }
    return judged;
  };
}

/** The word of Keeptrusts. */
const PASSED = 'all_policies_passed';
