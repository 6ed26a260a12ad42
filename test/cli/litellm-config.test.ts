import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { runCli } from '../support/cli.ts';

const EXAMPLE = join(import.meta.dirname, '..', '..', 'examples', 'litellm-config.yaml');
const print = async (args: readonly string[], env: Record<string, string> = {}) => {
  const { code, out, err } = await runCli(['litellm-config', ...args], { env });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
};

test('litellm-config prints the example without settings', async () => {
  expect(await print([])).toBe(await readFile(EXAMPLE, 'utf8'));
});

test('litellm-config goes by the settings, and prints no secret', async () => {
  const out = await print([], {
    ...{ HOST: '10.1.2.3', PORT: '9000', BRIDGE_API_KEYS: 'invented-secret-word', GUARDRAIL_TIMEOUT: '60' },
  });
  expect(out).toContain('# such as http://10.1.2.3:9000; LiteLLM adds the path');
  expect(out).toContain('# such as http://10.1.2.3:9000/v1/litellm/logs; LiteLLM adds nothing');
  expect(out).not.toContain('invented-secret-word');
  for (const { litellm_params } of parse(out).guardrails) expect(litellm_params.timeout).toBe(65);
});

test('litellm-config writes the address and the variable that it is told', async () => {
  const { guardrails, callback_settings } = parse(
    await print(['--bridge', 'http://guard.example:8787/', '--key', 'GUARD_KEY']),
  );
  expect(guardrails[0].litellm_params).toMatchObject({
    ...{ api_base: 'http://guard.example:8787', api_key: 'os.environ/GUARD_KEY' },
  });
  expect(callback_settings.bridge).toMatchObject({
    endpoint: 'http://guard.example:8787/v1/litellm/logs',
    headers: { 'x-api-key': 'os.environ/GUARD_KEY' },
  });
});

test.each([
  ['1.110.2', [], ['pre_call', 'post_call', 'post_call'], 'streaming_buffer_until_moderated'],
  ['1.106.12', [], ['pre_call', 'post_call'], 'policy_attachments'],
  ['1.103.0', [], ['pre_call', 'post_call'], 'policy_attachments'],
  ['1.83.14', [], ['pre_call', 'post_call'], 'streaming_end_of_stream_only'],
  ['1.106.2', ['--streams', 'fast'], ['pre_call', 'post_call', 'post_call'], 'streaming_sampling_rate'],
  ['1.110.2', ['--streams', 'incremental-diff'], ['pre_call', 'post_call', 'post_call'], 'incremental_diff'],
  ['1.109.0', ['--mcp'], ['pre_call', 'post_call', 'post_call', ['pre_mcp_call', 'post_mcp_call']], 'mcp'],
  ['1.108.0', ['--mcp'], ['pre_call', 'post_call', 'post_call'], 'No guardrail for MCP tools'],
])('litellm-config --release %s %s has what that release can', async (release, more, modes, words) => {
  const out = await print(['--release', release, ...more]);
  expect(parse(out).guardrails.map((one: Guardrail) => one.litellm_params.mode)).toEqual(modes);
  expect(out).toContain(words);
});

type Guardrail = { readonly litellm_params: { readonly mode: string } };

test('litellm-config has a guardrail for MCP tools where a policy judges them, if the release takes it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'litellm-config-'));
  const file = join(folder, 'policy.yaml');
  await writeFile(
    file,
    'policies: { chain: [agent-firewall] }\npolicy: { agent-firewall: { blocked_tools: [rm] } }\n',
  );
  const names = async (...args: string[]) =>
    parse(await print(args, { POLICY_FILE: file })).guardrails.map(
      (one: { guardrail_name: string }) => one.guardrail_name,
    );
  expect(await names('--release', '1.109.0')).toContain('bridge-mcp');
  expect(await names('--release', '1.108.0')).not.toContain('bridge-mcp');
  expect(await names()).not.toContain('bridge-mcp');
  await rm(folder, { recursive: true });
});

test('litellm-config --json is the same configuration', async () => {
  expect(JSON.parse(await print(['--json']))).toEqual(parse(await print([])));
});

test('litellm-config --out writes a new file, and never over one that is there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'litellm-config-'));
  const file = join(folder, 'config.yaml');
  const first = await runCli(['litellm-config', '--out', file]);
  expect(first).toEqual({ code: 0, out: '', err: `${file} is written\n` });
  expect(await readFile(file, 'utf8')).toBe(await readFile(EXAMPLE, 'utf8'));
  const second = await runCli(['litellm-config', '--out', file]);
  expect(second).toMatchObject({ code: 1, out: '', err: expect.stringContaining('exists already') });
  await rm(folder, { recursive: true });
});

test.each([
  [['--release', '1.80.0'], "'1.80.0' is invalid. Write a version from 1.83.14 on"],
  [['--release', 'newest'], "'newest' is invalid. Write a version from 1.83.14 on"],
  [['--streams', 'slow'], 'Allowed choices are buffered, pipeline, incremental-diff, fast'],
  [
    ['--release', '1.103.0', '--streams', 'buffered'],
    'LiteLLM 1.103.0 does not know this way; it knows pipeline',
  ],
  [['--bridge', 'bridge:8787'], '--bridge: write an address such as http://bridge:8787'],
  [['--bridge', 'http://u:hunter2@bridge:8787'], 'without user, password and query'],
  [['--key', 'sk-a-key-itself'], 'Write the name of a variable, and not the key'],
])('litellm-config %s is refused', async (args, words) => {
  const { code, out, err } = await runCli(['litellm-config', ...args]);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(words);
  expect(err).not.toContain('hunter2');
});
