import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Bridge, startBridge } from './bridge.ts';
import { call, type Seen } from './client.ts';
import { policies } from './policy-world.ts';
import { type Provider, startProvider } from './provider.ts';
import { masterKey, type RunningProxy, startProxy } from './proxy.ts';
import type { Release } from './release.ts';

/** A proxy with a configuration under `examples/`, word for word, in front of a bridge with its usual settings. */
export interface ExampleWorld {
  provider: Provider;
  proxy: RunningProxy;
  bridge: Bridge;
  send(path: string, body: Record<string, unknown>): Promise<Seen>;
  /** Guardrail calls about responses so far. */
  responseCalls(): Promise<number>;
  /** Rows of the audit log about responses. */
  auditedResponses(): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

const key = 'invented-bridge-key';

/** The text of a config with more models, at the top of their list. */
function withModels(config: string, models: readonly string[]): string {
  const entries = models.map((model_name) => {
    const entry = { model_name, litellm_params: { model: 'openai/invented', api_key: 'invented' } };
    return `  - ${JSON.stringify(entry)}\n`; // JSON is YAML
  });
  return config.replace('model_list:\n', `model_list:\n${entries.join('')}`);
}

/** The word that the bridge of an example blocks; credentials it redacts. */
export const banned = 'mandrake';

/**
 * @param file below `examples/`
 * @param models names of models beside those of the file
 */
export async function startExample(
  release: Release,
  file: string,
  models: readonly string[] = [],
): Promise<ExampleWorld> {
  const text = await readFile(resolve(import.meta.dirname, '../../examples', file), 'utf8');
  return startConfig(release, withModels(text, models));
}

/** Starts a proxy with any configuration that has the variables of the examples. */
export async function startConfig(release: Release, config: string): Promise<ExampleWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'litellm-example-'));
  const policy = join(folder, 'policy.yaml');
  const kinds = {
    secrets: { action: 'redact' },
    'banned-keywords': { keywords: [banned] },
    'audit-logger': {},
  };
  await writeFile(policy, JSON.stringify(policies(kinds))); // JSON is YAML
  const provider = await startProvider();
  const bridge = await startBridge({ POLICY_FILE: policy, BRIDGE_API_KEYS: key, DATA_DIR: folder });
  const base = { openai: `${provider.url}/v1`, anthropic: provider.url };
  const proxy = await startProxy({
    bin: release.bin,
    providerUrl: provider.url,
    guardrails: [],
    config,
    env: {
      ...{ OPENAI_API_KEY: 'invented', OPENAI_API_BASE: base.openai, OPENAI_BASE_URL: base.openai },
      ...{ ANTHROPIC_API_KEY: 'invented', ANTHROPIC_API_BASE: base.anthropic },
      ...{ BRIDGE_URL: bridge.url, BRIDGE_LOGS_URL: `${bridge.url}/v1/litellm/logs`, BRIDGE_API_KEY: key },
      LITELLM_MASTER_KEY: masterKey,
    },
  });
  return {
    provider,
    proxy,
    bridge,
    send: (path, body) => call(proxy.url, path, body),
    async responseCalls() {
      const counts = (await bridge.metrics()).matchAll(
        /decisions_total\{input_type="response",.*\} (\d+)$/gm,
      );
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
    },
    async auditedResponses() {
      const logs = (await readdir(join(folder, 'audit'))).filter((name) => name.endsWith('.jsonl'));
      const texts = await Promise.all(logs.map((name) => readFile(join(folder, 'audit', name), 'utf8')));
      const rows = texts.flatMap((text) => text.split('\n').filter((line) => line !== ''));
      return rows
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ input_type }) => input_type === 'response');
    },
    async stop() {
      await proxy.stop();
      await bridge.stop();
      await provider.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
