import * as v from 'valibot';
import type { Backend, Check, Judges } from '../backends/backend.ts';
import { UNREACHABLE_FALLBACKS, type UnreachableFallback } from '../guardrail/failure.ts';
import { commaList, flag, megabytes, seconds, secret } from '../guardrail/fields.ts';
import type { Mode } from '../guardrail/verdict.ts';

/** Thrown at start: every variable that cannot be used, each with what to write instead. Never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

export type BackendConfig = {
  readonly name: string;
  readonly url: string;
  readonly judges: Judges;
  readonly mode: Mode;
  readonly timeoutMs: number;
  readonly unreachableFallback: UnreachableFallback;
  readonly check: Check;
};

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const port = v.pipe(
  v.string(),
  v.transform(Number),
  v.check(
    (value) => Number.isInteger(value) && value >= 0 && value <= 65_535,
    'write a port number, 0 to 65535',
  ),
);

const secondsOrZero = v.union(
  [
    v.pipe(
      v.literal('0'),
      v.transform(() => 0),
    ),
    seconds,
  ],
  'write a number of seconds',
);

const oneOf = <const Words extends readonly string[]>(words: Words) =>
  v.picklist(words, `write one of ${words.join(', ')}`);

const unreachableFallback = oneOf(UNREACHABLE_FALLBACKS);
const mode = oneOf(['enforce', 'observe']);

/** The bridge's own variables; those of a backend stand in its file. */
const VARIABLES = {
  HOST: v.string(),
  PORT: port,
  BRIDGE_API_KEYS: v.pipe(commaList, v.array(secret)),
  ALLOW_UNAUTHENTICATED: flag,
  MAX_BODY_MB: megabytes,
  GUARDRAIL_TIMEOUT: seconds,
  UNREACHABLE_FALLBACK: unreachableFallback,
  ANSWER_REDACTION: oneOf(['block', 'rewrite']),
  BLOCKED_MESSAGE: v.string(),
  BUILTIN_POLICY: oneOf(['auto', 'on', 'off']),
  BANNED_KEYWORDS: commaList,
  LOG_LEVEL: oneOf(LOG_LEVELS),
  SHUTDOWN_DELAY: secondsOrZero,
  SHUTDOWN_TIMEOUT: seconds,
} as const;

export type Config = Readonly<{
  host: string;
  port: number;
  /** Empty: callers are not asked for a key. */
  apiKeys: readonly string[];
  maxBodyBytes: number;
  answerRedaction: 'block' | 'rewrite';
  blockedMessage: string | undefined;
  builtinPolicy: boolean;
  bannedKeywords: readonly string[];
  logLevel: (typeof LOG_LEVELS)[number];
  shutdownDelayMs: number;
  shutdownTimeoutMs: number;
  backends: readonly BackendConfig[];
  /** What is allowed and yet worth a line at start. */
  warnings: readonly string[];
}>;

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * The configuration in an environment. A variable set to nothing counts as not set, as compose files write it.
 *
 * @throws ConfigError naming every variable that is wrong or missing
 */
export function parseConfig(env: Env, definitions: readonly Backend[]): Config {
  const problems: string[] = [];
  const set = read(VARIABLES, env, problems);
  const warnings: string[] = [];

  const backends = definitions.flatMap((definition) => {
    const configured = configureBackend(definition, env, set, problems);
    if (configured?.url.startsWith('http://') && !isLoopback(new URL(configured.url).hostname)) {
      warnings.push(
        `${configured.name} is asked over plain http: prompts and its token can be read on the way`,
      );
    }
    return configured ?? [];
  });
  warnings.push(...unknownVariables(env, definitions));

  const apiKeys = set.BRIDGE_API_KEYS ?? [];
  const open = set.ALLOW_UNAUTHENTICATED ?? false;
  const host = set.HOST ?? (apiKeys.length > 0 || open ? '0.0.0.0' : '127.0.0.1');
  if (apiKeys.length === 0 && !isLoopback(host)) {
    if (open) warnings.push('anybody who reaches the port can use the bridge: ALLOW_UNAUTHENTICATED is true');
    else
      problems.push(
        `BRIDGE_API_KEYS: missing; HOST is not loopback. Set keys, or ALLOW_UNAUTHENTICATED=true`,
      );
  }
  const builtinPolicy =
    set.BUILTIN_POLICY === 'on' || (set.BUILTIN_POLICY !== 'off' && backends.length === 0);
  if (!builtinPolicy && set.BANNED_KEYWORDS?.length) {
    problems.push('BANNED_KEYWORDS: the built-in policy that reads them is off; set BUILTIN_POLICY=on');
  }
  if (!builtinPolicy && backends.length === 0) {
    warnings.push(
      'nothing judges: no vendor is configured and BUILTIN_POLICY is off, so every call is allowed',
    );
  }
  if (problems.length > 0) throw new ConfigError(problems);

  return Object.freeze({
    host,
    port: set.PORT ?? 8787,
    apiKeys,
    maxBodyBytes: set.MAX_BODY_MB ?? 32 * 1024 * 1024,
    answerRedaction: set.ANSWER_REDACTION ?? 'block',
    blockedMessage: set.BLOCKED_MESSAGE,
    builtinPolicy,
    bannedKeywords: set.BANNED_KEYWORDS ?? [],
    logLevel: set.LOG_LEVEL ?? 'info',
    shutdownDelayMs: set.SHUTDOWN_DELAY ?? 3000,
    shutdownTimeoutMs: set.SHUTDOWN_TIMEOUT ?? 25_000,
    backends,
    warnings,
  });
}

type Global = { GUARDRAIL_TIMEOUT?: number; UNREACHABLE_FALLBACK?: UnreachableFallback };

/** A backend as configured, or undefined when it is off. The more specific name wins: the bridge's `AKTO_MODE`
 * over the vendor's `SYNC_MODE`, any of the backend's over one for all, and those over defaults. */
function configureBackend(
  definition: Backend,
  env: Env,
  forAll: Global,
  problems: string[],
): BackendConfig | undefined {
  const prefix = definition.name.toUpperCase();
  const common = {
    [`${prefix}_MODE`]: mode,
    [`${prefix}_GUARDRAIL_TIMEOUT`]: seconds,
    [`${prefix}_UNREACHABLE_FALLBACK`]: unreachableFallback,
  };
  const own = { ...definition.variables, ...common };
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
  const { timeoutMs, unreachableFallback: fallback, defaults } = setup;
  return {
    name: definition.name,
    url: setup.url,
    judges: definition.judges,
    mode: (ownMode as Mode | undefined) ?? setup.mode ?? 'enforce',
    timeoutMs:
      (ownTimeout as number | undefined) ??
      timeoutMs ??
      forAll.GUARDRAIL_TIMEOUT ??
      defaults?.timeoutMs ??
      5000,
    unreachableFallback:
      ownFallback ??
      fallback ??
      forAll.UNREACHABLE_FALLBACK ??
      defaults?.unreachableFallback ??
      'fail_closed',
    check: setup.check,
  };
}

function read<V extends Readonly<Record<string, v.GenericSchema<string, unknown>>>>(
  variables: V,
  env: Env,
  problems: string[],
): { [Name in keyof V]?: v.InferOutput<V[Name]> } {
  const values: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(variables)) {
    const text = variable(env, name);
    if (text === undefined) continue;
    const parsed = v.safeParse(schema, text);
    if (parsed.success) values[name] = parsed.output;
    else problems.push(`${name}: ${parsed.issues[0].message}`);
  }
  return values as { [Name in keyof V]?: v.InferOutput<V[Name]> };
}

function variable(env: Env, name: string): string | undefined {
  const text = env[name]?.trim();
  return text === '' ? undefined : text;
}

/** A misspelt variable would leave a guardrail off without a word. */
function unknownVariables(env: Env, definitions: readonly Backend[]): string[] {
  return definitions.flatMap((definition) => {
    const prefix = `${definition.name.toUpperCase()}_`;
    const known = new Set(['MODE', 'GUARDRAIL_TIMEOUT', 'UNREACHABLE_FALLBACK'].map((name) => prefix + name));
    for (const name of Object.keys(definition.variables)) known.add(name);
    return Object.keys(env)
      .filter((name) => name.startsWith(prefix) && !known.has(name))
      .map((name) => `${name} is set and not read by the bridge; is it misspelt?`);
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
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
