import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bridge, startBridge } from './bridge.ts';
import { call, type Seen } from './client.ts';
import { judge } from './fake-akto.ts';
import { type Provider, startProvider } from './provider.ts';
import { freePort, type ProxyOptions, type RunningProxy, startProxy } from './proxy.ts';
import { type RecordedCall, type Recorder, startRecorder } from './recorder.ts';
import type { Release } from './release.ts';
import { denied, type TelemetryCase } from './telemetry-cases.ts';

/** How one bridge of a {@link TelemetryWorld} is set up. */
export interface Observer {
  name: string;
  /** Beside the addresses of the vendors. */
  env?: Record<string, string>;
  /** Settings of its logger; false for a bridge that no logger reports to. */
  logger?: Record<string, unknown> | false;
  /** Parameters of its guardrail in LiteLLM. */
  params?: Record<string, unknown>;
  /** Asks it about every call, whether or not a request names it. */
  isDefault?: boolean;
}

/** A call as the client made it, with the words that only it says. */
export interface SentCall {
  item: TelemetryCase;
  marker: string;
  seen: Seen;
}

/** One proxy that logs to several bridges, each with an Akto and a Capsule of its own. */
export interface TelemetryWorld {
  provider: Provider;
  proxy: RunningProxy;
  akto: Recorder;
  capsule: Recorder;
  bridges: Record<string, Bridge>;
  /** The vendors give this bridge a 503 while it is in here. */
  refused: Set<string>;
  /** Calls that Akto did not refuse. */
  taken: RecordedCall[];
  /** Posts about ended calls that Capsule did not refuse. */
  posted: RecordedCall[];
  ask(
    bridge: string,
    item: TelemetryCase,
    guardrails?: string[],
    headers?: Record<string, string>,
  ): Promise<SentCall>;
  /** Ends a bridge as a crash does, and starts it again at the same address. */
  kill(bridge: string): Promise<void>;
  restart(bridge: string): Promise<void>;
  stop(): Promise<void>;
}

/** Longer than the retries of the proxy take. */
export const graceSeconds = 6;
const key = 'invented-bridge-key';
const aktoToken = 'invented-akto-token';

export const identity = {
  user_id: 'cook-7',
  team_id: 'team-invented',
  user_email: 'ada@kitchen.invalid',
  team_alias: 'kitchen-team',
  key_alias: 'kitchen-key',
};

const auth = `
from litellm.proxy._types import UserAPIKeyAuth

async def user_api_key_auth(request, api_key):
    return UserAPIKeyAuth(api_key="sk-invented-key", token="hash-invented-1", key_alias="${identity.key_alias}",
        team_id="${identity.team_id}", team_alias="${identity.team_alias}", user_id="${identity.user_id}",
        user_email="${identity.user_email}")
`;

export async function startTelemetryWorld(
  release: Release,
  observers: readonly Observer[],
  settings: ProxyOptions['settings'] = {},
  env: Record<string, string> = {},
): Promise<TelemetryWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'litellm-telemetry-'));
  const refused = new Set<string>();
  const taken: RecordedCall[] = [];
  const posted: RecordedCall[] = [];
  const provider = await startProvider();
  const akto = await startRecorder(async (sent) => {
    if (refused.has(bridgeOf(sent))) return { status: 503, json: {} };
    taken.push(sent);
    if (String(sent.body.responsePayload).includes('Slowly')) await sleep(1500);
    return judge(sent);
  });
  const capsule = await startRecorder((sent) => {
    const { path, body } = sent;
    if (refused.has(bridgeOf(sent))) return { status: 503, json: {} };
    if (path.endsWith('/post')) posted.push(sent);
    return path.endsWith('/post')
      ? { json: { ok: true } }
      : { json: { decision: JSON.stringify(body).includes(denied) ? 'deny' : 'allow', reason: 'invented' } };
  });

  const environments: Record<string, Record<string, string>> = {};
  const bridges: Record<string, Bridge> = {};
  async function start(name: string): Promise<void> {
    bridges[name] = await startBridge(environments[name] ?? {});
  }
  for (const { name, env: own } of observers) {
    environments[name] = {
      PORT: String(await freePort()),
      DATA_DIR: join(folder, name),
      BRIDGE_API_KEYS: key,
      FAILURE_GRACE_SECONDS: String(graceSeconds),
      AKTO_GUARDRAIL_API_BASE: `${akto.url}/${name}`,
      AKTO_API_KEY: aktoToken,
      CAPSULE_LITELLM_ENDPOINT: `${capsule.url}/${name}`,
      CAPSULE_LITELLM_TOKEN: 'invented-capsule-token',
      // a record from LiteLLM's cache waits so long for the verdict on its response
      GUARDRAIL_TIMEOUT: '2',
      CAPSULE_LITELLM_TIMEOUT_MS: '2000',
      ...own,
    };
  }
  await Promise.all(observers.map(({ name }) => start(name)));

  const logging = observers.filter(({ logger }) => logger !== false);
  const proxy = await startProxy({
    bin: release.bin,
    providerUrl: provider.url,
    models: ['falling-model'],
    callbacks: logging.map(({ name }) => name),
    settings: {
      ...settings,
      general_settings: { custom_auth: 'auth.user_api_key_auth' },
      router_settings: { num_retries: 1, fallbacks: [{ 'falling-model': ['house-model'] }] },
      litellm_settings: {
        cache: true,
        cache_params: { type: 'local', mode: 'default_off', supported_call_types: ['acompletion'] },
        ...settings.litellm_settings,
      },
      callback_settings: Object.fromEntries(
        logging.map(({ name, logger }) => [
          name,
          {
            callback_type: 'generic_api',
            endpoint: `os.environ/${name}_LOGS`, // as the examples do, and the key too
            headers: { 'x-api-key': 'os.environ/BRIDGE_API_KEY' },
            ...logger,
          },
        ]),
      ),
    },
    guardrails: observers.flatMap(({ name, params, isDefault = false }) => [
      entry(name, bridges[name] as Bridge, ['pre_call', 'post_call'], { default_on: isDefault, ...params }),
      entry(`${name}-during`, bridges[name] as Bridge, 'during_call', {
        additional_provider_specific_params: { mode: 'during_call' },
      }),
    ]),
    files: { 'auth.py': auth },
    env: {
      BRIDGE_API_KEY: key,
      ...Object.fromEntries(
        logging.map(({ name }) => [`${name}_LOGS`, `${bridges[name]?.url}/v1/litellm/logs`]),
      ),
      ...env,
    },
  });

  const items = new Map<string, TelemetryCase>();
  const attempts = new Map<string, number>();
  provider.respondTo = (body) => {
    const marker = markerIn(JSON.stringify(body)) ?? '';
    const attempt = (attempts.get(marker) ?? 0) + 1;
    attempts.set(marker, attempt);
    return { id: `${providerId(marker)}-${attempt}`, ...items.get(marker)?.response?.(attempt) };
  };

  return {
    provider,
    proxy,
    akto,
    capsule,
    bridges,
    refused,
    taken,
    posted,
    async ask(bridge, item, guardrails = [item.during ? `${bridge}-during` : bridge], headers = {}) {
      const marker = `mark<${bridge} ${items.size}>`;
      items.set(marker, item);
      const prompt = `About ${marker}: how do I cook ${item.says ?? 'plums'}`;
      const body = { ...item.body(prompt), ...(guardrails.length > 0 && { guardrails }) };
      if (item.isCached) await call(proxy.url, item.path, item.body(prompt));
      return { item, marker, seen: await call(proxy.url, item.path, body, headers) };
    },
    kill: (bridge) => (bridges[bridge] as Bridge).kill(),
    restart: start,
    async stop() {
      await proxy.stop();
      await Promise.all(Object.values(bridges).map((bridge) => bridge.stop()));
      await Promise.all([provider, akto, capsule].map((server) => server.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Which bridge a vendor was called by: its vendors have it as the first step of their paths. */
export function bridgeOf({ path }: RecordedCall): string {
  return path.split('/')[1] ?? '';
}

export function markerIn(text: string): string | undefined {
  return /mark<[^>]+>/.exec(text)?.[0];
}

/** In the ids of the provider's responses to a call. */
function providerId(marker: string): string {
  return marker.replaceAll(/\W+/g, '-');
}

function entry(name: string, bridge: Bridge, mode: string | string[], more: Record<string, unknown>) {
  return {
    guardrail_name: name,
    litellm_params: {
      guardrail: 'generic_guardrail_api',
      mode,
      api_base: bridge.url,
      default_on: false,
      api_key: key,
      ...more,
    },
  };
}
