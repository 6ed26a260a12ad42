import { createHttp, toFailure } from '../backends/http.ts';
import { describeBackend } from '../config/backend.ts';
import type { Config } from '../config/config.ts';

/** `guardrail-bridge check-config`: what the environment means, without starting anything. Throws ConfigError before. */
export function checkConfig(config: Config): string {
  const lines = [
    `listens on ${config.host}:${config.port}, ${config.apiKeys.length || 'no'} API key${config.apiKeys.length === 1 ? '' : 's'}`,
    `built-in policy ${config.builtinPolicy ? 'on' : 'off'}, ${config.bannedKeywords.length} banned keywords`,
    ...config.backends.map((backend) => {
      const { backend: name, host, timeout_seconds, unreachable_fallback, mode } = describeBackend(backend);
      return `backend ${name} at ${host}: timeout ${timeout_seconds} s, ${unreachable_fallback}, ${mode}`;
    }),
    telemetryOf(config),
    ...config.warnings.map((warning) => `warning: ${warning}`),
    'The configuration can be used.',
  ];
  return `${lines.join('\n')}\n`;
}

function telemetryOf({ telemetry, backends }: Config): string {
  if (telemetry === undefined) return 'telemetry off: log events of LiteLLM are not kept';
  const { dir, maxBytes, maxAgeMs, redaction } = telemetry;
  const names = backends.flatMap(({ name, sink }) => (sink === undefined ? [] : [name])).join(', ');
  const bounds = `at most ${Math.round(maxBytes / 1024 / 1024)} MB and ${maxAgeMs / 3_600_000} hours`;
  return `telemetry to ${names}: content ${redaction.content}, kept in ${dir}, ${bounds}`;
}

/**
 * `guardrail-bridge check-config --connect`: whether anything answers at the address of each backend. Any HTTP status
 * means that name, network and TLS are right; the token is not tried, as no vendor has a call for that.
 */
export async function checkConnections(config: Config): Promise<{ text: string; ok: boolean }> {
  const http = createHttp({ proxy: config.proxy });
  const results = await Promise.all(
    config.backends.map(async ({ name, url, timeoutMs }) => {
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
    }),
  );
  await http.close();
  return { text: results.map(({ line }) => line).join(''), ok: results.every(({ ok }) => ok) };
}
