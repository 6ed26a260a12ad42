import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bridge, startBridge } from './bridge.ts';
import { call } from './client.ts';
import { chat, completions, messages, responses } from './endpoints.ts';
import { forbidden, judge } from './fake-akto.ts';
import { bearer, callersAuth } from './policy-world.ts';
import { type Provider, startProvider } from './provider.ts';
import { type RunningProxy, startProxy } from './proxy.ts';
import { type Recorder, startRecorder } from './recorder.ts';
import { releasesThat } from './release.ts';

/** Stands in all that is said by and to those whose records are left out, and nowhere else. */
const CANARY = 'c4n4ry';
const quietHeader = { 'x-litellm-quiet': 'yes' };

const rules = [
  { name: 'sales', match: { team: 'sales' }, records: 'none' },
  { name: 'quiet', match: { header: quietHeader }, trusted: true, records: 'none' },
  { name: 'payments', match: { team: 'team-7' }, records: ['akto-payments'] },
  { name: 'others', records: ['akto-main'] },
];

describe.each(releasesThat('has stream settings'))('records by team, litellm $version', (release) => {
  let folder: string;
  let provider: Provider;
  let vendor: Recorder;
  let bridge: Bridge;
  let proxy: RunningProxy;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'litellm-records-by-team-'));
    provider = await startProvider();
    vendor = await startRecorder(judge);
    const account = (name: string) => ({
      ...{ name, kind: 'akto', url: `${vendor.url}/${name}`, secret: { env: 'AKTO_TOKEN' } },
    });
    const file = join(folder, 'policy.yaml');
    await writeFile(file, JSON.stringify({ backends: ['akto-main', 'akto-payments'].map(account), rules }));
    bridge = await startBridge({
      POLICY_FILE: file,
      DATA_DIR: join(folder, 'data'),
      AKTO_TOKEN: 'invented-token',
      FAILURE_GRACE_SECONDS: '1',
    });
    proxy = await startProxy({
      bin: release.bin,
      providerUrl: provider.url,
      callbacks: ['bridge'],
      guardrails: [
        {
          guardrail_name: 'bridge',
          litellm_params: {
            guardrail: 'generic_guardrail_api',
            api_base: bridge.url,
            mode: ['pre_call', 'post_call'],
            default_on: true,
            extra_headers: Object.keys(quietHeader),
          },
        },
      ],
      settings: {
        general_settings: { custom_auth: 'policy_auth.user_api_key_auth' },
        router_settings: { num_retries: 0 },
        callback_settings: {
          bridge: { callback_type: 'generic_api', endpoint: `${bridge.url}/v1/litellm/logs`, headers: {} },
        },
      },
      files: { 'policy_auth.py': callersAuth },
    });
  });

  afterAll(async () => {
    await proxy?.stop();
    await bridge?.stop();
    await Promise.all([provider?.close(), vendor?.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  const rows = async (result: string) => {
    const line = (await bridge.metrics())
      .split('\n')
      .find((one) => one.includes(`rows_total{result="${result}"}`));
    return Number(line?.split(' ').at(-1) ?? 0);
  };

  /** All that an account was handed to keep. */
  const keptBy = (account: string) =>
    JSON.stringify(vendor.calls.filter(({ path }) => path === `/${account}/api/ingestData`));

  test('records go to the account of a team, or leave no trace', async () => {
    /** Asks each endpoint, plain, streamed and blocked, in a caller's name. */
    const askAll = async (mark: string, headers: Record<string, string>) => {
      provider.reset();
      provider.respondTo = () => ({ text: `Bake the ${mark} for an hour, and serve it with cream.` });
      const statuses: number[] = [];
      for (const endpoint of [chat, messages, responses, completions]) {
        for (const more of [{}, { stream: true }]) {
          const body = { ...endpoint.ask(`How long does a ${mark} bake?`), ...more };
          statuses.push((await call(proxy.url, endpoint.path, body, headers)).status);
        }
        const blocked = endpoint.ask(`Does a ${mark} with ${forbidden} bake?`);
        expect((await call(proxy.url, endpoint.path, blocked, headers)).status).not.toBe(200);
      }
      expect(
        statuses.every((status) => status === 200),
        JSON.stringify(statuses),
      ).toBe(true);
    };
    await askAll(`${CANARY}-sales`, bearer('sales'));
    await askAll(`${CANARY}-dora`, { ...bearer('dora'), ...quietHeader });
    await askAll('payments-cake', bearer('payments'));
    await askAll('common-cake', bearer('notebook'));

    // Eight calls and four blocks of each, and LiteLLM logs no more than it wants of the latter
    const asked = (account: string, mark: string) => keptBy(account).split(mark).length > 12;
    await expect
      .poll(() => [asked('akto-payments', 'payments-cake'), asked('akto-main', 'common-cake')], {
        timeout: 40_000,
      })
      .toEqual([true, true]);
    await expect.poll(() => rows('unrecorded'), { timeout: 40_000 }).toBeGreaterThanOrEqual(16);
    await sleep(3000);

    expect(keptBy('akto-payments')).not.toMatch(/common-cake|c4n4ry/);
    expect(keptBy('akto-main')).not.toMatch(/payments-cake|c4n4ry/);
    const kept = readdirSync(join(folder, 'data'), { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map((one) => readFileSync(join(one.parentPath, one.name), 'latin1'));
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.filter((content) => content.includes(CANARY))).toEqual([]);
    const metrics = await bridge.metrics();
    expect(metrics).not.toMatch(/c4n4ry|sales|quiet/);
    // They were judged as everybody is
    expect(JSON.stringify(vendor.calls)).toContain(CANARY);
    expect(bridge.lines.filter(({ level }) => level === 'error')).toEqual([]);
  }, 180_000);
});
