import { join } from 'node:path';
import pino from 'pino';
import { backends } from '../backends/index.ts';
import { composeBridge } from '../bridge.ts';
import { parseConfig } from '../config/config.ts';
import { listen } from '../http/drain.ts';
import { createServer } from '../http/server.ts';
import { DEMO_FOLDER } from './demo-calls.ts';

export type DemoBridge = {
  readonly url: string;
  readonly key: string;
  /** Holds its log and its `DATA_DIR`. */
  readonly folder: string;
  readonly logFile: string;
  stop(): Promise<void>;
};

/**
 * Starts the bridge in this process, on a free port of loopback, with the policies of the demo and no setting of the user's.
 *
 * @param streams false for a LiteLLM that does not tell which responses are streamed: then all are redacted
 */
export async function startDemoBridge(folder: string, key: string, streams: boolean): Promise<DemoBridge> {
  const config = parseConfig(
    {
      HOST: '127.0.0.1',
      PORT: '0',
      BRIDGE_API_KEYS: key,
      DATA_DIR: folder,
      POLICY_FILE: join(DEMO_FOLDER, 'policies.yaml'),
      RESPONSE_REDACTION: streams ? 'auto' : 'rewrite',
    },
    backends,
  );
  const logFile = join(folder, 'bridge.log');
  const bridge = composeBridge(config, pino.destination({ dest: logFile, sync: true }));
  const { server, connections } = createServer({
    ...bridge,
    bodyTimeoutMs: config.bodies.bodyTimeoutMs,
    onCut: bridge.cutPipeline,
  });
  await bridge.ready();
  const port = await listen(server, config.server.host, config.server.port);
  return {
    ...{ url: `http://127.0.0.1:${port}`, key, folder, logFile },
    async stop() {
      bridge.startDraining();
      connections.destroy();
      await connections.close();
      await bridge.close();
    },
  };
}
