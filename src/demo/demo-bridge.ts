import { join } from 'node:path';
import pino from 'pino';
import { backends } from '../backends/index.ts';
import { composeBridge } from '../bridge.ts';
import { parseConfig } from '../config/config.ts';
import { Listeners } from '../http/listeners.ts';
import { DEMO_FOLDER } from './demo-calls.ts';

export type DemoBridge = {
  readonly url: string;
  /** Of its page, its readiness and its metrics. */
  readonly ops: string;
  readonly key: string;
  /** Holds its log and its `DATA_DIR`. */
  readonly folder: string;
  readonly logFile: string;
  stop(): Promise<void>;
};

/**
 * Starts the bridge in this process, on free ports of loopback, with the policies of the demo and no setting of the user's.
 *
 * @param streams false for a LiteLLM that does not tell which responses are streamed: then all are redacted
 */
export async function startDemoBridge(folder: string, key: string, streams: boolean): Promise<DemoBridge> {
  const config = parseConfig(
    {
      HOST: '127.0.0.1',
      PORT: '0',
      // The page needs no key there
      OPS_PORT: '0',
      BRIDGE_API_KEYS: key,
      DATA_DIR: folder,
      POLICY_FILE: join(DEMO_FOLDER, 'policies.yaml'),
      RESPONSE_REDACTION: streams ? 'auto' : 'rewrite',
    },
    backends,
  );
  const logFile = join(folder, 'bridge.log');
  const bridge = composeBridge(config, pino.destination({ dest: logFile, sync: true }));
  const listeners = new Listeners(bridge, config);
  const { port, opsPort } = await listeners.open();
  const ops = `http://127.0.0.1:${opsPort}`;
  return {
    ...{ url: `http://127.0.0.1:${port}`, ops, key, folder, logFile },
    stop: () => listeners.cut(),
  };
}
