import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { checkConfig } from '../../src/cli/check-config.ts';
import { parseConfig } from '../../src/config/config.ts';
import { settingGroups } from '../../src/config/describe.ts';
import { runCli } from '../support/cli.ts';

/** The row of a setting: value and source. */
const rowOf = (out: string, name: string) =>
  new RegExp(`^  ${name} +(\\S.*?) {2,}(\\S+)$`, 'm').exec(out)?.slice(1);

test('every setting has its value and its source, and the meaning follows', async () => {
  const env = { PORT: '9000', ANSWER_REDACTION: 'block', GUARDRAIL_TIMEOUT: ' ' };
  const dotEnv = { MAX_BODY_MB: '8', PORT: '9001' };
  const { code, out, err } = await runCli(['config'], { env, dotEnv });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(
    /^settings of a bridge that starts here: from the environment, else from \/etc\/house\/\.env$/m,
  );
  expect(rowOf(out, 'PORT')).toEqual(['9000', 'environment']);
  expect(rowOf(out, 'MAX_BODY_MB')).toEqual(['8', '.env']);
  expect(rowOf(out, 'RESPONSE_REDACTION')).toEqual(['block', 'environment']);
  expect(rowOf(out, 'HOST')).toEqual(['127.0.0.1', 'default']);
  expect(rowOf(out, 'GUARDRAIL_TIMEOUT')).toEqual(["5, or the vendor's own", 'default']);
  expect(rowOf(out, 'DATA_DIR')).toEqual([`./data (${resolve('data')})`, 'default']);
  for (const [title, rows] of settingGroups(backends)) {
    expect(out).toContain(`\n${title}\n`);
    if (!['Akto', 'Capsule'].includes(title))
      for (const { name } of rows) expect(rowOf(out, name)).toBeDefined();
  }
  expect(out.endsWith(checkConfig(parseConfig({ ...dotEnv, ...env }, backends)))).toBe(true);
});

test('check-config is the same command', async () => {
  for (const args of [[], ['--json'], ['--help']]) {
    const [is, was] = await Promise.all([runCli(['config', ...args]), runCli(['check-config', ...args])]);
    expect(was).toEqual(is);
  }
});

test('a proxy in lower case is shown, with the name that it has', async () => {
  const env = { https_proxy: 'http://user:word@127.0.0.1:9', no_proxy: 'localhost', NO_PROXY: 'example.org' };
  const { out } = await runCli(['config'], { env });
  expect(out).toMatch(/^ {2}HTTPS_PROXY +http:\/\/127\.0\.0\.1:9\/… +environment \(https_proxy\)$/m);
  expect(rowOf(out, 'NO_PROXY')).toEqual(['example.org', 'environment']);
});

test('keys of LiteLLM are not shown where their hashes are wanted, and words are not called short', async () => {
  const { out } = await runCli(['config'], {
    env: { NO_CONTENT_KEYS: 'sk-abc, alias', BANNED_KEYWORDS: 'a' },
  });
  expect(rowOf(out, 'NO_CONTENT_KEYS')).toEqual(['sk-…, alias', 'environment']);
  expect(rowOf(out, 'BANNED_KEYWORDS')).toEqual(['set, not shown', 'environment']);
});

const SECRET = 'hidden-value-of-a-secret';
const SECRETS = {
  BRIDGE_API_KEYS: `${SECRET},${SECRET}-2`,
  AUDIT_KEY: SECRET,
  DATABASE_URL: `postgres://house:${SECRET}@db.example:5433/name?sslmode=require&application_name=${SECRET}`,
  PGPASSWORD: SECRET,
  STATE_KEY: '0123456789abcdef'.repeat(4),
  HTTPS_PROXY: `http://${SECRET}:${SECRET}@proxy.example:3128`,
  AKTO_GUARDRAIL_API_BASE: `https://akto.example/${SECRET}`,
  AKTO_API_KEY: SECRET,
  CAPSULE_LITELLM_ENDPOINT: 'https://capsule.example',
  CAPSULE_LITELLM_TOKEN: 'hidden',
};

test.each([[], ['--json']])(
  'secrets are not shown, nor what addresses hold beside their host %s',
  async (...args) => {
    const { code, out, err } = await runCli(['config', ...args], { env: SECRETS });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).not.toMatch(/hidden|0123456789abcdef/);
    for (const shown of [
      'postgres://db.example:5433/…',
      'http://proxy.example:3128/…',
      'https://akto.example/…',
    ])
      expect(out).toContain(shown);
    expect(out).toContain('set, not shown; shorter than 16 characters');
  },
);

test('a password that stands in a file has its setting as source', async () => {
  const env = { DATABASE_URL: 'postgres://house@db.example/name', DATABASE_PASSWORD_FILE: '/run/secrets/db' };
  const { out } = await runCli(['config'], { env });
  expect(rowOf(out, 'PGPASSWORD')).toEqual(['set, not shown', 'DATABASE_PASSWORD_FILE']);
});

test('--json is for programs, also where the configuration cannot be used', async () => {
  const { out } = await runCli(['config', '--json'], { env: { ...SECRETS, PORT: '9000' } });
  const read = JSON.parse(out);
  expect(read).toMatchObject({ ok: true, env_file: null, problems: [] });
  expect(read.settings).toContainEqual({ name: 'PORT', value: '9000', source: 'environment', secret: false });
  expect(read.backends.map(({ backend }: { backend: string }) => backend)).toEqual(['akto', 'capsule']);
  const wrong = await runCli(['config', '--json'], { env: { PORT: 'http' } });
  expect(wrong).toMatchObject({ code: 1, err: '' });
  expect(JSON.parse(wrong.out)).toMatchObject({ ok: false, problems: [expect.stringContaining('PORT: ')] });
});
