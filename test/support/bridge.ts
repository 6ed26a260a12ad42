import { backends } from '../../src/backends/index.ts';
import { composeBridge } from '../../src/bridge.ts';
import { parseConfig } from '../../src/config/config.ts';

/** A line of the log, parsed. */
export type Line = Record<string, unknown> & { msg: string; level: string };

/** The whole bridge in this process, configured by an environment, with its log in a list. */
export function testBridge(env: Record<string, string>) {
  const lines: Line[] = [];
  // Without a folder of its own a bridge keeps nothing
  const nothing = env.DATA_DIR === undefined ? { TELEMETRY: 'off', DECISIONS_DAYS: '0' } : {};
  const bridge = composeBridge(parseConfig({ ...nothing, ...env }, backends), {
    write: (line: string) => {
      lines.push(JSON.parse(line) as Line);
    },
  });
  /** Posts a guardrail call and reads the reply. */
  const ask = async (call: object, headers: Record<string, string> = {}) => {
    const body = JSON.stringify(call);
    const response = await bridge.app.request('/beta/litellm_basic_guardrail_api', {
      method: 'POST',
      headers,
      body,
    });
    return { status: response.status, reply: (await response.json()) as Record<string, unknown> };
  };
  /** The value of one sample of `/metrics`, such as `bypasses_total{backend="akto"}`; undefined if it is not there. */
  const metric = async (sample: string) => {
    const text = await (await bridge.app.request('/metrics')).text();
    const line = text.split('\n').find((line) => line.startsWith(`guardrail_bridge_${sample} `));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  };
  return { ...bridge, close: () => bridge.close(), lines, ask, metric };
}

/** The environment of an Akto at `url`. */
export const aktoAt = (url: string) => ({ AKTO_GUARDRAIL_API_BASE: url, AKTO_API_KEY: 'akto-key' });

/** The environment of a Capsule at `url` that fails closed. */
export const capsuleAt = (url: string) => ({
  CAPSULE_LITELLM_ENDPOINT: `${url}/v1/litellm/hooks`,
  CAPSULE_LITELLM_TOKEN: 'capsule-token',
  CAPSULE_LITELLM_FAIL_OPEN: 'false',
});
