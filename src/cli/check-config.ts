import { createHttp } from '../backends/http.ts';
import { toFailure } from '../backends/to-failure.ts';
import { nothingJudges, policiesOf } from '../calls/policies.ts';
import { describeBackend } from '../config/backend.ts';
import type { Config } from '../config/config.ts';
import { type DatabaseConfig, databasePlace } from '../database/database-config.ts';
import { databaseProblem } from '../database/database-problem.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import { REDACTION_SENTENCES } from '../litellm/response-wiring.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import { plural } from './output.ts';

/**
 * The meaning of a configuration, for people.
 *
 * @throws PolicyFileError, or ConfigError if there is no such file
 */
export function checkConfig(config: Config): string {
  const { host, port } = config.server;
  const { apiKeys } = config.access;
  const policies = policiesOf(config)?.file;
  const backends = [...config.backends, ...(policies?.backends ?? [])];
  const lines = [
    `listens on ${host}:${port}, ${plural(apiKeys.length, 'API key').replace(/^0/, 'no')}${config.workers > 1 ? `, ${config.workers} workers` : ''}`,
    policies === undefined ? 'policies none' : inForce(policies, config),
    ...backends.map((backend) => {
      const { host, timeout_seconds, sample, hedge_after_seconds, ...own } = describeBackend(backend);
      const part = sample === undefined ? '' : `, ${sample} % of the calls`;
      const again = hedge_after_seconds === undefined ? '' : `, asked again after ${hedge_after_seconds} s`;
      return `backend ${own.backend} at ${host}: timeout ${timeout_seconds} s, ${own.unreachable_fallback}, ${own.mode}${part}${again}`;
    }),
    REDACTION_SENTENCES[config.replies.responseRedaction],
    telemetryOf(config, backends),
    ...stateOf(config),
    ...startWarnings(config, policies).map((warning) => `warning: ${warning}`),
    'The configuration can be used.',
  ];
  return `${lines.join('\n')}\n`;
}

/** Warnings about a configuration and its policies that can be used, for the start and `config`. */
export function startWarnings(config: Config, policies: PolicyFile | undefined): readonly string[] {
  const warnings = [...config.warnings, ...(policies?.warnings ?? [])];
  if (policies !== undefined)
    warnings.push(...nothingJudges(policies, [...config.backends, ...policies.backends]));
  if (config.audit.keys.length > 0 && !policies?.policies.has('audit-logger')) {
    warnings.push(
      'AUDIT_KEY seals nothing: put audit-logger into a chain of POLICY_FILE to have decisions logged',
    );
  }
  return warnings;
}

function inForce(
  { name, version, chain, policies, rules, orchestration, onError }: PolicyFile,
  { policies: { bannedKeywords } }: Config,
): string {
  const judging = chain.map((kind) => {
    const { mode = 'enforce', sample } = policies.get(kind)?.mode ?? {};
    if (mode === 'enforce') return kind;
    return mode === 'sample' ? `${kind} (sample ${sample} %)` : `${kind} (observe)`;
  });
  const way = typeof orchestration === 'string' ? orchestration : `quorum ${orchestration.quorum}`;
  const asked = way === 'first_block' ? '' : `; backends by ${way}`;
  const next = onError === 'next' ? '; on_error next' : '';
  const words = bannedKeywords.length > 0 ? `; ${plural(bannedKeywords.length, 'banned keyword')}` : '';
  return `policies ${name} (version ${version}): ${judging.join(', ') || 'no chain'}; ${plural(rules.length, 'rule')}${words}${asked}${next}`;
}

function telemetryOf({ records, database }: Config, backends: readonly BackendConfig[]): string {
  const names = backends.flatMap(({ name, takesRecords }) => (takesRecords ? [name] : [])).join(', ');
  if (records === undefined || names === '') return 'telemetry off: log events of LiteLLM are not kept';
  const { dir, maxBytes, maxAgeMs, redaction } = records;
  const bounds = `at most ${Math.round(maxBytes / 1024 / 1024)} MB and ${maxAgeMs / 3_600_000} hours`;
  const where = database === undefined ? dir : `the database, while it is down in ${dir}`;
  return `telemetry to ${names}: content ${redaction.content}, kept in ${where}, ${bounds}`;
}

function stateOf({ database, state: { keys } }: Config): readonly string[] {
  if (database === undefined) return [];
  const { name, schema } = databasePlace(database);
  const by = keys.length > 0 ? 'STATE_KEY' : 'a key that stands there too, as STATE_KEY is not set';
  return [`replicas share records and state in schema ${schema} of ${name}; state is encrypted with ${by}`];
}

/**
 * Asks the address of each backend. Any HTTP status means that name, network and TLS are right; the token is not tried, as
 * no vendor has a call for that.
 */
export async function checkConnections(config: Config): Promise<{ text: string; ok: boolean }> {
  const http = createHttp({ proxy: config.proxy });
  const results = await Promise.all(
    [...config.backends, ...(policiesOf(config)?.file.backends ?? [])].map(
      async ({ name, url, timeoutMs }) => {
        const startedAt = performance.now();
        try {
          const status = await http.reach(url, timeoutMs);
          const ms = Math.round(performance.now() - startedAt);
          return { ok: true, line: `${name} answers (HTTP ${status}, ${ms} ms)\n` };
        } catch (error) {
          const failure = toFailure(error);
          const why = 'code' in failure ? `${failure.kind} (${failure.code})` : failure.kind;
          return { ok: false, line: `${name} does not answer: ${why}\n` };
        }
      },
    ),
  );
  await http.close();
  const { database } = config;
  if (database !== undefined) results.push(await checkDatabase(database));
  return { text: results.map(({ line }) => line).join(''), ok: results.every(({ ok }) => ok) };
}

/** Connects as the bridge does, and changes nothing. */
async function checkDatabase(config: DatabaseConfig): Promise<{ line: string; ok: boolean }> {
  const { name, schema } = databasePlace(config);
  const [{ Database }, { DatabaseError }] = await Promise.all([
    import('../database/database.ts'),
    import('../database/database-error.ts'),
  ]);
  const database = new Database(config, 'command');
  const startedAt = performance.now();
  try {
    const { version, isMigrated } = await database.look();
    const ms = Math.round(performance.now() - startedAt);
    const tables = isMigrated
      ? `the tables in ${schema} are those of this release`
      : `the bridge makes or changes the tables in ${schema} when it starts, or database migrate does`;
    return { ok: true, line: `database ${name} answers (Postgres ${version}, ${ms} ms); ${tables}\n` };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return { ok: false, line: `${databaseProblem(error.code, config)}\n` };
  } finally {
    await database.close();
  }
}
