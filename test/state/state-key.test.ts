import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { checkConfig } from '../../src/cli/check-config.ts';
import { parseConfig } from '../../src/config/config.ts';
import { testBridge } from '../support/bridge.ts';
import { runChild } from '../support/child.ts';
import { temporaryFolder } from '../support/recording-bridge.ts';

const KEY = 'c0ffee'.padEnd(64, '0');
/** Nobody is there. */
const DATABASE_URL = 'postgres://bridge:canary-password@127.0.0.1:1/bridge';

const policies = (reversible: boolean) =>
  JSON.stringify({
    policies: { chain: ['pii-detector'] },
    policy: { 'pii-detector': { action: 'redact', redaction: { reversible } } },
  });

function saved(text: string): string {
  const path = join(temporaryFolder(), 'policies.json');
  writeFileSync(path, text);
  return path;
}

const MISSING =
  /policy\.pii-detector: reversible: replicas share the values .* STATE_KEY is not set: .*openssl rand -hex 32/;

test.each([
  { name: 'a reversible policy', reversible: true, env: { DATABASE_URL }, isRefused: true },
  { name: 'one that is not reversible', reversible: false, env: { DATABASE_URL }, isRefused: false },
  { name: 'a key', reversible: true, env: { DATABASE_URL, STATE_KEY: KEY }, isRefused: false },
  { name: 'a bridge that is alone', reversible: true, env: {}, isRefused: false },
  { name: 'several workers alone', reversible: true, env: { WORKERS: '2' }, isRefused: false },
])('with $name the start is refused: $isRefused', ({ reversible, env, isRefused }) => {
  const POLICY_FILE = saved(policies(reversible));
  const check = () => checkConfig(parseConfig({ ...env, POLICY_FILE }, backends));
  if (isRefused) expect(check).toThrow(MISSING);
  else expect(check()).toContain('The configuration can be used.');
});

test('check-config says with what shared state is encrypted, and shows no key', () => {
  const textFor = (env: Record<string, string>) => checkConfig(parseConfig(env, backends));
  const withKey = textFor({ DATABASE_URL, STATE_KEY: KEY });
  expect(withKey).toMatch(
    /replicas share records and state in schema guardrail_bridge of \S+; state is encrypted with STATE_KEY/,
  );
  expect(withKey).not.toMatch(/c0ffee|canary/);
  expect(textFor({ DATABASE_URL })).toContain('encrypted with a key that stands there too');
  expect(textFor({})).not.toContain('share state');
});

test.each([
  ['check-config', ['check-config']],
  ['the bridge', []],
])('%s says of a reversible policy without STATE_KEY that it cannot start', async (_, args) => {
  const POLICY_FILE = saved(policies(true));
  const child = await runChild({ args, env: { DATABASE_URL, POLICY_FILE } });
  expect(child.code).not.toBe(0);
  expect(child.stderr + child.stdout).toMatch(MISSING);
  expect(child.stderr + child.stdout).not.toContain('canary');
});

test('a reload that makes a policy reversible without STATE_KEY is refused, and the last good one stays', async () => {
  const POLICY_FILE = saved(policies(false));
  const bridge = testBridge({ DATABASE_URL, POLICY_FILE, STATE_TIMEOUT: '0.05' });
  onTestFinished(bridge.close);
  writeFileSync(POLICY_FILE, policies(true));
  bridge.reloadPolicies();
  const line = bridge.lines.find(({ msg }) => msg.includes('the last good one stays'));
  expect(String(line?.problems)).toMatch(MISSING);
  const text = 'write to ada.frost@example.org';
  const call = { input_type: 'request', litellm_call_id: 'a', texts: [text] };
  const { reply } = await bridge.ask({ ...call, structured_messages: [{ role: 'user', content: text }] });
  expect(String(reply.texts)).toMatch(/^write to \[[A-Z_]+\]$/);
});
