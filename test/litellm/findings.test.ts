import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, test } from 'vitest';
import { type Bridge, startBridge } from './bridge.ts';
import { call } from './client.ts';
import { chat, type Endpoint, endpoints, messages } from './endpoints.ts';
import { type Provider, startProvider } from './provider.ts';
import { type RunningProxy, startProxy } from './proxy.ts';
import { newestAlone, type Release } from './release.ts';

const key = 'invented-bridge-key';

/** That of the guardrail; null for none. */
type Mode = string | string[] | null;

type Wired = { provider: Provider; bridge: Bridge; proxy: RunningProxy };

const found = async ({ bridge }: Wired): Promise<string[]> => {
  const response = await fetch(`${bridge.url}/readyz`);
  const { findings } = (await response.json()) as { findings: { code: string }[] };
  return findings.map(({ code }) => code).sort();
};

const ask = ({ proxy }: Wired, { path, ask }: Pick<Endpoint, 'path' | 'ask'>, more: object = {}) =>
  call(proxy.url, path, { ...ask('When does the library open?'), ...more }).catch(() => undefined);

/** Calls of all kinds, some of which fail or are streamed. */
async function mixed(world: Wired): Promise<void> {
  const { provider, proxy } = world;
  for (const endpoint of endpoints) {
    await ask(world, endpoint);
    if (endpoint.judged.stream) await ask(world, endpoint, { stream: true });
  }
  provider.response = { status: 500 };
  await ask(world, chat);
  provider.response = { text: '', more: { content: '' } };
  await ask(world, chat);
  provider.response = {};
  await ask(world, chat, { 'no-log': true });
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

/** Runs a test with a bridge and LiteLLMs of its own, as all of them run at once. */
async function withWorlds(
  { bin }: Release,
  modes: readonly Mode[],
  run: (...worlds: Wired[]) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'litellm-findings-'));
  const ends = [() => rm(folder, { recursive: true, force: true })];
  try {
    const provider = await startProvider();
    ends.unshift(provider.close);
    const bridge = await startBridge({ DATA_DIR: folder, BRIDGE_API_KEYS: key });
    ends.unshift(bridge.stop);
    const proxyWith = async (mode: Mode) => {
      const params = { guardrail: 'generic_guardrail_api', api_base: bridge.url, api_key: key, mode };
      const guardrail = {
        guardrail_name: 'bridge-guardrail',
        litellm_params: { ...params, default_on: true },
      };
      const endpoint = `${bridge.url}/v1/litellm/logs`;
      const proxy = await startProxy({
        ...{ bin, providerUrl: provider.url, callbacks: ['bridge'] },
        guardrails: mode === null ? [] : [guardrail],
        settings: {
          general_settings: { background_health_checks: true, health_check_interval: 10 },
          callback_settings: {
            bridge: { callback_type: 'generic_api', endpoint, headers: { 'x-api-key': key } },
          },
        },
      });
      ends.unshift(proxy.stop);
      return { provider, bridge, proxy };
    };
    const worlds = await Promise.all(modes.map(proxyWith));
    // Nothing is compared before the first log events, and shortly after
    for (const world of worlds) await ask(world, chat);
    await sleep(18_000);
    await run(...worlds);
  } finally {
    for (const end of ends) await end();
  }
}

describe.concurrent('findings of live traffic', { timeout: 240_000 }, () => {
  test.each(inject('releases'))(
    'calls of all kinds through litellm $version that is wired rightly show none',
    (release) =>
      withWorlds(release, [['pre_call', 'post_call']], async (world) => {
        for (let round = 0; round < 4; round++) await mixed(world);
        await sleep(15_000);
        expect(await found(world)).toEqual([]);
        const metrics = await world.bridge.metrics();
        expect(metrics).toMatch(/unasked_responses_total 0/);
        expect(metrics).toMatch(/unjudged_successes_total 0/);
      }),
  );

  test.each(newestAlone())('a litellm $version without post_call, and one without guardrails', (release) =>
    withWorlds(release, ['pre_call', null], async (withoutPost, unguarded) => {
      const finds = (code: string) =>
        expect.poll(() => found(withoutPost), { timeout: 60_000, interval: 500 }).toContain(code);
      for (let i = 0; i < 15; i++) for (const endpoint of [chat, messages]) await ask(withoutPost, endpoint);
      await finds('post_call_missing');
      for (let i = 0; i < 15; i++) await ask(unguarded, chat);
      await finds('calls_unjudged');
    }),
  );
});
