import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConfigChange, startWired, type Wired } from './doctor-world.ts';
import { type Provider, startProvider } from './provider.ts';
import { newestAlone, type Release, releasesThat } from './release.ts';

type Fault = {
  readonly change?: ConfigChange;
  /** Variables of LiteLLM. @param bridge address of the bridge */
  readonly env?: (bridge: string) => Readonly<Record<string, string>>;
  /** Codes that `doctor --litellm` finds, and those of `doctor --proxy`. */
  readonly file: readonly string[];
  readonly proxy: readonly string[];
};

/** Both guardrails of the example for responses. */
const POST = / {2}- guardrail_name: bridge-post[\s\S]*?(?=litellm_settings:)/;

const FAULTS = {
  'none, with the example of the README': { file: [], proxy: [] },
  'no guardrail for responses, and a wrong key of the callback': {
    change: [
      [POST, ''],
      [/x-api-key: os\.environ\/BRIDGE_API_KEY/, 'x-api-key: a-wrong-key'],
    ],
    file: ['post_call_missing', 'callback_key_wrong'],
    proxy: ['post_call_missing', 'callback_key_wrong'],
  },
  'a wrong key of the guardrail for requests, and no callback': {
    change: [
      [/api_key: os\.environ\/BRIDGE_API_KEY {2}# one/, 'api_key: a-wrong-key  # one'],
      [/callbacks: \[bridge\]/, 'callbacks: []'],
    ],
    file: ['guardrail_key_wrong', 'callback_missing'],
    proxy: ['guardrail_key_wrong'],
  },
  'a mode in which LiteLLM never asks about requests': {
    change: [[/mode: pre_call/, 'mode: logging_only']],
    file: ['mode_wrong'],
    proxy: ['pre_call_missing'],
  },
  'streams whose redactions LiteLLM drops, and a wrong address of the callback': {
    change: [[/\{ stream: true \}/, '{ stream: false }']],
    env: (bridge) => ({ BRIDGE_LOGS_URL: `${bridge}/v1/litellm/log` }),
    file: ['stream_redaction_dropped', 'callback_url_wrong'],
    proxy: ['stream_redaction_dropped', 'callback_url_wrong'],
  },
} as const satisfies Record<string, Fault>;
type Name = keyof typeof FAULTS;
const names = Object.keys(FAULTS) as Name[];
const [RIGHT, WRONG] = names as [Name, Name];

// They are started at once, each with a bridge of its own
describe.each(newestAlone(releasesThat('buffers streams')))('the doctor of litellm $version', (release) => {
  let provider: Provider;
  const worlds = new Map<Name, Wired>();

  beforeAll(async () => {
    provider = await startProvider();
    await Promise.all(
      names.map(async (name) => {
        const fault: Fault = FAULTS[name];
        worlds.set(name, await startWired(optionsOf(release, provider, fault)));
      }),
    );
  });

  afterAll(async () => {
    await Promise.all([...worlds.values()].map((world) => world.stop()));
    await provider?.close();
  });

  const worldOf = (name: Name) => worlds.get(name) as Wired;

  test.concurrent.each(names)('finds by the file: %s', async (name) => {
    const world = worldOf(name);
    const codes = await world.codes('--litellm', world.file, '--no-bridge', '--no-backends');
    expect(new Set(codes)).toEqual(new Set(FAULTS[name].file));
  });

  test.concurrent.each(names)('finds by calls through the proxy: %s', async (name) => {
    const world = worldOf(name);
    const codes = await world.codes('--proxy', world.proxy.url, '--no-backends');
    expect(new Set(codes)).toEqual(new Set(FAULTS[name].proxy));
  });

  test('finds a vendor that refuses our token, as /readyz tells since when, until it takes it', async () => {
    const { vendor, chat, codes, doctor, live, bridge } = worldOf(RIGHT);
    vendor.refuses = true;
    await chat();
    await expect.poll(live, { timeout: 20_000 }).toMatchObject([{ code: 'backend_unauthorized' }]);
    const { out, code } = await doctor('--bridge', bridge.url);
    expect(out).toMatch(/WRONG {2}akto at .* it refuses the secret \(HTTP 401\)/);
    expect(out).toMatch(/backend_unauthorized: .*, since 2\d{3}-/);
    expect(code).toBe(1);
    vendor.refuses = false;
    await expect.poll(live, { timeout: 30_000 }).toEqual([]);
    expect(await codes()).toEqual([]);
  });

  test('finds a policy file that is not the one in force, until it is', async () => {
    const { policy, codes, live } = worldOf(RIGHT);
    const right = await readFile(policy, 'utf8');
    await writeFile(policy, right.replace('redact', 'redaact'));
    await expect.poll(live, { timeout: 30_000 }).toMatchObject([{ code: 'policy_file_differs' }]);
    expect(await codes()).toEqual(['settings_wrong', 'policy_file_differs']);
    await writeFile(policy, right);
    await expect.poll(live, { timeout: 30_000 }).toEqual([]);
    expect(await codes()).toEqual([]);
  });

  test('finds nothing any more once the configuration is mended', async () => {
    const world = worldOf(WRONG);
    await world.mend();
    const args = ['--litellm', world.file, '--proxy', world.proxy.url];
    expect(await world.codes(...args, '--no-backends')).toEqual([]);
  });
});

const optionsOf = (release: Release, provider: Provider, { change = [], env = () => ({}) }: Fault) => ({
  ...{ release, provider, change, env },
});
