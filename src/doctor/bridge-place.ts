import { isIPv6 } from 'node:net';
import { readSettings } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { type Env, variable } from '../config/read.ts';
import type { BridgePlace } from './bridge-client.ts';

/** The settings of the bridge that is asked, and its addresses where these say others. */
type BridgeAddresses = {
  readonly env: Env;
  readonly bridge?: string | undefined;
  readonly ops?: string | undefined;
};

/** Where the bridge listens, as it is reached from this machine, and its key, as far as these settings can be read whatever others say. */
export function callsPlace({ env, bridge }: BridgeAddresses): BridgePlace {
  const { HOST = '127.0.0.1', PORT = 8787 } = readable(env, 'HOST', 'PORT') ?? {};
  return {
    url: bridge ?? `http://${reachable(HOST)}:${PORT}`,
    // The other name is that of LiteLLM's configuration in the README
    key: readable(env, 'BRIDGE_API_KEYS')?.BRIDGE_API_KEYS?.[0] ?? variable(env, 'BRIDGE_API_KEY'),
  };
}

/** Where those who operate the bridge come to, the same way; undefined if it has no place of its own. */
export function opsPlace({ env, bridge, ops }: BridgeAddresses): BridgePlace | undefined {
  const { OPS_HOST = '127.0.0.1', OPS_PORT } = readable(env, 'OPS_HOST', 'OPS_PORT') ?? {};
  if (ops === undefined && OPS_PORT === undefined) return undefined;
  const host = (bridge === undefined ? undefined : URL.parse(bridge)?.hostname) ?? reachable(OPS_HOST);
  return {
    url: ops ?? `http://${host}:${OPS_PORT}`,
    key: readable(env, 'OPS_API_KEYS')?.OPS_API_KEYS?.[0],
  };
}

function reachable(address: string): string {
  const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return isIPv6(host) ? `[${host}]` : host;
}

function readable<Name extends Parameters<typeof readSettings>[1]>(env: Env, ...names: readonly Name[]) {
  try {
    return readSettings(env, ...names);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
