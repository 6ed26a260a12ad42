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
    ...config.warnings.map((warning) => `warning: ${warning}`),
    'The configuration can be used.',
  ];
  return `${lines.join('\n')}\n`;
}
