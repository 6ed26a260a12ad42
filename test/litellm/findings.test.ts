import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Bridge, startBridge } from './bridge.ts';
import { call } from './client.ts';
import { chat, type Endpoint, endpoints, messages } from './endpoints.ts';
import { type Provider, startProvider } from './provider.ts';
import { type RunningProxy, startProxy } from './proxy.ts';

const key = 'invented-bridge-key';

/** That of the guardrail; null for none. */
type Mode = string | string[] | null;

describe.each(inject('releases'))('findings of litellm $version', (release) => {
  let provider: Provider;
  let bridge: Bridge;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'litellm-findings-'));
    provider = await startProvider();
    bridge = await startBridge({ DATA_DIR: folder, BRIDGE_API_KEYS: key });
  });

  afterAll(async () => {
    await bridge?.stop();
    await provider?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const proxyWith = (mode: Mode, general_settings = {}) =>
    startProxy({
      bin: release.bin,
      providerUrl: provider.url,
      callbacks: ['bridge'],
      guardrails:
        mode === null
          ? []
          : [
              {
                guardrail_name: 'bridge-guardrail',
                litellm_params: {
                  guardrail: 'generic_guardrail_api',
                  ...{ mode, api_base: bridge.url, api_key: key, default_on: true },
                },
              },
            ],
      settings: {
        general_settings,
        callback_settings: {
          bridge: {
            callback_type: 'generic_api',
            endpoint: `${bridge.url}/v1/litellm/logs`,
            headers: { 'x-api-key': key },
          },
        },
      },
    });

  const found = async (): Promise<string[]> => {
    const response = await fetch(`${bridge.url}/readyz`);
    const { findings } = (await response.json()) as { findings: { code: string }[] };
    return findings.map(({ code }) => code).sort();
  };

  const ask = (proxy: RunningProxy, { path, ask }: Pick<Endpoint, 'path' | 'ask'>, more: object = {}) =>
    call(proxy.url, path, { ...ask('When does the library open?'), ...more }).catch(() => undefined);

  /** Calls of all kinds, some of which fail or are streamed. */
  async function mixed(proxy: RunningProxy): Promise<void> {
    for (const endpoint of endpoints) {
      await ask(proxy, endpoint);
      if (endpoint.judged.stream) await ask(proxy, endpoint, { stream: true });
    }
    provider.response = { status: 500 };
    await ask(proxy, chat);
    provider.response = { text: '', more: { content: '' } };
    await ask(proxy, chat);
    provider.response = {};
    await ask(proxy, chat, { 'no-log': true });
    const leaving = new AbortController();
    const left = fetch(proxy.url + chat.path, {
      method: 'POST',
      signal: leaving.signal,
      headers: { authorization: 'Bearer sk-invented-master-key', 'content-type': 'application/json' },
      body: JSON.stringify({ ...chat.ask('A story, please.'), stream: true }),
    }).catch(() => undefined);
    await sleep(60);
    leaving.abort();
    await left;
  }

  test('calls of all kinds through a LiteLLM that is wired rightly show nothing', {
    timeout: 180_000,
  }, async () => {
    const checks = { background_health_checks: true, health_check_interval: 10 };
    const proxy = await proxyWith(['pre_call', 'post_call'], checks);
    try {
      // Nothing is compared before the first log events, and shortly after
      await ask(proxy, chat);
      await sleep(18_000);
      for (let round = 0; round < 4; round++) await mixed(proxy);
      await sleep(15_000);
      expect(await found()).toEqual([]);
      const metrics = await bridge.metrics();
      expect(metrics).toMatch(/unasked_responses_total 0/);
      expect(metrics).toMatch(/unjudged_successes_total 0/);
    } finally {
      await proxy.stop();
    }
  });

  test.each<[string, Mode, string, (typeof chat)[]]>([
    ['has no post_call', 'pre_call', 'post_call_missing', [chat, messages]],
    ['has no guardrail any more', null, 'calls_unjudged', [chat]],
  ])('a LiteLLM that %s is found', { timeout: 180_000 }, async (_, mode, code, asked) => {
    const proxy = await proxyWith(mode);
    try {
      for (let i = 0; i < 15; i++) for (const endpoint of asked) await ask(proxy, endpoint);
      await expect.poll(found, { timeout: 60_000, interval: 500 }).toContain(code);
    } finally {
      await proxy.stop();
    }
  });
});
