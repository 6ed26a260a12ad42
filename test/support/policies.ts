import type { Ruling } from '../../src/policies/engine.ts';
import { createEngine } from '../../src/policies/engine.ts';
import { readPolicyFile } from '../../src/policies/file/load.ts';
import { kinds } from '../../src/policies/kinds/index.ts';
import { createVaults } from '../../src/policies/vault.ts';
import { callOf } from './call.ts';

/** A policy file as an object: YAML reads JSON. */
export type PolicyDocument = {
  chain: readonly string[];
  policy?: Record<string, object>;
  rules?: readonly object[];
};

/** The engine of a policy file that rewrites answers. */
export function engineOf({ chain, policy = {}, rules = [] }: PolicyDocument, now = Date.now) {
  const kept = new Map<string, unknown>();
  const keep = <T>(name: string, make: () => T) => {
    if (!kept.has(name)) kept.set(name, make());
    return kept.get(name) as T;
  };
  const text = JSON.stringify({ policies: { chain }, policy, ...(rules.length > 0 && { rules }) });
  const engine = createEngine(readPolicyFile(text, kinds, keep), {
    vaults: createVaults(),
    restores: true,
    now,
  });
  /** Judges a call with these fields. */
  const judge = (fields: Record<string, unknown>): Promise<Ruling> =>
    engine.judge(callOf(fields), { bytes: JSON.stringify(fields).length, timeoutMs: 60_000 });
  return { engine, judge };
}
