import { policiesOf } from '../calls/policies.ts';
import { isLoopback } from '../config/backend.ts';
import type { Config } from '../config/config.ts';
import type { BridgeFacts } from './wiring.ts';

/**
 * Facts about the wiring in the settings of the bridge.
 *
 * @throws PolicyFileError, or ConfigError if there is no such file
 */
export function bridgeFacts(config: Config): BridgeFacts {
  const { server, access, replies, judging } = config;
  const file = policiesOf(config)?.file;
  const backends = [...config.backends, ...(file?.backends ?? [])];
  const times = backends.filter(({ mode }) => mode === 'enforce').map(({ timeoutMs }) => timeoutMs);
  const isSequence = [file?.orchestration, ...(file?.rules ?? []).map((rule) => rule.orchestration)].includes(
    'sequence',
  );
  const asked = isSequence ? times.reduce((sum, ms) => sum + ms, 0) : Math.max(0, ...times);
  return {
    port: server.port,
    apiKeys: access.apiKeys,
    isOpen: access.apiKeys.length === 0 && !isLoopback(server.host),
    responseRedaction: replies.responseRedaction,
    longestCheckMs: Math.max(judging.policyTimeoutMs, asked),
    takesRecords: config.records !== undefined && backends.some(({ takesRecords }) => takesRecords),
  };
}
