import { readFileSync } from 'node:fs';
import { backends } from '../backends/index.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { createEngine } from '../policies/engine.ts';
import { readPolicyFile } from '../policies/file/load.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import { kinds } from '../policies/kinds/index.ts';
import { createVaults } from '../policies/vault.ts';

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
  const engine = createEngine(file, { vaults: createVaults(), restores: true });
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
      const bytes = Buffer.byteLength(JSON.stringify(call));
      const { verdict, by, rewrites, notes } = await engine.judge(call, { bytes, timeoutMs: TIMEOUT_MS });
      const texts = call.texts.map((text) => rewrites.get(text) ?? text);
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
