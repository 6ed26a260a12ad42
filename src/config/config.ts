import type { Backend } from '../backends/backend.ts';
import type { ForwardProxy } from '../backends/http.ts';
import type { DatabaseConfig } from '../database/database-config.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import type { Values } from '../guardrail/fields.ts';
import type { Pointer } from '../guardrail/pointer.ts';
import { didYouMean } from '../policies/file/nearest.ts';
import { backendWarnings, configureBackend, DEFAULT_TIMEOUT_MS, isLoopback } from './backend.ts';
import { ConfigError } from './config-error.ts';
import { misspeltVariables } from './misspelt.ts';
import { opsOf } from './ops-settings.ts';
import { otlpOf } from './otlp-settings.ts';
import { type Env, type Report, read } from './read.ts';
import { SETTINGS } from './settings.ts';

/** The configuration as plain data that another thread can be given, a slice for each part of the bridge. */
export type Config = ReturnType<typeof parseConfig>;

/** Keeping and delivery of records. */
export type RecordsConfig = Readonly<{
  dir: string;
  maxBytes: number;
  maxAgeMs: number;
  /** Time for a success to replace a failure of the same call. */
  failureGraceMs: number;
  /** Age at which a call without an event counts as missing. */
  missingAfterMs: number;
  redaction: RedactionOptions;
}>;

/** Keeping of calls to be judged again. */
export type ReplayConfig = Readonly<{
  dir: string;
  maxAgeMs: number;
  maxBytes: number;
  redaction: RedactionOptions;
}>;

/** Parts of a record that are not kept. */
export type RedactionOptions = Readonly<{
  content: 'full' | 'redacted' | 'none';
  /** Removed from each event. */
  remove: readonly Pointer[];
  /** Ids or aliases of teams whose content is never kept. */
  noContentTeams: ReadonlySet<string>;
  /** Hashes or aliases of virtual keys whose content is never kept. */
  noContentKeys: ReadonlySet<string>;
}>;

type OwnValues = Values<typeof SETTINGS>;

/**
 * The configuration in an environment.
 *
 * @param warnings of how it was read
 * @throws ConfigError naming every setting that is wrong or missing
 */
export function parseConfig(env: Env, definitions: readonly Backend[], warnings: readonly string[] = []) {
  const report: Report = { problems: [], warnings: [...warnings] };
  const set = read(SETTINGS, withUpperCaseProxies(env), report);
  const forAll = { timeoutMs: set.GUARDRAIL_TIMEOUT, unreachableFallback: set.UNREACHABLE_FALLBACK };
  const backends: readonly BackendConfig[] = definitions.flatMap(
    (definition) => configureBackend(definition, env, forAll, report) ?? [],
  );
  report.warnings.push(
    ...backends.flatMap((backend) => backendWarnings(backend)),
    ...misspeltVariables(env, definitions, set.POLICY_FILE),
  );
  report.warnings.push(...unknownPlaceholders(set.BLOCKED_MESSAGE));
  const apiKeys: readonly string[] = set.BRIDGE_API_KEYS ?? [];
  const config = {
    server: {
      host: hostOf(set, apiKeys, report),
      port: set.PORT,
      shutdownDelayMs: set.SHUTDOWN_DELAY,
      shutdownTimeoutMs: set.SHUTDOWN_TIMEOUT,
    },
    /** Undefined where `/ui`, `/metrics` and `/readyz` stand beside guardrail calls. */
    ops: opsOf(set, report),
    /** Who may call. Without keys callers are asked for none, without addresses they may come from anywhere. */
    access: { apiKeys, allowedIps: set.ALLOWED_IPS ?? [] },
    /** Bounds of one guardrail call and of one POST of log events. */
    bodies: {
      maxBodyBytes: set.MAX_BODY_MB,
      maxLogBodyBytes: set.MAX_LOG_BODY_MB,
      bodyTimeoutMs: set.BODY_TIMEOUT,
      limits: { maxJsonNodes: set.MAX_JSON_NODES, maxJsonDepth: set.MAX_JSON_DEPTH },
    },
    /** Shape of the replies to LiteLLM. */
    replies: {
      responseRedaction: set.RESPONSE_REDACTION,
      redactableModels: set.REDACTABLE_MODELS,
      blockedMessage: set.BLOCKED_MESSAGE,
    },
    /** Time for the policies on one call, what becomes of blocked history, and when a growing response is checked again. */
    judging: {
      removesHistory: set.BLOCKED_HISTORY === 'remove',
      policyTimeoutMs: set.GUARDRAIL_TIMEOUT ?? DEFAULT_TIMEOUT_MS,
      streamCheckGrowth: set.STREAM_CHECK_GROWTH,
    },
    /** Fate of what LiteLLM does not show. */
    unseen: { hiddenContent: set.HIDDEN_CONTENT, multiModel: set.MULTI_MODEL },
    policies: { ...choosePolicies(set, backends.length > 0, report), env, forAll },
    /** The log of decisions; the first of its keys seals new rows. */
    audit: { dir: set.DATA_DIR, keys: set.AUDIT_KEY ?? [] },
    /** Undefined if none are kept. */
    decisions: decisionsOf(set),
    /** Undefined if nothing is recorded, whoever takes records. */
    records: recordsOf(set),
    /** Calls that are kept to be judged again; undefined if none are. */
    replay: replayOf(set, report),
    /** Postgres that replicas share; undefined for a bridge that is alone. */
    database: databaseOf(set, report),
    /** State that replicas share. Keys are hexadecimal digits: the first one encrypts; without any one is made in the database. */
    state: { keys: set.STATE_KEY ?? [], timeoutMs: set.STATE_TIMEOUT, maxBytes: set.STATE_MAX_MB },
    /** Processes that judge calls. */
    workers: set.WORKERS,
    /** Those of the environment; the policy file can have more. */
    backends,
    /** Traces, metrics and logs of the bridge itself; undefined if none are sent. */
    otlp: otlpOf(set, report),
    /** The forward proxy on the way to vendors, and to the collector. */
    proxy: proxyOf(set),
    logLevel: set.LOG_LEVEL,
    /** Lines for the log at start: what is allowed and yet a risk. */
    warnings: report.warnings,
  };
  if (report.problems.length > 0) throw new ConfigError(report.problems);
  return Object.freeze(config);
}

/**
 * Some settings alone, for commands that work where others are missing or wrong.
 *
 * @throws ConfigError naming those of them that are wrong
 */
export function readSettings<Name extends keyof typeof SETTINGS>(
  env: Env,
  ...names: readonly Name[]
): Pick<OwnValues, Name> {
  const report: Report = { problems: [], warnings: [] };
  const wanted = Object.fromEntries(names.map((name) => [name, SETTINGS[name]]));
  const values = read(wanted, env, report);
  if (report.problems.length > 0) throw new ConfigError(report.problems);
  return values as Pick<OwnValues, Name>;
}

/** Placeholders of BLOCKED_MESSAGE. */
const PLACEHOLDERS = ['category', 'older', 'ref', 'backend', 'reason'];

/** Warnings of what looks like a placeholder and stays as it is. */
function unknownPlaceholders(message: string | undefined): readonly string[] {
  const names = [...(message ?? '').matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  return names
    .filter((name) => !PLACEHOLDERS.includes(name))
    .map(
      (name) =>
        `BLOCKED_MESSAGE: {${name.slice(0, 40)}} is no placeholder and stays as it is${didYouMean(name, PLACEHOLDERS)}`,
    );
}

function hostOf(set: OwnValues, apiKeys: readonly string[], { problems, warnings }: Report): string {
  const isOpen = set.ALLOW_UNAUTHENTICATED;
  const host = set.HOST ?? (apiKeys.length > 0 || isOpen ? '0.0.0.0' : '127.0.0.1');
  if (apiKeys.length > 0 || isLoopback(host)) return host;
  const page = set.OPS_PORT === undefined ? ', and by its address see its page' : '';
  if (isOpen)
    warnings.push(`anybody who reaches the port can use the bridge${page}: ALLOW_UNAUTHENTICATED is true`);
  else
    problems.push('BRIDGE_API_KEYS: missing; HOST is not loopback. Set keys, or ALLOW_UNAUTHENTICATED=true');
  return host;
}

function choosePolicies(set: OwnValues, hasBackends: boolean, { problems, warnings }: Report) {
  const { POLICY_FILE: file, BUILTIN_POLICY: wanted, BANNED_KEYWORDS: bannedKeywords = [] } = set;
  const builtin = file === undefined && (wanted === 'on' || (wanted !== 'off' && !hasBackends));
  if (file !== undefined && wanted === 'on') {
    problems.push('BUILTIN_POLICY: POLICY_FILE is set, and what it says judges; leave one of them out');
  }
  if (!builtin && bannedKeywords.length > 0) {
    problems.push(
      file === undefined
        ? 'BANNED_KEYWORDS: the built-in policy that reads them is off; set BUILTIN_POLICY=on'
        : 'BANNED_KEYWORDS: is not read beside POLICY_FILE; write them under policy.banned-keywords there',
    );
  }
  if (!builtin && file === undefined && !hasBackends) {
    warnings.push(
      'nothing judges: no vendor is configured and BUILTIN_POLICY is off, so every call is allowed',
    );
  }
  return { file, builtin, bannedKeywords };
}

function recordsOf(set: OwnValues): RecordsConfig | undefined {
  if (!set.TELEMETRY) return undefined;
  return {
    dir: set.DATA_DIR,
    maxBytes: set.OUTBOX_MAX_MB,
    maxAgeMs: set.OUTBOX_MAX_AGE_HOURS,
    failureGraceMs: set.FAILURE_GRACE_SECONDS,
    missingAfterMs: set.MISSING_EVENT_MINUTES,
    redaction: redactionOf(set),
  };
}

/** Keeping of decisions. */
function decisionsOf({ DECISIONS_DAYS: days, DECISIONS_MAX_MB: maxBytes, DATA_DIR: dir }: OwnValues) {
  return days === 0 ? undefined : { dir, days, maxBytes };
}

function redactionOf(set: OwnValues): RedactionOptions {
  return {
    content: set.TELEMETRY_CONTENT,
    remove: set.TELEMETRY_REMOVE,
    noContentTeams: new Set(set.NO_CONTENT_TEAMS),
    noContentKeys: new Set(set.NO_CONTENT_KEYS),
  };
}

function replayOf(set: OwnValues, { warnings }: Report): ReplayConfig | undefined {
  const { REPLAY_DAYS: days, REPLAY_MAX_MB: maxBytes, DATA_DIR: dir } = set;
  if (days === undefined) return undefined;
  const redaction = redactionOf(set);
  const isRemoved = redaction.remove.some(([field]) => field !== undefined && TEXT_FIELDS.has(field));
  if (redaction.content !== 'none' && !isRemoved)
    return { dir, maxAgeMs: days * 24 * 3_600_000, maxBytes, redaction };
  const why = isRemoved ? 'TELEMETRY_REMOVE removes the texts of all calls' : 'TELEMETRY_CONTENT is none';
  warnings.push(`REPLAY_DAYS keeps nothing: ${why}, and without them no call can be judged again`);
  return undefined;
}

/** Fields of an event that hold the texts of a call, or any. */
const TEXT_FIELDS: ReadonlySet<string> = new Set(['messages', 'response', '*']);

const DATABASE_SETTINGS = [
  'DATABASE_URL',
  'PGPASSWORD',
  'DATABASE_PASSWORD_FILE',
  'DATABASE_SCHEMA',
  'DATABASE_POOL_SIZE',
  'DATABASE_CONNECT_TIMEOUT',
  'DATABASE_STATEMENT_TIMEOUT',
] as const;

/**
 * The database alone, for commands that work where other settings are missing or wrong.
 *
 * @throws ConfigError naming the settings of it that are wrong
 */
export function readDatabase(env: Env): DatabaseConfig | undefined {
  const report: Report = { problems: [], warnings: [] };
  const database = databaseOf(readSettings(env, ...DATABASE_SETTINGS), report);
  if (report.problems.length > 0) throw new ConfigError(report.problems);
  return database;
}

function databaseOf(
  set: Pick<OwnValues, (typeof DATABASE_SETTINGS)[number]>,
  { problems }: Report,
): DatabaseConfig | undefined {
  const { DATABASE_URL: url, PGPASSWORD, DATABASE_PASSWORD_FILE: passwordFile } = set;
  if (url === undefined) {
    if (passwordFile !== undefined)
      problems.push('DATABASE_PASSWORD_FILE: DATABASE_URL is missing; set it, or leave both out');
    return undefined;
  }
  return {
    url,
    password: URL.parse(url)?.password ? undefined : PGPASSWORD,
    passwordFile,
    schema: set.DATABASE_SCHEMA,
    poolSize: set.DATABASE_POOL_SIZE,
    connectTimeoutMs: set.DATABASE_CONNECT_TIMEOUT,
    statementTimeoutMs: set.DATABASE_STATEMENT_TIMEOUT,
  };
}

function proxyOf({ HTTP_PROXY, HTTPS_PROXY, NO_PROXY }: OwnValues): ForwardProxy | undefined {
  if (HTTP_PROXY === undefined && HTTPS_PROXY === undefined) return undefined;
  return {
    ...(HTTP_PROXY !== undefined && { httpProxy: HTTP_PROXY }),
    ...(HTTPS_PROXY !== undefined && { httpsProxy: HTTPS_PROXY }),
    noProxy: NO_PROXY ?? '',
  };
}

/** These three are written in either case. */
export function withUpperCaseProxies(env: Env): Env {
  const { http_proxy, https_proxy, no_proxy } = env;
  return { HTTP_PROXY: http_proxy, HTTPS_PROXY: https_proxy, NO_PROXY: no_proxy, ...env };
}
