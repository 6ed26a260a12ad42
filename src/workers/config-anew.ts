import { backends } from '../backends/index.ts';
import { type Config, parseConfig } from '../config/config.ts';
import { type Env, readEnv, variable } from '../config/read.ts';
import { SETTING_GROUPS } from '../config/settings.ts';

/** Settings that the primary goes by, from its start to its end. */
const FIXED = [
  ...['HOST', 'PORT', 'POLICY_FILE', 'AUDIT_KEY', 'LOG_LEVEL', 'SHUTDOWN_DELAY', 'SHUTDOWN_TIMEOUT'],
  ...['MAX_JSON_NODES', 'MAX_JSON_DEPTH'],
  ...Object.keys(SETTING_GROUPS['Page, metrics and health']),
  ...Object.keys(SETTING_GROUPS['Records of calls']),
  ...Object.keys(SETTING_GROUPS['Calls kept for replay']),
  ...Object.keys(SETTING_GROUPS['Several replicas, and all cores']),
  ...Object.keys(SETTING_GROUPS['Forward proxy']),
];

/**
 * Reads the configuration again, with the `.env` file as it is now. Of what cannot change without another start it keeps what was.
 *
 * @returns the settings that have changed in vain, too
 * @throws ConfigError
 */
export function configAnew(config: Config): { readonly config: Config; readonly ignored: readonly string[] } {
  const anew = parseConfig(readEnv(), backends);
  const { server, ops, records, replay, audit, database, state, workers, proxy, logLevel } = config;
  const { maxLogBodyBytes, limits } = config.bodies;
  const [before, now] = [config.policies.env, anew.policies.env];
  return {
    config: {
      ...{ ...anew, server, ops, records, replay, audit, database, state, workers, proxy, logLevel },
      // The thread that keeps records goes by them too
      bodies: { ...anew.bodies, maxLogBodyBytes, limits },
      policies: { ...anew.policies, file: config.policies.file, env: { ...now, ...fixedIn(before) } },
    },
    ignored: FIXED.filter((name) => variable(before, name) !== variable(now, name)),
  };
}

const fixedIn = (env: Env): Env => Object.fromEntries(FIXED.map((name) => [name, env[name]]));
