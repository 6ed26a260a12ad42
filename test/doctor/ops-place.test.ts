import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { testBridge } from '../support/bridge.ts';
import { runCli } from '../support/cli.ts';
import { fakeLitellm } from '../support/fake-litellm.ts';
import { listen } from '../support/listen.ts';

const KEYS = { BRIDGE_API_KEYS: 'call-key-81', OPS_API_KEYS: 'ops-key-82' };
const MASTER = 'sk-master-83';

/** A bridge whose readiness and metrics stand at a port of their own, and the environment that tells where. */
async function bridgeApart() {
  const bridge = testBridge({ ...KEYS, OPS_PORT: '1', BUILTIN_POLICY: 'on' });
  const calls = await listen(bridge);
  const ops = await listen({ ...bridge, app: bridge.ops ?? bridge.app });
  onTestFinished(async () => {
    await Promise.all([calls.close(), ops.close()]);
    await bridge.close();
  });
  const places = { PORT: String(calls.port), OPS_PORT: String(ops.port), OPS_HOST: '127.0.0.1' };
  return { calls, ops, env: { ...KEYS, ...places, HOST: '127.0.0.1', LITELLM_MASTER_KEY: MASTER } };
}

async function report(args: readonly string[], env: Record<string, string>) {
  let now = 0;
  const sleep = async (ms: number) => {
    now += ms;
    await wait(ms / 100);
  };
  const { out, code } = await runCli(['doctor', '--json', ...args], { env, sleep, now: () => now });
  expect(out).not.toMatch(/(?:call|ops)-key-8|sk-master/);
  return { code, ...(JSON.parse(out) as { ok: boolean; findings: object[]; checks: { text: string }[] }) };
}

/** The environment without some of its settings. */
const without = (env: Record<string, string>, ...names: readonly string[]) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));

test('the doctor asks for readiness at OPS_PORT, and for its calls at PORT', async () => {
  const { calls, env } = await bridgeApart();
  expect(await report([], env)).toMatchObject({ code: 0, ok: true, findings: [] });
  const at = { url: calls.url, key: KEYS.BRIDGE_API_KEYS };
  const callback = { url: `${calls.url}/v1/litellm/logs`, key: KEYS.BRIDGE_API_KEYS };
  const litellm = await fakeLitellm({ key: MASTER, says: 'OK', pre: at, post: at, callback });
  expect(await report(['--proxy', litellm.url], env)).toMatchObject({ code: 0, ok: true, findings: [] });
});

test.each<[string, (world: Awaited<ReturnType<typeof bridgeApart>>) => [string[], Record<string, string>]]>([
  ['the host of --bridge', ({ calls, env }) => [['--bridge', calls.url], without(env, 'PORT', 'OPS_HOST')]],
  ['--ops', ({ ops, env }) => [['--ops', `${ops.url}/`], { ...env, OPS_PORT: '1' }]],
])('the doctor finds readiness by %s', async (_, args) => {
  expect(await report(...args(await bridgeApart()))).toMatchObject({ code: 0, ok: true, findings: [] });
});

test('the doctor is told where readiness stands, if nothing says so', async () => {
  const { calls, env } = await bridgeApart();
  expect(await report([], without(env, 'OPS_PORT', 'OPS_HOST', 'OPS_API_KEYS'))).toMatchObject({
    code: 1,
    findings: [
      {
        ...{ code: 'bridge_unreachable', subject: calls.url },
        message: `the bridge at ${calls.url} has /readyz at its OPS_PORT, and not here`,
        advice: expect.stringContaining('--ops'),
      },
    ],
  });
});

test('a wrong key for readiness is a finding of its own, and so is a place where nothing answers', async () => {
  const { calls, ops, env } = await bridgeApart();
  expect(await report([], { ...env, OPS_API_KEYS: 'other' })).toMatchObject({
    code: 1,
    findings: [
      { code: 'bridge_key_wrong', subject: ops.url, advice: expect.stringContaining('OPS_API_KEYS') },
    ],
  });
  const at = { url: calls.url, key: KEYS.BRIDGE_API_KEYS };
  const callback = { url: `${calls.url}/v1/litellm/logs`, key: KEYS.BRIDGE_API_KEYS };
  const litellm = await fakeLitellm({ key: MASTER, says: 'OK', pre: at, post: at, callback });
  const gone = await report(['--proxy', litellm.url, '--ops', 'http://127.0.0.1:1'], env);
  expect(gone).toMatchObject({
    code: 1,
    findings: [{ code: 'bridge_unreachable', subject: 'http://127.0.0.1:1' }],
  });
  // Its calls are looked for all the same
  expect(gone.checks.filter(({ text }) => text.includes('request judged')).length).toBeGreaterThan(0);
});

test('--ops beside --no-bridge is a wrong command line', async () => {
  const { code, err } = await runCli(['doctor', '--no-bridge', '--ops', 'http://127.0.0.1:1'], { env: {} });
  expect([code, err]).toEqual([2, expect.stringContaining('--ops is of the bridge: leave out --no-bridge')]);
});
