import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runCli } from '../support/cli.ts';
import { type Bridge, startBridge } from './bridge.ts';
import { call, type Seen } from './client.ts';
import { judge } from './fake-akto.ts';
import type { Provider } from './provider.ts';
import { masterKey, type RunningProxy, startProxy } from './proxy.ts';
import { startRecorder } from './recorder.ts';
import type { Release } from './release.ts';

const EXAMPLE = resolve(import.meta.dirname, '..', '..', 'examples', 'litellm-config.yaml');

/** The keys of bridges; invented. */
export const bridgeKey = 'invented-bridge-key';

/** A change of the example of LiteLLM's configuration: each pattern must be in it. */
export type ConfigChange = readonly (readonly [pattern: RegExp, other: string])[];

export type Finding = { code: string; subject?: string; message: string; advice: string; severity?: string };

/** A bridge with one vendor, and a proxy with the example of the README, or with a fault in it. */
export interface Wired {
  bridge: Bridge;
  /** The vendor: it refuses our token for checks if it is told to. */
  vendor: { refuses: boolean };
  readonly proxy: RunningProxy;
  /** LiteLLM's configuration. */
  file: string;
  policy: string;
  /** A chat through the proxy. */
  chat(stream?: boolean): Promise<Seen>;
  /** Runs the doctor as an operator does beside the bridge. */
  doctor(...args: string[]): Promise<{ code: number; out: string; err: string }>;
  /** The codes of the findings of a doctor. */
  codes(...args: string[]): Promise<string[]>;
  /** `findings` of `/readyz`. */
  live(): Promise<Finding[]>;
  /** Starts LiteLLM anew, with the example as it is. */
  mend(): Promise<void>;
  stop(): Promise<void>;
}

export type WiredOptions = {
  readonly release: Release;
  readonly provider: Provider;
  readonly change?: ConfigChange;
  /** Of LiteLLM, over its own. */
  readonly env?: (bridge: string) => Readonly<Record<string, string>>;
  readonly bridgeEnv?: Readonly<Record<string, string>>;
};

export async function startWired({
  release,
  provider,
  change = [],
  env,
  bridgeEnv,
}: WiredOptions): Promise<Wired> {
  const folder = await mkdtemp(join(tmpdir(), 'litellm-doctor-'));
  const policy = join(folder, 'policy.yaml');
  await writeFile(policy, JSON.stringify({ policies: { chain: ['secrets', 'pii-detector'] }, policy: PII }));
  const vendor = { refuses: false };
  const akto = await startRecorder((asked) => {
    const isCheck = !asked.path.endsWith('/api/ingestData');
    return vendor.refuses && isCheck ? { status: 401, json: {} } : judge(asked);
  });
  const own = {
    ...{ AKTO_GUARDRAIL_API_BASE: akto.url, AKTO_API_KEY: 'invented-akto-token' },
    ...{ POLICY_FILE: policy, BRIDGE_API_KEYS: bridgeKey, DATA_DIR: join(folder, 'data') },
    ...bridgeEnv,
  };
  const bridge = await startBridge(own);
  const base = `${provider.url}/v1`;
  const ofLitellm = {
    ...{ OPENAI_API_KEY: 'invented', OPENAI_API_BASE: base, OPENAI_BASE_URL: base },
    ...{ BRIDGE_URL: bridge.url, BRIDGE_LOGS_URL: `${bridge.url}/v1/litellm/logs` },
    ...{ BRIDGE_API_KEY: bridgeKey, LITELLM_MASTER_KEY: masterKey },
  };
  const right = await readFile(EXAMPLE, 'utf8');
  const file = join(folder, 'config.yaml');
  const start = async (config: string, more: Readonly<Record<string, string>> = {}) => {
    await writeFile(file, config);
    const env = { ...ofLitellm, ...more };
    return startProxy({ bin: release.bin, providerUrl: provider.url, guardrails: [], config, env });
  };
  const others = env?.(bridge.url) ?? {};
  let proxy = await start(changed(right, change), others);
  let both: Record<string, string> = { ...ofLitellm, ...others, ...own, PORT: new URL(bridge.url).port };
  const doctor = (...args: string[]) =>
    runCli(['doctor', ...args], {
      env: both,
      sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
    });
  return {
    ...{ bridge, vendor, file, policy, doctor },
    get proxy() {
      return proxy;
    },
    chat: (stream = false) =>
      call(proxy.url, '/v1/chat/completions', {
        ...{ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'When do plums ripen?' }] },
        ...(stream && { stream }),
      }),
    async codes(...args) {
      const { out } = await doctor(...args, '--json');
      return (JSON.parse(out) as { findings: Finding[] }).findings.map(({ code }) => code);
    },
    async live() {
      const ready = (await (await fetch(`${bridge.url}/readyz`)).json()) as { findings?: Finding[] };
      return ready.findings ?? [];
    },
    async mend() {
      await proxy.stop();
      proxy = await start(right);
      both = { ...both, ...ofLitellm };
    },
    async stop() {
      await proxy.stop();
      await bridge.stop();
      await akto.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const PII = { 'pii-detector': { action: 'redact', entities: ['EMAIL_ADDRESS'] } };

function changed(config: string, change: ConfigChange): string {
  return change.reduce((text, [before, after]) => {
    if (!before.test(text)) throw new Error(`the example has no ${before}`);
    return text.replace(before, after);
  }, config);
}
