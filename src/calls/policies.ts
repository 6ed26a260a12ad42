import fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import { kindsOfBackends as kinds } from '../backends/index.ts';
import { describeBackend } from '../config/backend.ts';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { readPolicyBackends } from '../config/policy-backends.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import { unreadable } from '../guardrail/unreadable-file.ts';
import { ResponseWiring } from '../litellm/response-wiring.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { ConfiguredBackends } from '../pipeline/backends.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import { PolicyFileError } from '../policies/file/problems.ts';
import { defaultPolicy, type PolicySource, PolicyStore, type PreparedPolicies } from '../policies/store.ts';
import type { SharedState } from '../state/shared-state.ts';

export type PoliciesContext = {
  /** Gives them instead of the files that are configured. */
  readonly given?: (() => PolicySource) | undefined;
  /** The state that replicas share; undefined where nobody does. */
  readonly state?: SharedState | undefined;
};

/**
 * The policies that the configuration names; undefined for none.
 *
 * @throws PolicyFileError, ConfigError
 */
export function policiesOf(
  {
    policies,
    replies,
    backends,
    database,
    state: { keys },
  }: Pick<Config, 'policies' | 'replies' | 'backends' | 'database' | 'state'>,
  wiring = new ResponseWiring(replies.responseRedaction),
  { given, state }: PoliciesContext = {},
): PolicyStore | undefined {
  const { file, builtin, bannedKeywords, env, forAll } = policies;
  const taken = backends.map(({ name }) => name);
  const options = { kinds, env, forAll, ofEnvironment: backends, folder: dirname(file ?? '.') };
  if (file === undefined && !builtin) return undefined;
  const readConfigured = () => (file === undefined ? defaultPolicy(bannedKeywords) : readPolicies(file));
  const read = given === undefined ? readConfigured : () => given().text;
  return namingFile(
    given === undefined ? file : undefined,
    () =>
      new PolicyStore(read, {
        backends: taken,
        readBackends: (section, report) =>
          given === undefined
            ? readPolicyBackends(section, report, options)
            : { backends: given().backends, files: [] },
        recording: backends.flatMap(({ name, takesRecords }) => (takesRecords ? [name] : [])),
        restores: (call) => wiring.restores(call),
        lacksStateKey: database !== undefined && keys.length === 0,
        state,
        readFile: given && ((path) => given().files.get(path) ?? ''),
      }),
  );
}

/** Reads policies, and has an error name the whole path of their file. @throws PolicyFileError */
function namingFile<Read>(file: string | undefined, read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof PolicyFileError) || file === undefined) throw error;
    throw new PolicyFileError(error.problems, resolve(file));
  }
}

/** @throws ConfigError */
function readPolicies(policyFile: string): string {
  try {
    return fs.readFileSync(policyFile, 'utf8');
  } catch (error) {
    throw new ConfigError([
      `POLICY_FILE: ${unreadable(policyFile, error)}; write the path of a policy file, such as one that policy init writes`,
    ]);
  }
}

/** A warning if neither policies nor backends judge: a file that was cut off can read like that. */
export function nothingJudges(
  { policies }: PolicyFile,
  backends: readonly BackendConfig[],
): readonly string[] {
  return policies.size + backends.length > 0
    ? []
    : ['nothing judges: the policy file has no backend and no policy in a chain, so every call is allowed'];
}

/** The policies in force and the backends that come with them, and who is told of a change. */
export type ReloadedPolicies = {
  readonly policies: PolicyStore;
  readonly backends: ConfiguredBackends;
  /** Those of the environment. */
  readonly own: readonly BackendConfig[];
  readonly metrics: Metrics;
  readonly log: Log;
};

/** Reads the policy file again, and counts and logs what came of it. */
export function reloadPolicies(reloaded: ReloadedPolicies): void {
  try {
    const prepared = reloaded.policies.prepare();
    const before = takePolicies(prepared, reloaded);
    tellReload(prepared, before, reloaded);
  } catch (error) {
    refuseReload(error, reloaded);
  }
}

/** Puts policies in force, and their backends. @returns the backends before */
export function takePolicies(
  prepared: PreparedPolicies,
  { policies, backends, own, metrics }: Omit<ReloadedPolicies, 'log'>,
): readonly BackendConfig[] {
  const before = backends.configs;
  prepared.take();
  if (prepared.isChanged) {
    backends.update([...own, ...policies.file.backends]);
    metrics.addBackends(backends.configs.map(({ name }) => name));
  }
  return before;
}

/** Counts and logs that other policies are in force. */
export function tellReload(
  { isChanged }: Pick<PreparedPolicies, 'isChanged'>,
  before: readonly BackendConfig[],
  { policies, backends, metrics, log }: ReloadedPolicies,
): void {
  metrics.policy_reloads_total.inc({ result: isChanged ? 'changed' : 'unchanged' });
  if (!isChanged) return;
  const { name, version, warnings } = policies.file;
  const { configs } = backends;
  const names = configs.map((backend) => backend.name);
  const gone = before.map((backend) => backend.name).filter((one) => !names.includes(one));
  const read = { policy_file: name, policy_version: version, backends: names };
  log.info({ ...read, ...(gone.length > 0 && { gone }) }, 'policies read again');
  for (const backend of configs) if (!before.includes(backend)) log.info(describeBackend(backend), 'backend');
  for (const warning of [...warnings, ...nothingJudges(policies.file, configs)]) log.warn(warning);
}

/** Counts and logs that the policies before stay in force. */
export function refuseReload(error: unknown, { policies, metrics, log }: ReloadedPolicies): void {
  metrics.policy_reloads_total.inc({ result: 'failed' });
  const isKnown = error instanceof PolicyFileError || error instanceof ConfigError;
  const problems = isKnown ? error.problems : [(error as Error).name];
  log.error(
    { problems, policy_version: policies.file.version },
    'the policy file cannot be used; the last good one stays',
  );
}
