import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { backends } from '../../src/backends/index.ts';
import { settingsHelp } from '../../src/config/describe.ts';
import { runChild, startServing } from '../support/child.ts';
import { runCli } from '../support/cli.ts';

test.concurrent('every wrong variable is named at once, secrets without their value, and the exit code is 1', async () => {
  const { code, stderr, stdout } = await runChild({
    env: {
      PORT: 'http',
      MAX_BODY_MB: '-5',
      CAPSULE_LITELLM_TOKEN: 'hidden-token',
      BUILTIN_POLICY: 'maybe',
    },
  });
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr.split('\n')[0]).toBe('The configuration cannot be used:');
  for (const name of ['PORT', 'MAX_BODY_MB', 'BUILTIN_POLICY', 'CAPSULE_LITELLM_ENDPOINT']) {
    expect(stderr).toContain(`  ${name}: `);
  }
  expect(stderr).not.toContain('hidden');
  expect(stderr).not.toContain('    at ');
});

test.concurrent('without a key it refuses to listen beyond loopback', async () => {
  const { code, stderr } = await runChild({ env: { HOST: '0.0.0.0', PORT: '0' } });
  expect(code).toBe(1);
  expect(stderr).toContain('BRIDGE_API_KEYS');
  expect(stderr).toContain('ALLOW_UNAUTHENTICATED');
});

test.concurrent.each([
  {
    name: 'an unknown command',
    args: ['sreve'],
    problem: "unknown command 'sreve' (did you mean serve?); see guardrail-bridge --help",
  },
  {
    name: 'an unknown option',
    args: ['--hlep'],
    problem: "unknown option '--hlep' (did you mean --help?); see guardrail-bridge --help",
  },
  {
    name: 'an argument too many',
    args: ['serve', 'now'],
    problem:
      "too many arguments for 'serve'. Expected 0 arguments but got 1: now; see guardrail-bridge serve --help",
  },
  {
    name: 'help of an unknown command',
    args: ['help', 'outbx'],
    problem: "unknown command 'outbx' (did you mean outbox?); see guardrail-bridge --help",
  },
  {
    name: 'help of an unknown command of a noun',
    args: ['help', 'outbox', 'statsu'],
    problem: "unknown command 'statsu' (did you mean status?); see guardrail-bridge outbox --help",
  },
])('$name ends with exit code 2 and points at --help', async ({ args, problem }) => {
  expect(await runChild({ args })).toEqual({
    ...{ code: 2, signal: null, stdout: '', stderr: `guardrail-bridge: ${problem}\n` },
  });
});

test.concurrent('--version prints the version of the package', async () => {
  expect(await runChild({ args: ['--version'] })).toEqual({
    code: 0,
    signal: null,
    stdout: `${packageJson.version}\n`,
    stderr: '',
  });
});

test.concurrent('--help prints the help, even where the configuration is wrong', async () => {
  const { code, stdout } = await runChild({ args: ['--help'], env: { PORT: 'none' } });
  expect(code).toBe(0);
  for (const name of ['serve', 'config', 'policy', 'check', 'outbox', 'audit', 'settings', 'help settings']) {
    expect(stdout).toContain(name);
  }
});

test.each([['help', 'settings'], ['settings']])('%s %s lists the settings', async (...args) => {
  expect(await runCli(args)).toEqual({ code: 0, out: settingsHelp(backends), err: '' });
});

/** Preloaded code that names each module loaded from `node_modules`. */
const NAME_PACKAGES = `import { registerHooks } from 'node:module';
registerHooks({ resolve(name, context, next) {
  if (/^[a-z@]/.test(name) && !name.startsWith('node:')) process.stderr.write('loads ' + name + '\\n');
  return next(name, context);
} });`;

test.concurrent('serve starts without loading the parser of command lines', async () => {
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(NAME_PACKAGES)}`;
  const child = await startServing({ NODE_OPTIONS });
  await child.stop();
  expect(child.stderr()).toContain('loads hono\n');
  expect(child.stderr()).not.toContain('loads commander\n');
  const { stderr } = await runChild({ args: ['--version'], env: { NODE_OPTIONS } });
  expect(stderr).toContain('loads commander\n');
});

const AKTO = { AKTO_GUARDRAIL_API_BASE: 'https://akto.example.com', AKTO_API_KEY: 'hidden' };

test.concurrent('check-config says what the configuration means and keeps secrets to itself', async () => {
  const { code, stdout, stderr } = await runChild({
    args: ['check-config'],
    env: {
      BRIDGE_API_KEYS: 'hidden-one,hidden-two',
      DATA_INGESTION_SERVICE_URL: 'http://akto.example.com/hidden-path',
      AKTO_API_TOKEN: 'hidden-token',
      SYNC_MODE: 'false',
      AKTO_MODUS: 'hidden-misspelt',
      BUILTIN_POLICY: 'on',
      BANNED_KEYWORDS: 'hidden-word',
    },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('0.0.0.0:8787, 2 API keys');
  expect(stdout).toMatch(/^policies built-in .*banned-keywords; 0 rules; 1 banned keyword$/m);
  expect(stdout).toMatch(/akto at akto\.example\.com: timeout 5 s, fail_closed, observe/);
  expect(stdout).toMatch(/warning: .*plain http/);
  expect(stdout).toMatch(/warning: AKTO_MODUS /);
  expect(stdout).not.toContain('hidden');
});

test.concurrent.each([
  [{}, 'telemetry off'],
  [{ ...AKTO, TELEMETRY: 'off' }, 'telemetry off'],
  [
    { ...AKTO, TELEMETRY: 'on' },
    'telemetry to akto: content full, kept in ./data, at most 1024 MB and 168 hours',
  ],
  [
    { ...AKTO, TELEMETRY: 'on', DATA_DIR: '/data', TELEMETRY_CONTENT: 'none', OUTBOX_MAX_AGE_HOURS: '24' },
    'telemetry to akto: content none, kept in /data, at most 1024 MB and 24 hours',
  ],
])('check-config tells which records are kept: %j', async (env, said) => {
  const { stdout } = await runChild({ args: ['check-config'], env });
  expect(stdout).toContain(said);
});

test.concurrent('check-config fails where serve would', async () => {
  const { code, stderr } = await runChild({ args: ['check-config'], env: { AKTO_API_KEY: 'hidden' } });
  expect(code).toBe(1);
  expect(stderr).toContain('AKTO_GUARDRAIL_API_BASE: missing');
  expect(stderr).not.toContain('hidden');
});

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function folderWith(dotenv: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'guardrail-bridge-'));
  folders.push(folder);
  writeFileSync(join(folder, '.env'), dotenv);
  return folder;
}

test.concurrent('a .env file in the working directory is read, under the environment', async () => {
  const cwd = folderWith('PORT=8001\nBANNED_KEYWORDS="one,two"\n# a comment\nLOG_LEVEL=\n');
  const { code, stdout, stderr } = await runChild({ args: ['check-config'], env: { PORT: '8002' }, cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('127.0.0.1:8002');
  expect(stdout).toContain('2 banned keywords');
});

test.concurrent('a mistake in the .env file is named like one in the environment', async () => {
  const { code, stderr } = await runChild({ args: ['check-config'], cwd: folderWith('PORT=http\n') });
  expect(code).toBe(1);
  expect(stderr).toContain('  PORT: ');
});
