import { backends } from '../../src/backends/index.ts';
import { parseConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/config-error.ts';

export const AKTO = { AKTO_GUARDRAIL_API_BASE: 'https://akto.example', AKTO_API_KEY: 'akto-key' };
/** Akto under the names of its own hook. */
export const HOOK = { DATA_INGESTION_SERVICE_URL: 'https://hook.example' };
export const CAPSULE = {
  CAPSULE_LITELLM_ENDPOINT: 'https://capsule.example',
  CAPSULE_LITELLM_TOKEN: 'capsule-token',
};

export type Env = Record<string, string>;

export const parse = (env: Env = {}) => parseConfig(env, backends);

/** The error that an environment causes; undefined if it can be used. */
export function errorOf(env: Env): ConfigError | undefined {
  try {
    parse(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  return undefined;
}

export const problemsOf = (env: Env): readonly string[] => errorOf(env)?.problems ?? [];
