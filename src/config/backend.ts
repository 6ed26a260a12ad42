import type { Backend, Check, Judges, Sink } from '../backends/backend.ts';
import { UNREACHABLE_FALLBACKS, type UnreachableFallback } from '../guardrail/failure.ts';
import { oneOf, seconds } from '../guardrail/fields.ts';
import type { Mode } from '../guardrail/verdict.ts';
import { type Env, read, variable } from './read.ts';

export type BackendConfig = {
  readonly name: string;
  readonly url: string;
  readonly judges: Judges;
  readonly mode: Mode;
  readonly timeoutMs: number;
  readonly unreachableFallback: UnreachableFallback;
  readonly check: Check;
  /** For a backend that takes records of calls. */
  readonly sink: Sink | undefined;
  /** Nobody chose `fail_open`: it is the vendor's default. */
  readonly failsOpenByDefault: boolean;
};

export const unreachableFallback = oneOf(UNREACHABLE_FALLBACKS);
const modes = oneOf(['enforce', 'observe']);

/** What can be set for every backend, under its own name. */
export function commonVariables(name: string) {
  const prefix = name.toUpperCase();
  return {
    [`${prefix}_MODE`]: modes,
    [`${prefix}_GUARDRAIL_TIMEOUT`]: seconds,
    [`${prefix}_UNREACHABLE_FALLBACK`]: unreachableFallback,
  };
}

type Global = { GUARDRAIL_TIMEOUT?: number; UNREACHABLE_FALLBACK?: UnreachableFallback };

/** A backend as configured, or undefined when it is off. The more specific name wins: the bridge's `AKTO_MODE`
 * over the vendor's `SYNC_MODE`, any of the backend's over one for all, and those over defaults. */
export function configureBackend(
  definition: Backend,
  env: Env,
  forAll: Global,
  problems: string[],
): BackendConfig | undefined {
  const prefix = definition.name.toUpperCase();
  const own = { ...definition.variables, ...commonVariables(definition.name) };
  const wanted = Object.keys(own).find((name) => variable(env, name) !== undefined);
  if (wanted === undefined) return undefined;

  const before = problems.length;
  const values = read({ ...own, ...definition.sharedVariables }, env, problems);
  if (problems.length > before) return undefined;
  const setup = definition.configure(values);
  if ('missing' in setup) {
    problems.push(`${setup.missing}: missing; ${wanted} is set, so ${definition.name} is wanted`);
    return undefined;
  }
  const { [`${prefix}_MODE`]: ownMode, [`${prefix}_GUARDRAIL_TIMEOUT`]: ownTimeout } = values;
  const ownFallback = values[`${prefix}_UNREACHABLE_FALLBACK`] as UnreachableFallback | undefined;
  const mode = (ownMode as Mode | undefined) ?? setup.mode ?? 'enforce';
  const { timeoutMs, unreachableFallback: fallback, defaults } = setup;
  const chosen = ownFallback ?? fallback ?? forAll.UNREACHABLE_FALLBACK;
  const byDefault = defaults?.unreachableFallback ?? 'fail_closed';
  return {
    name: definition.name,
    url: setup.url,
    judges: definition.judges,
    mode,
    timeoutMs:
      (ownTimeout as number | undefined) ??
      timeoutMs ??
      forAll.GUARDRAIL_TIMEOUT ??
      defaults?.timeoutMs ??
      5000,
    unreachableFallback: chosen ?? byDefault,
    failsOpenByDefault: chosen === undefined && byDefault === 'fail_open',
    check: setup.check,
    sink: setup.sink?.(mode),
  };
}

/** A misspelt variable would leave a guardrail off without a word. */
export function unknownVariables(env: Env, definitions: readonly Backend[]): string[] {
  return definitions.flatMap((definition) => {
    const prefix = `${definition.name.toUpperCase()}_`;
    const known = new Set(Object.keys({ ...definition.variables, ...commonVariables(definition.name) }));
    return Object.keys(env)
      .filter((name) => name.startsWith(prefix) && !known.has(name))
      .map((name) => `${name} is set and not read by the bridge; is it misspelt?`);
  });
}

/** A backend for the startup line: never a secret, and no path, which some vendors put one into. */
export function describeBackend(backend: BackendConfig) {
  return {
    backend: backend.name,
    host: new URL(backend.url).host,
    timeout_seconds: backend.timeoutMs / 1000,
    unreachable_fallback: backend.unreachableFallback,
    mode: backend.mode,
  };
}
