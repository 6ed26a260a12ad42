import { policiesOf } from '../calls/policies.ts';
import { startWarnings } from '../calls/start-warnings.ts';
import { describeBackend } from '../config/backend.ts';
import type { Config } from '../config/config.ts';
import { databasePlace } from '../database/database-config.ts';
import { together } from '../doctor/check.ts';
import { askBackends } from '../doctor/examination.ts';
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
    ...(config.replay === undefined ? [] : [keptCalls(config.replay)]),
    ...stateOf(config),
    ...startWarnings(config, policies).map((warning) => `warning: ${warning}`),
    'The configuration can be used.',
  ];
  return `${lines.join('\n')}\n`;
}

/** Tells that calls are kept with their content, for the start and `config`. */
export function keptCalls({ dir, maxAgeMs, maxBytes }: NonNullable<Config['replay']>): string {
  const bounds = `${plural(Math.round(maxAgeMs / 86_400_000), 'day')}, at most ${Math.round(maxBytes / 1024 / 1024)} MB`;
  return `REPLAY_DAYS: calls are kept with their content in ${dir}, to be judged again: ${bounds}`;
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

/** Looks at each backend and the database as the doctor does. */
export async function checkConnections(config: Config): Promise<{ text: string; ok: boolean }> {
  const backends = [...config.backends, ...(policiesOf(config)?.file.backends ?? [])];
  const looks = await Promise.all(askBackends(config, backends));
  const { checks, findings } = together(looks);
  const lines = checks.map(({ text, ms }) => `${text} (${ms} ms)\n`);
  return { text: lines.join(''), ok: findings.length === 0 };
}
