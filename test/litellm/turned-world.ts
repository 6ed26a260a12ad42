import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bridge, startBridge } from './bridge.ts';
import { call, type Seen } from './client.ts';
import { judge } from './fake-akto.ts';
import { policies } from './policy-world.ts';
import { type Provider, startProvider } from './provider.ts';
import { freePort, type ProxyOptions, type RunningProxy, startProxy } from './proxy.ts';
import { type Recorder, startRecorder } from './recorder.ts';
import type { Release } from './release.ts';

export const turnedKey = 'invented-bridge-key';
/** Words that a policy of the bridge blocks; those of the fake Akto are the vendor's. */
export const banned = 'parsnip';

/** A record as the vendor behind the bridge got it. */
export interface TurnedRecord {
  status: string;
  callId: string | undefined;
  request: Record<string, unknown>;
  response: Record<string, unknown>;
  tag: Record<string, string>;
}

/** How the vendor behind a bridge behaves, and what the bridge makes of it. */
export const turnedBridges = ['judging', 'closed', 'open', 'defer'] as const;
export type TurnedBridge = (typeof turnedBridges)[number];

/** A proxy with a vendor's own integration that is pointed at bridges. */
export interface TurnedWorld {
  provider: Provider;
  akto: Recorder;
  bridges: Record<TurnedBridge, Bridge>;
  proxy: RunningProxy;
  ask(guardrails: string[], prompt: string, more?: Record<string, unknown>): Promise<Seen>;
  /** Records of a call, once there are any and no more come. */
  recordsOf(seen: Pick<Seen, 'headers'>): Promise<TurnedRecord[]>;
  /** The same for those with some words in them. */
  recordsWith(words: string): Promise<TurnedRecord[]>;
  stop(): Promise<void>;
}

/** @param options of the proxy, by the addresses of the bridges; `gone` is that of none */
export async function startTurnedWorld(
  release: Release,
  options: (
    urls: Record<TurnedBridge | 'gone', string>,
  ) => Promise<Omit<ProxyOptions, 'bin' | 'providerUrl'>>,
): Promise<TurnedWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'litellm-turned-'));
  const policy = policies({
    'banned-keywords': { keywords: [banned] },
    'pii-detector': { entities: ['EMAIL_ADDRESS'] },
  });
  const policyFile = join(folder, 'policy.yaml');
  await writeFile(policyFile, JSON.stringify(policy));
  const provider = await startProvider();
  const akto = await startRecorder(judge);
  const gone = `http://127.0.0.1:${await freePort()}`;
  const start = async (name: TurnedBridge) => {
    const isUp = name === 'judging';
    return startBridge({
      POLICY_FILE: policyFile,
      DATA_DIR: join(folder, name),
      BRIDGE_API_KEYS: turnedKey,
      FAILURE_GRACE_SECONDS: '1',
      MISSING_EVENT_MINUTES: '0.1',
      AKTO_GUARDRAIL_API_BASE: isUp ? akto.url : gone,
      AKTO_API_KEY: 'invented-akto-token',
      ...(name === 'open' && { UNREACHABLE_FALLBACK: 'fail_open' }),
      ...(name === 'defer' && { UNREACHABLE_FALLBACK: 'defer' }),
    });
  };
  const started = await Promise.all(turnedBridges.map(async (name) => [name, await start(name)] as const));
  const bridges = Object.fromEntries(started) as Record<TurnedBridge, Bridge>;
  const urls = Object.fromEntries(started.map(([name, { url }]) => [name, url])) as Record<
    TurnedBridge,
    string
  >;
  const proxy = await startProxy({
    bin: release.bin,
    providerUrl: provider.url,
    ...(await options({ ...urls, gone })),
  });
  const records = () =>
    akto.calls
      .filter(({ path }) => path.endsWith('/api/ingestData'))
      .flatMap(({ body }) => (body.batchData as Record<string, string>[]).map(recordIn));
  const settled = async (isWanted: (record: TurnedRecord) => boolean) => {
    const giveUpAt = Date.now() + 20_000;
    while (!records().some(isWanted) && Date.now() < giveUpAt) await sleep(50);
    await sleep(2500);
    return records().filter(isWanted);
  };
  return {
    ...{ provider, akto, bridges, proxy },
    ask: (guardrails, prompt, more = {}) =>
      call(proxy.url, '/v1/chat/completions', {
        model: 'house-model',
        messages: [{ role: 'user', content: prompt }],
        ...(guardrails.length > 0 && { guardrails }),
        ...more,
      }),
    recordsOf: ({ headers }) => settled(({ callId }) => callId === headers.get('x-litellm-call-id')),
    recordsWith: (words) => settled((record) => JSON.stringify(record).includes(words)),
    async stop() {
      await proxy.stop();
      await Promise.all(Object.values(bridges).map((bridge) => bridge.stop()));
      await Promise.all([provider, akto].map((server) => server.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function recordIn(envelope: Record<string, string>): TurnedRecord {
  const opened = (text: string | undefined) => {
    const payload = JSON.parse(text ?? '{}') as Record<string, unknown>;
    return (typeof payload.body === 'string' ? JSON.parse(payload.body) : payload) as Record<string, unknown>;
  };
  const tag = JSON.parse(envelope.tag ?? '{}') as Record<string, string>;
  return {
    status: String(envelope.statusCode),
    callId: tag.litellm_call_id,
    request: opened(envelope.requestPayload),
    response: opened(envelope.responsePayload),
    tag,
  };
}
