import { describe, expect, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { ConfigError, parseConfig } from '../../src/config/config.ts';

type Env = Record<string, string>;
const parse = (env: Env = {}) => parseConfig(env, backends);

function problemsOf(env: Env): readonly string[] {
  try {
    parse(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const AKTO = { AKTO_GUARDRAIL_API_BASE: 'https://akto.example', AKTO_API_KEY: 'akto-key' };
const HOOK = { DATA_INGESTION_SERVICE_URL: 'https://hook.example' };
const CAPSULE = {
  CAPSULE_LITELLM_ENDPOINT: 'https://capsule.example',
  CAPSULE_LITELLM_TOKEN: 'capsule-token',
};

describe('without any variable', () => {
  test('it listens on loopback and judges by the built-in policy', () => {
    expect(parse()).toEqual({
      host: '127.0.0.1',
      port: 8787,
      apiKeys: [],
      maxBodyBytes: 32 * 1024 * 1024,
      answerRedaction: 'block',
      blockedMessage: undefined,
      allowedIps: [],
      auditKeys: [],
      builtinPolicy: true,
      dataDir: './data',
      policyFile: undefined,
      policyTimeoutMs: 5000,
      streamCheckGrowth: 1,
      bannedKeywords: [],
      logLevel: 'info',
      shutdownDelayMs: 3000,
      shutdownTimeoutMs: 25_000,
      proxy: undefined,
      backends: [],
      telemetry: undefined,
      maxLogBodyBytes: 64 * 1024 * 1024,
      env: {},
      warnings: [],
    });
  });

  test('it is frozen', () => {
    expect(Object.isFrozen(parse(AKTO))).toBe(true);
  });

  test('a variable set to nothing counts as not set', () => {
    const names = [
      'HOST',
      'PORT',
      'BRIDGE_API_KEYS',
      'GUARDRAIL_TIMEOUT',
      'BANNED_KEYWORDS',
      'ALLOW_UNAUTHENTICATED',
    ];
    const vendors = [
      ...Object.keys({ ...AKTO, ...HOOK, ...CAPSULE }),
      'AKTO_MODE',
      'CAPSULE_LITELLM_FAIL_OPEN',
    ];
    for (const nothing of ['', '  ']) {
      expect(parse(Object.fromEntries([...names, ...vendors].map((name) => [name, nothing])))).toEqual(
        parse(),
      );
    }
    expect(parse({ ...AKTO, AKTO_MODE: '', TIMEOUT: '' }).backends).toMatchObject([
      { mode: 'enforce', timeoutMs: 5000 },
    ]);
  });
});

test('every variable of its own is read', () => {
  const config = parse({
    HOST: '0.0.0.0',
    PORT: '0',
    BRIDGE_API_KEYS: ' one , two,,',
    MAX_BODY_MB: '0.5',
    ANSWER_REDACTION: 'rewrite',
    BLOCKED_MESSAGE: 'No. {ref}',
    BUILTIN_POLICY: 'on',
    BANNED_KEYWORDS: 'a b, c ,',
    LOG_LEVEL: 'debug',
    SHUTDOWN_DELAY: '0',
    SHUTDOWN_TIMEOUT: '1.5',
    HTTPS_PROXY: 'http://proxy.example:3128',
    no_proxy: 'localhost',
  });
  expect(config).toMatchObject({
    host: '0.0.0.0',
    port: 0,
    apiKeys: ['one', 'two'],
    maxBodyBytes: 512 * 1024,
    answerRedaction: 'rewrite',
    blockedMessage: 'No. {ref}',
    builtinPolicy: true,
    bannedKeywords: ['a b', 'c'],
    logLevel: 'debug',
    shutdownDelayMs: 0,
    shutdownTimeoutMs: 1500,
    proxy: { httpsProxy: 'http://proxy.example:3128', noProxy: 'localhost' },
  });
});

describe('who may ask', () => {
  const missing = [expect.stringMatching(/^BRIDGE_API_KEYS: missing/)];
  test.each<{ name: string; env: Env; host?: string; problems?: unknown[] }>([
    { name: 'keys open all interfaces', env: { BRIDGE_API_KEYS: 'k' }, host: '0.0.0.0' },
    { name: 'keys and a host', env: { BRIDGE_API_KEYS: 'k', HOST: '10.0.0.1' }, host: '10.0.0.1' },
    { name: 'no keys on all interfaces', env: { HOST: '0.0.0.0' }, problems: missing },
    { name: 'no keys on IPv6', env: { HOST: '::' }, problems: missing },
    { name: 'no keys on a name', env: { HOST: 'bridge.example' }, problems: missing },
    {
      name: 'no keys on a name that begins like loopback',
      env: { HOST: '127.0.0.1.example' },
      problems: missing,
    },
    { name: 'no keys on loopback', env: { HOST: '127.0.0.1' }, host: '127.0.0.1' },
    { name: 'no keys on another loopback', env: { HOST: '127.1.2.3' }, host: '127.1.2.3' },
    { name: 'no keys on localhost', env: { HOST: 'localhost' }, host: 'localhost' },
    { name: 'no keys on loopback of IPv6', env: { HOST: '::1' }, host: '::1' },
    { name: 'no keys, allowed', env: { ALLOW_UNAUTHENTICATED: 'true' }, host: '0.0.0.0' },
    {
      name: 'no keys, not allowed',
      env: { ALLOW_UNAUTHENTICATED: 'false', HOST: '0.0.0.0' },
      problems: missing,
    },
    {
      name: 'a list of no keys',
      env: { BRIDGE_API_KEYS: ' , ' },
      problems: [expect.stringMatching(/^BRIDGE_API_KEYS/)],
    },
  ])('$name', ({ env, host, problems = [] }) => {
    expect(problemsOf(env)).toEqual(problems);
    if (host !== undefined) expect(parse(env).host).toBe(host);
  });
});

describe('the built-in policy', () => {
  test.each<{ env: Env; on: boolean }>([
    { env: {}, on: true },
    { env: AKTO, on: false },
    { env: { ...AKTO, BUILTIN_POLICY: 'on' }, on: true },
    { env: { ...AKTO, BUILTIN_POLICY: 'auto' }, on: false },
    { env: { BUILTIN_POLICY: 'off' }, on: false },
  ])('is on: $on, under $env', ({ env, on }) => {
    expect(parse(env).builtinPolicy).toBe(on);
  });

  test('off, it is not given keywords in vain', () => {
    expect(problemsOf({ ...AKTO, BANNED_KEYWORDS: 'plum' })).toEqual([
      expect.stringMatching(/^BANNED_KEYWORDS/),
    ]);
    expect(problemsOf({ ...AKTO, BANNED_KEYWORDS: 'plum', BUILTIN_POLICY: 'on' })).toEqual([]);
  });
});
