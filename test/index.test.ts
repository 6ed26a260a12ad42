import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  type BridgeOptions,
  type BridgeSettings,
  ConfigError,
  createBridge,
  type GuardrailBridge,
  PolicyFileError,
} from '../src/index.ts';
import { fakeAkto } from './support/akto.ts';
import { fakeBackend } from './support/closing.ts';
import { until } from './support/delivering.ts';

const KEY = `AKIA${'ABCDEFGHIJKLMNOP'}`;
const GUARDRAIL = '/beta/litellm_basic_guardrail_api';

let folder: string;
let bridges: GuardrailBridge[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'embedded-'));
});
afterEach(async () => {
  await Promise.all(bridges.map((bridge) => bridge.close()));
  bridges = [];
  rmSync(folder, { recursive: true });
});

/** A bridge with a folder of its own, closed at the end. */
function embedded(settings: BridgeSettings = {}, options?: BridgeOptions): GuardrailBridge {
  const bridge = createBridge({ DATA_DIR: join(folder, `${bridges.length}`), PORT: 0, ...settings }, options);
  bridges.push(bridge);
  return bridge;
}

/** A policy file that bans one word. */
const banning = (word: string) =>
  `policies: { chain: [banned-keywords] }\npolicy: { banned-keywords: { keywords: [${word}] } }\n`;

const post = (url: string, body: unknown) =>
  new Request(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
const call = (text: string) => ({ input_type: 'request', texts: [text] });
const actionOf = async (response: Response) => ((await response.json()) as { action: string }).action;
const ask = async (bridge: GuardrailBridge, text: string) =>
  actionOf(await bridge.fetch(post(`http://bridge${GUARDRAIL}`, call(text))));

test('a bridge answers calls that a program hands over, and those that come to its port', async () => {
  const bridge = embedded();
  expect(await ask(bridge, 'hello')).toBe('NONE');
  expect(await ask(bridge, `the key is ${KEY}`)).toBe('BLOCKED');
  const { url, host, port, page } = await bridge.listen();
  expect([url, page]).toEqual([`http://${host}:${port}`, `http://${host}:${port}/ui`]);
  expect(await actionOf(await fetch(post(`${url}${GUARDRAIL}`, call(KEY))))).toBe('BLOCKED');
  await expect(bridge.listen()).rejects.toThrow('the bridge listens once');
  await bridge.close();
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  await expect(bridge.listen()).rejects.toThrow('the bridge listens once');
});

test('a log that throws fails no call, and its lines are counted', async () => {
  const log = {
    write() {
      throw new Error('the disk is full');
    },
  };
  const bridge = embedded({ LOG_LEVEL: 'info' }, { log });
  expect(await ask(bridge, `the key is ${KEY}`)).toBe('BLOCKED');
  expect(await ask(bridge, 'hello')).toBe('NONE');
  const page = await (await bridge.fetch(new Request('http://bridge/metrics'))).text();
  expect(page).toMatch(/log_lines_dropped_total [1-9]/);
  const { url } = await bridge.listen();
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test('a bridge that is closed before it listens does not listen', async () => {
  const bridge = embedded();
  const listening = bridge.listen();
  await bridge.close();
  await expect(listening).rejects.toThrow('the bridge was closed before it listened');
});

test('the page and the metrics of a program can have a port of their own, which closes with the bridge', async () => {
  const bridge = embedded({ OPS_PORT: 0, BRIDGE_API_KEYS: 'a-key' });
  const { url, page, port } = await bridge.listen();
  expect(url).toBe(`http://127.0.0.1:${port}`);
  expect(new URL(page).port).not.toBe(`${port}`);
  expect((await fetch(page)).status).toBe(200);
  expect((await fetch(`${url}/ui`)).status).toBe(404);
  await bridge.close();
  await expect(fetch(page)).rejects.toThrow();
});

test('log events become records of a vendor', async () => {
  const { reply, recorded } = fakeAkto();
  const { url } = await fakeBackend(reply);
  const bridge = embedded({ AKTO_GUARDRAIL_API_BASE: url, AKTO_API_KEY: 'akto-key' });
  await bridge.ready();
  const event = {
    ...{ id: 'event-1', litellm_call_id: 'call-1', status: 'success', call_type: 'acompletion', model: 'm' },
    ...{
      messages: [{ role: 'user', content: 'hi' }],
      response: { choices: [{ message: { content: 'ho' } }] },
    },
  };
  const response = await bridge.fetch(post('http://bridge/v1/litellm/logs', [event]));
  expect(response.status).toBe(200);
  await until(() => recorded.length > 0);
});

test('several bridges in one process know nothing of each other', async () => {
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, banning('heron'));
  const [one, other] = [embedded({ POLICY_FILE: file }), embedded({ BANNED_KEYWORDS: 'plum' })];
  expect(await Promise.all([ask(one, 'a heron'), ask(one, 'a plum')])).toEqual(['BLOCKED', 'NONE']);
  expect(await Promise.all([ask(other, 'a heron'), ask(other, 'a plum')])).toEqual(['NONE', 'BLOCKED']);
  await ask(other, 'a plum');
  const blocked = async (bridge: GuardrailBridge) => {
    const text = await (await bridge.fetch(new Request('http://bridge/metrics'))).text();
    return /decisions_total\{input_type="request",action="BLOCKED"\} (\d+)/.exec(text)?.[1];
  };
  expect(await Promise.all([blocked(one), blocked(other)])).toEqual(['1', '2']);
  await one.close();
  expect(await ask(other, 'a plum')).toBe('BLOCKED');
});

test('the policy file is read again when it changes, and when it is asked to be', async () => {
  const file = join(folder, 'policy.yaml');
  const write = (word: string) => writeFileSync(file, banning(word));
  write('heron');
  const bridge = embedded({ POLICY_FILE: file });
  write('plum');
  bridge.reloadPolicies();
  expect(await ask(bridge, 'a plum')).toBe('BLOCKED');
  write('quince');
  await until(async () => (await ask(bridge, 'a quince')) === 'BLOCKED');
});

test('no signal, no environment and no standard output is taken', async () => {
  const counts = () =>
    ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2', 'uncaughtException'].map((name) =>
      process.listenerCount(name),
    );
  const before = counts();
  const write = vi.spyOn(process.stdout, 'write');
  vi.stubEnv('BANNED_KEYWORDS', 'plum');
  try {
    const bridge = embedded();
    await bridge.listen();
    expect(await ask(bridge, 'a plum')).toBe('NONE');
    expect(await ask(bridge, KEY)).toBe('BLOCKED');
    expect(counts()).toEqual(before);
    await bridge.close();
    expect(write).not.toHaveBeenCalled();
  } finally {
    write.mockRestore();
    vi.unstubAllEnvs();
  }
});

test('the log goes where it is wanted, with warnings of the settings', async () => {
  const lines: string[] = [];
  const bridge = embedded({ BLOCKED_MESSAGE: 'No. {reson}' }, { log: { write: (line) => lines.push(line) } });
  await ask(bridge, KEY);
  const messages = lines.map((line) => JSON.parse(line).msg as string);
  expect(messages).toEqual(
    expect.arrayContaining([expect.stringContaining('{reson} is no placeholder'), 'blocked']),
  );
  expect(lines.join()).not.toContain(KEY);
});

test.each([
  { name: 'a wrong number', settings: { PORT: 'many' }, problem: /^PORT: .*"many"/ },
  { name: 'a port without keys', settings: { HOST: '0.0.0.0' }, problem: /^BRIDGE_API_KEYS: missing/ },
  { name: 'workers', settings: { WORKERS: 2 }, problem: /^WORKERS: .*guardrail-bridge serve$/ },
])('$name is refused with a ConfigError', ({ settings, problem }) => {
  const problems = () => {
    try {
      createBridge(settings);
    } catch (error) {
      return error instanceof ConfigError ? error.problems : [];
    }
    return [];
  };
  expect(problems()).toEqual([expect.stringMatching(problem)]);
});

test('a policy file that cannot be used is refused with a PolicyFileError, and one that is missing named', () => {
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, 'policies: { chain: [banned-kewords] }\n');
  expect(() => createBridge({ POLICY_FILE: file })).toThrow(PolicyFileError);
  expect(() => createBridge({ POLICY_FILE: join(folder, 'none.yaml') })).toThrow(/POLICY_FILE.*none\.yaml/s);
});

test('an address that is taken is named', async () => {
  const { port } = await embedded().listen();
  const bridge = embedded({ PORT: port });
  await expect(bridge.listen()).rejects.toThrow(
    `cannot listen on 127.0.0.1:${port} (EADDRINUSE): something listens there already`,
  );
  expect(await ask(bridge, 'hello')).toBe('NONE');
});
