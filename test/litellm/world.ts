import { type Bridge, startBridge } from './bridge.ts';
import { call, type Send } from './client.ts';
import { forbidden, startFakeAkto } from './fake-akto.ts';
import { type Provider, startProvider } from './provider.ts';
import { freePort, type GuardrailEntry, type RunningProxy, startProxy } from './proxy.ts';
import { type Recorder, startRecorder } from './recorder.ts';
import { does, type Release } from './release.ts';

/** One proxy of one release, with a bridge for every situation; a request names the guardrails it wants. */
export interface World {
  provider: Provider;
  akto: Recorder;
  proxy: RunningProxy;
  bridges: Record<BridgeName, Bridge>;
  send: Send;
  stop(): Promise<void>;
}

export type BridgeName = (typeof bridgeNames)[number];

const bridgeNames = [
  'policy',
  'mask',
  'strict',
  'down-fail_closed',
  'down-fail_open',
  'down-defer',
  'hang-fail_closed',
  'hang-fail_open',
  'hang-defer',
] as const;

const bridgeKey = 'invented-bridge-key';

export async function startWorld(release: Release): Promise<World> {
  const provider = await startProvider();
  const akto = await startFakeAkto();
  const hanging = await startFakeAkto('hang');
  const closedUrl = `http://127.0.0.1:${await freePort()}`;

  const envs: Record<BridgeName, Record<string, string>> = {
    policy: { BANNED_KEYWORDS: forbidden, BRIDGE_API_KEYS: `retired-key,${bridgeKey}` },
    mask: { ...aktoAt(akto.url), RESPONSE_REDACTION: 'rewrite' },
    strict: aktoAt(akto.url),
    'down-fail_closed': aktoAt(closedUrl),
    'down-fail_open': { ...aktoAt(closedUrl), UNREACHABLE_FALLBACK: 'fail_open' },
    'down-defer': { ...aktoAt(closedUrl), UNREACHABLE_FALLBACK: 'defer' },
    'hang-fail_closed': { ...aktoAt(hanging.url), GUARDRAIL_TIMEOUT: '0.5' },
    'hang-fail_open': { ...aktoAt(hanging.url), GUARDRAIL_TIMEOUT: '0.5', UNREACHABLE_FALLBACK: 'fail_open' },
    'hang-defer': { ...aktoAt(hanging.url), GUARDRAIL_TIMEOUT: '0.5', UNREACHABLE_FALLBACK: 'defer' },
  };
  const started = await Promise.all(bridgeNames.map(async (name) => [name, await startBridge(envs[name])]));
  const bridges = Object.fromEntries(started) as World['bridges'];
  const capsule = await startRecorder(({ body }) => ({
    json: { decision: JSON.stringify(body).includes(forbidden) ? 'deny' : 'allow', reason: 'invented' },
  }));
  const withCapsule = await startBridge({
    CAPSULE_LITELLM_ENDPOINT: capsule.url,
    CAPSULE_LITELLM_TOKEN: 'invented-capsule-token',
  });

  const urls: Urls = {
    ...mapValues(bridges, (bridge) => bridge.url),
    gone: closedUrl,
    capsule: withCapsule.url,
    stuck: hanging.url,
  };
  const proxy = await startProxy({
    bin: release.bin,
    providerUrl: provider.url,
    guardrails: guardrailsAt(urls, release),
  });

  return {
    provider,
    akto,
    proxy,
    bridges,
    send: (endpoint, body, guardrails, headers) => {
      akto.calls = [];
      return call(proxy.url, endpoint.path, { ...body, guardrails }, headers);
    },
    async stop() {
      await proxy.stop();
      await Promise.all([...Object.values(bridges), withCapsule].map((bridge) => bridge.stop()));
      await Promise.all([provider, akto, hanging, capsule].map((server) => server.close()));
    },
  };
}

const aktoAt = (url: string) => ({ AKTO_GUARDRAIL_API_BASE: url, AKTO_API_KEY: 'invented-akto-token' });

const key = (value: string) => ({ api_key: value });

type Urls = Record<BridgeName | 'gone' | 'capsule' | 'stuck', string>;

const mapValues = <K extends string, A, B>(from: Record<K, A>, change: (value: A) => B): Record<K, B> =>
  Object.fromEntries(Object.entries<A>(from).map(([name, value]) => [name, change(value)])) as Record<K, B>;

/** LiteLLM silently drops guardrails beyond a hundred callbacks. */
function guardrailsAt(urls: Urls, release: Release): GuardrailEntry[] {
  return [
    ...[...bridgeNames, 'gone' as const].flatMap((name) => entries(name, urls[name], {})),
    ...entries('gone-litellm_open', urls.gone, { unreachable_fallback: 'fail_open' }),
    ...entries('policy', urls.policy, {}, ['during']),
    ...entries('mask', urls.mask, {}, ['during']),
    ...entries('capsule', urls.capsule, {}),
    ...entries('stuck', urls.stuck, { timeout: 1 }),
    ...entries('stuck-litellm_open', urls.stuck, { timeout: 1, unreachable_fallback: 'fail_open' }),
    // the same guardrails where LiteLLM's own setting is to let requests pass
    ...(['down-fail_closed', 'down-defer', 'hang-fail_closed', 'hang-defer'] as const).flatMap((name) =>
      entries(`${name}-litellm_open`, urls[name], { unreachable_fallback: 'fail_open' }),
    ),
    ...entries('wrong-key-litellm_open', urls.policy, {
      ...key('a-wrong-key'),
      unreachable_fallback: 'fail_open',
    }),
    ...entries('each-chunk', urls.policy, { streaming_sampling_rate: 1 }),
    ...entries('strict-each-chunk', urls.strict, { streaming_sampling_rate: 1 }),
    ...entries('at-end', urls.policy, { streaming_end_of_stream_only: true }),
    ...(does(release, 'skips wrong entries')
      ? entries('wrong', urls.policy, { streaming_sampling_rate: 0 })
      : []),
    ...entries('transform', urls.mask, { streaming_transform_mode: 'incremental_diff' }),
  ];
}

/** One guardrail per mode: `<name>-pre`, `<name>-post`. */
function entries(
  name: string,
  url: string,
  params: Record<string, unknown>,
  modes = ['pre', 'post'],
): GuardrailEntry[] {
  return modes.map((mode) => ({
    guardrail_name: `${name}-${mode}`,
    litellm_params: {
      guardrail: 'generic_guardrail_api',
      mode: `${mode}_call`,
      api_base: url,
      default_on: false,
      ...key(bridgeKey),
      ...params,
    },
  }));
}
