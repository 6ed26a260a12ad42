import type { Backend } from '../backends/backend.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import { UNREACHABLE_FALLBACKS, type UnreachableFallback } from '../guardrail/failure.ts';
import { numberFrom, oneOf, type Settings, seconds } from '../guardrail/fields.ts';
import { MODES } from '../guardrail/verdict.ts';
import { type Env, type Report, read, variable } from './read.ts';

export const DEFAULT_TIMEOUT_MS = 5000;

/** Settings of every backend; each name begins with that of the backend. */
const COMMON = {
  MODE: {
    schema: oneOf(MODES),
    otherwise: '`enforce`',
    sentence:
      '`observe` logs and counts what the vendor says, and blocks and delays nothing; `shadow` compares it with the decision of the others too.',
  },
  GUARDRAIL_TIMEOUT: {
    schema: seconds,
    otherwise: '`GUARDRAIL_TIMEOUT`',
    sentence: 'Time that this vendor has to check a call.',
  },
  UNREACHABLE_FALLBACK: {
    schema: oneOf(UNREACHABLE_FALLBACKS),
    otherwise: '`UNREACHABLE_FALLBACK`',
    sentence: 'Effect on a call for which this vendor gives no verdict.',
  },
} as const satisfies Settings;

/** Those of every backend that takes records. */
const RECORDING = {
  TELEMETRY_CONCURRENCY: {
    schema: numberFrom(1, 256, true),
    default: '32',
    sentence:
      'Most deliveries of records at once, and none begins while 4 MB are under way; the bridge finds how many of them this vendor can take.',
  },
} as const satisfies Settings;

/** The beginning of the names of a backend's variables. */
export const prefixOf = (kind: string) => `${kind.toUpperCase()}_`;

/** The settings that every backend has, or every one that takes records, under the names of one. */
export function commonSettings({ kind, telemetry }: Pick<Backend, 'kind' | 'telemetry'>): Settings {
  const settings = Object.entries(telemetry === undefined ? COMMON : { ...COMMON, ...RECORDING });
  return Object.fromEntries(settings.map(([word, setting]) => [prefixOf(kind) + word, setting]));
}

/** Settings for all backends, which have none of their own. */
export type ForAll = {
  readonly timeoutMs: number | undefined;
  readonly unreachableFallback: UnreachableFallback | undefined;
};

/** Time and fallback of a backend: its own, else those for all, else those of its vendor, else those of the bridge. */
export function ownLimits(
  own: Partial<ForAll>,
  forAll: ForAll,
  { defaults = {} }: Pick<Backend, 'defaults'>,
) {
  const chosen = own.unreachableFallback ?? forAll.unreachableFallback;
  const unreachableFallback = chosen ?? defaults.unreachableFallback ?? 'fail_closed';
  return {
    timeoutMs: own.timeoutMs ?? forAll.timeoutMs ?? defaults.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    unreachableFallback,
    failsOpenByDefault: chosen === undefined && unreachableFallback === 'fail_open',
  };
}

/**
 * A backend that the environment sets up, or undefined if it is off. The more specific setting wins: the bridge's `AKTO_MODE`
 * over the vendor's `SYNC_MODE`, any of the backend's over one for all, and those over defaults.
 */
export function configureBackend(
  definition: Backend,
  env: Env,
  forAll: ForAll,
  report: Report,
): BackendConfig | undefined {
  const { kind, environment } = definition;
  if (environment === undefined) return undefined;
  const wantedBy = ownNames(definition).find((variableName) => variable(env, variableName) !== undefined);
  if (wantedBy === undefined) return undefined;

  const before = report.problems.length;
  const common = read({ ...COMMON, ...RECORDING }, env, report, prefixOf(kind));
  const setup = environment.configure(
    read({ ...environment.settings, ...environment.sharedSettings }, env, report),
  );
  if (report.problems.length > before) return undefined;
  if ('missing' in setup) {
    report.problems.push(`${setup.missing}: missing; ${wantedBy} is set, so ${kind} is wanted`);
    return undefined;
  }
  const own = {
    timeoutMs: common.GUARDRAIL_TIMEOUT ?? setup.timeoutMs,
    unreachableFallback: common.UNREACHABLE_FALLBACK ?? setup.unreachableFallback,
  };
  return {
    ...{ name: kind, kind, url: setup.url },
    mode: common.MODE ?? setup.mode ?? 'enforce',
    ...ownLimits(own, forAll, definition),
    ...{ sample: 100, hedgeAfterMs: undefined },
    takesRecords: definition.telemetry !== undefined,
    concurrency: common.TELEMETRY_CONCURRENCY,
    options: setup.config,
  };
}

/** Names that belong to one backend alone: one of them set means that it is wanted. */
export function ownNames(definition: Backend): readonly string[] {
  return Object.keys({ ...definition.environment?.settings, ...commonSettings(definition) });
}

/**
 * Warnings of a configured backend.
 *
 * @param openSetting names the setting of its fallback
 * @param others with its secret: one of its kind at its address is the same account
 */
export function backendWarnings(
  { name, kind, url, failsOpenByDefault }: BackendConfig,
  openSetting = `${prefixOf(name)}UNREACHABLE_FALLBACK`,
  others: readonly Pick<BackendConfig, 'kind' | 'url'>[] = [],
): readonly string[] {
  const { protocol, hostname, origin } = new URL(url);
  return [
    failsOpenByDefault &&
      `${name} lets calls pass when it gives no verdict, its vendor's default; set ${openSetting}`,
    protocol === 'http:' &&
      !isLoopback(hostname) &&
      `${name} is asked over plain http: prompts and its token can be read on the way`,
    others.some((other) => other.kind === kind && new URL(other.url).origin === origin) &&
      `${name} is the account that variables of the environment set up, too: each call is checked twice, each record delivered twice; leave out the entry or the variables`,
  ].filter((warning) => warning !== false);
}

/** A backend for the startup line: no secret, and no path, into which some vendors put one. */
export function describeBackend(backend: BackendConfig) {
  const { name, url, timeoutMs, unreachableFallback, mode, sample, hedgeAfterMs } = backend;
  return {
    backend: name,
    host: new URL(url).host,
    timeout_seconds: timeoutMs / 1000,
    unreachable_fallback: unreachableFallback,
    mode,
    ...(sample < 100 && { sample }),
    ...(hedgeAfterMs !== undefined && { hedge_after_seconds: hedgeAfterMs / 1000 }),
  };
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
