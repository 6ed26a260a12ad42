import * as v from 'valibot';
import { auditKeys } from '../audit/chain.ts';
import type { Backend } from '../backends/backend.ts';
import type { ForwardProxy } from '../backends/http.ts';
import { commaList, flag, megabytes, oneOf, seconds, secret } from '../guardrail/fields.ts';
import { ipList } from '../guardrail/ip-list.ts';
import { type BackendConfig, configureBackend, unknownVariables, unreachableFallback } from './backend.ts';
import { type Env, read } from './read.ts';
import { configureTelemetry, TELEMETRY_VARIABLES, type TelemetryConfig } from './telemetry.ts';

/** Thrown at start: every variable that cannot be used, each with what to write instead. Never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

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

const proxyUrl = v.pipe(
  v.string(),
  v.check(
    (text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''),
    'write an address like http://proxy.example:3128',
  ),
);

/** The bridge's own variables; those of a backend stand in its file. */
const VARIABLES = {
  HOST: v.string(),
  PORT: port,
  BRIDGE_API_KEYS: v.pipe(commaList, v.array(secret), v.minLength(1, 'write at least one key')),
  ALLOW_UNAUTHENTICATED: flag,
  MAX_BODY_MB: v.pipe(
    megabytes,
    v.check((bytes) => bytes <= 128 * 1024 * 1024, 'write at most 128 megabytes'),
  ),
  GUARDRAIL_TIMEOUT: seconds,
  UNREACHABLE_FALLBACK: unreachableFallback,
  ANSWER_REDACTION: oneOf(['block', 'rewrite']),
  BLOCKED_MESSAGE: v.string(),
  BUILTIN_POLICY: oneOf(['auto', 'on', 'off']),
  BANNED_KEYWORDS: commaList,
  POLICY_FILE: v.string(),
  AUDIT_KEY: v.pipe(
    v.string(),
    v.check((text) => text.trim().length >= 16, 'write at least 16 characters'),
  ),
  ALLOWED_IPS: v.pipe(
    commaList,
    v.rawCheck(({ dataset, addIssue }) => {
      try {
        if (dataset.typed) ipList(dataset.value);
      } catch (error) {
        addIssue({ message: (error as Error).message });
      }
    }),
  ),
  STREAM_CHECK_GROWTH: v.pipe(
    v.string(),
    v.transform(Number),
    v.check((value) => value >= 1 && value <= 100, 'write a number from 1 to 100'),
  ),
  LOG_LEVEL: oneOf(LOG_LEVELS),
  SHUTDOWN_DELAY: secondsOrZero,
  SHUTDOWN_TIMEOUT: seconds,
  HTTP_PROXY: proxyUrl,
  HTTPS_PROXY: proxyUrl,
  NO_PROXY: v.string(),
  ...TELEMETRY_VARIABLES,
} as const;

export type Config = Readonly<{
  host: string;
  port: number;
  /** Empty: callers are not asked for a key. */
  apiKeys: readonly string[];
  maxBodyBytes: number;
  answerRedaction: 'block' | 'rewrite';
  blockedMessage: string | undefined;
  /** Path of the policies; undefined for the built-in ones, or none. */
  policyFile: string | undefined;
  builtinPolicy: boolean;
  bannedKeywords: readonly string[];
  /** How long the policies may work on one call. */
  policyTimeoutMs: number;
  /** Keys of the audit log: the first seals new rows. */
  auditKeys: readonly string[];
  /** Who may call; empty for everybody. */
  allowedIps: readonly string[];
  /** By how much an answer has to have grown before a backend is asked about it again; 1 for each time. */
  streamCheckGrowth: number;
  /** Where telemetry and the audit log keep what they keep. */
  dataDir: string;
  logLevel: (typeof LOG_LEVELS)[number];
  shutdownDelayMs: number;
  shutdownTimeoutMs: number;
  proxy: ForwardProxy | undefined;
  backends: readonly BackendConfig[];
  /** Undefined: nothing is recorded. */
  telemetry: TelemetryConfig | undefined;
  /** Of one POST of log events. */
  maxLogBodyBytes: number;
  /** What this was read from, for the telemetry thread. */
  env: Env;
  /** What is allowed and yet worth a line at start. */
  warnings: readonly string[];
}>;

/**
 * The configuration in an environment.
 *
 * @throws ConfigError naming every variable that is wrong or missing
 */
export function parseConfig(env: Env, definitions: readonly Backend[]): Config {
  const problems: string[] = [];
  const set = read(VARIABLES, withUpperCaseProxies(env), problems);
  const warnings: string[] = [];

  const backends = definitions.flatMap((definition) => {
    const configured = configureBackend(definition, env, set, problems);
    if (configured?.failsOpenByDefault) {
      const name = `${configured.name.toUpperCase()}_UNREACHABLE_FALLBACK`;
      warnings.push(
        `${configured.name} lets calls pass when it gives no verdict, its vendor's default; set ${name}`,
      );
    }
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
  const policyFile = set.POLICY_FILE?.trim();
  const builtinPolicy =
    policyFile === undefined &&
    (set.BUILTIN_POLICY === 'on' || (set.BUILTIN_POLICY !== 'off' && backends.length === 0));
  if (policyFile !== undefined && set.BUILTIN_POLICY === 'on') {
    problems.push('BUILTIN_POLICY: POLICY_FILE is set, and what it says judges; leave one of them out');
  }
  if (!builtinPolicy && set.BANNED_KEYWORDS?.length) {
    problems.push(
      policyFile === undefined
        ? 'BANNED_KEYWORDS: the built-in policy that reads them is off; set BUILTIN_POLICY=on'
        : 'BANNED_KEYWORDS: is not read beside POLICY_FILE; write them under policy.banned-keywords there',
    );
  }
  if (!builtinPolicy && policyFile === undefined && backends.length === 0) {
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
    policyFile,
    builtinPolicy,
    bannedKeywords: set.BANNED_KEYWORDS ?? [],
    policyTimeoutMs: set.GUARDRAIL_TIMEOUT ?? 5000,
    auditKeys: auditKeys(set.AUDIT_KEY),
    allowedIps: set.ALLOWED_IPS ?? [],
    streamCheckGrowth: set.STREAM_CHECK_GROWTH ?? 1,
    dataDir: set.DATA_DIR ?? './data',
    logLevel: set.LOG_LEVEL ?? 'info',
    shutdownDelayMs: set.SHUTDOWN_DELAY ?? 3000,
    shutdownTimeoutMs: set.SHUTDOWN_TIMEOUT ?? 25_000,
    proxy: proxyOf(set),
    backends,
    telemetry: configureTelemetry(set, backends),
    maxLogBodyBytes: set.MAX_LOG_BODY_MB ?? 64 * 1024 * 1024,
    env: Object.fromEntries(Object.entries(env).filter(([, text]) => text?.trim())),
    warnings,
  });
}

function proxyOf({ HTTP_PROXY, HTTPS_PROXY, NO_PROXY }: ProxyVariables): ForwardProxy | undefined {
  if (HTTP_PROXY === undefined && HTTPS_PROXY === undefined) return undefined;
  return {
    ...(HTTP_PROXY !== undefined && { httpProxy: HTTP_PROXY }),
    ...(HTTPS_PROXY !== undefined && { httpsProxy: HTTPS_PROXY }),
    noProxy: NO_PROXY ?? '',
  };
}

type ProxyVariables = { HTTP_PROXY?: string; HTTPS_PROXY?: string; NO_PROXY?: string };

/** These three are written in either case. */
function withUpperCaseProxies(env: Env): Env {
  const { http_proxy, https_proxy, no_proxy } = env;
  return { HTTP_PROXY: http_proxy, HTTPS_PROXY: https_proxy, NO_PROXY: no_proxy, ...env };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
