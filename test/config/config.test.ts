import { describe, expect, test } from 'vitest';
import { AKTO, CAPSULE, type Env, HOOK, parse, problemsOf } from '../support/config.ts';

describe('without any variable', () => {
  test('it listens on loopback and judges by the built-in policy', () => {
    expect(parse()).toEqual({
      server: { host: '127.0.0.1', port: 8787, shutdownDelayMs: 3000, shutdownTimeoutMs: 25_000 },
      access: { apiKeys: [], allowedIps: [] },
      bodies: {
        maxBodyBytes: 32 * 1024 * 1024,
        maxLogBodyBytes: 64 * 1024 * 1024,
        bodyTimeoutMs: 10_000,
        limits: { maxJsonNodes: 100_000, maxJsonDepth: 128 },
      },
      replies: {
        responseRedaction: 'auto',
        redactableModels: ['*rerank*', '*tts*', '*speech*'],
        blockedMessage: undefined,
      },
      judging: { policyTimeoutMs: 5000, removesHistory: true, streamCheckGrowth: 1 },
      unseen: { hiddenContent: 'count', multiModel: 'block' },
      policies: {
        ...{ file: undefined, builtin: true, bannedKeywords: [], env: {} },
        forAll: { timeoutMs: undefined, unreachableFallback: undefined },
      },
      audit: { dir: './data', keys: [] },
      decisions: { dir: './data', days: 7, maxBytes: 100 * 1024 * 1024 },
      records: expect.objectContaining({ dir: './data' }),
      database: undefined,
      state: { keys: [], timeoutMs: 100, maxBytes: 1024 * 1024 * 1024 },
      workers: 1,
      backends: [],
      proxy: undefined,
      logLevel: 'info',
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
      const { policies, ...read } = parse(
        Object.fromEntries([...names, ...vendors].map((name) => [name, nothing])),
      );
      expect({ ...read, policies: { ...policies, env: {} } }).toEqual(parse());
    }
    expect(parse({ ...AKTO, AKTO_MODE: '', TIMEOUT: '' }).backends).toMatchObject([
      { mode: 'enforce', timeoutMs: 5000 },
    ]);
  });
});

test('every variable of the bridge is read', () => {
  const config = parse({
    HOST: '0.0.0.0',
    PORT: '0',
    BRIDGE_API_KEYS: ' one , two,,',
    MAX_BODY_MB: '0.5',
    BODY_TIMEOUT: '2.5',
    RESPONSE_REDACTION: 'rewrite',
    BLOCKED_MESSAGE: 'No. {ref}',
    BUILTIN_POLICY: 'on',
    BANNED_KEYWORDS: 'a b, c ,',
    ALLOWED_IPS: '10.0.0.0/8, ::1',
    AUDIT_KEY: ' sixteen-or-more-1, before,',
    DATA_DIR: '/data',
    LOG_LEVEL: 'debug',
    SHUTDOWN_DELAY: '0',
    SHUTDOWN_TIMEOUT: '1.5',
    HTTPS_PROXY: 'http://proxy.example:3128',
    no_proxy: 'localhost',
  });
  expect(config).toMatchObject({
    server: { host: '0.0.0.0', port: 0, shutdownDelayMs: 0, shutdownTimeoutMs: 1500 },
    access: { apiKeys: ['one', 'two'], allowedIps: ['10.0.0.0/8', '::1'] },
    bodies: { maxBodyBytes: 512 * 1024, bodyTimeoutMs: 2500 },
    replies: { responseRedaction: 'rewrite', blockedMessage: 'No. {ref}' },
    policies: { builtin: true, bannedKeywords: ['a b', 'c'] },
    audit: { dir: '/data', keys: ['sixteen-or-more-1', 'before'] },
    logLevel: 'debug',
    proxy: { httpsProxy: 'http://proxy.example:3128', noProxy: 'localhost' },
  });
});

test('a configuration is plain data, of which another thread can be given a copy', () => {
  const config = parse({ ...AKTO, ...CAPSULE, BRIDGE_API_KEYS: 'k', NO_CONTENT_TEAMS: 'a,b' });
  expect(structuredClone(config)).toEqual(config);
  expect(config.records).toBeDefined();
});

describe('a bridge listens', () => {
  const missing = [expect.stringMatching(/^BRIDGE_API_KEYS: missing/)];
  test.each<{ name: string; env: Env; host?: string; problems?: unknown[] }>([
    { name: 'on all interfaces with keys', env: { BRIDGE_API_KEYS: 'k' }, host: '0.0.0.0' },
    { name: 'on HOST with keys', env: { BRIDGE_API_KEYS: 'k', HOST: '10.0.0.1' }, host: '10.0.0.1' },
    { name: 'on all interfaces not without keys', env: { HOST: '0.0.0.0' }, problems: missing },
    { name: 'on all interfaces of IPv6 not without keys', env: { HOST: '::' }, problems: missing },
    { name: 'on a host name not without keys', env: { HOST: 'bridge.example' }, problems: missing },
    {
      name: 'on a name that begins like loopback not without keys',
      env: { HOST: '127.0.0.1.example' },
      problems: missing,
    },
    { name: 'on loopback without keys', env: { HOST: '127.0.0.1' }, host: '127.0.0.1' },
    { name: 'on another loopback address without keys', env: { HOST: '127.1.2.3' }, host: '127.1.2.3' },
    { name: 'on localhost without keys', env: { HOST: 'localhost' }, host: 'localhost' },
    { name: 'on loopback of IPv6 without keys', env: { HOST: '::1' }, host: '::1' },
    {
      name: 'on all interfaces without keys under ALLOW_UNAUTHENTICATED',
      env: { ALLOW_UNAUTHENTICATED: 'true' },
      host: '0.0.0.0',
    },
    {
      name: 'on all interfaces not without keys under ALLOW_UNAUTHENTICATED=false',
      env: { ALLOW_UNAUTHENTICATED: 'false', HOST: '0.0.0.0' },
      problems: missing,
    },
    {
      name: 'nowhere with an empty list of keys',
      env: { BRIDGE_API_KEYS: ' , ' },
      problems: [expect.stringMatching(/^BRIDGE_API_KEYS/)],
    },
  ])('$name', ({ env, host, problems = [] }) => {
    expect(problemsOf(env)).toEqual(problems);
    if (host !== undefined) expect(parse(env).server.host).toBe(host);
  });
});

describe('the listener for those who operate the bridge', () => {
  const missing = /^OPS_API_KEYS: missing; OPS_HOST ".*" is not loopback/;
  test.each<{ name: string; env: Env; ops?: object; problem?: RegExp }>([
    { name: 'is none without OPS_PORT', env: { BRIDGE_API_KEYS: 'k' } },
    {
      name: 'is on loopback without keys, whoever may call',
      env: { OPS_PORT: '9090', BRIDGE_API_KEYS: 'k' },
      ops: { host: '127.0.0.1', port: 9090, apiKeys: [] },
    },
    {
      name: 'is on all interfaces with keys',
      env: { OPS_PORT: '9090', OPS_API_KEYS: 'new, old' },
      ops: { host: '0.0.0.0', port: 9090, apiKeys: ['new', 'old'] },
    },
    {
      name: 'is on OPS_HOST with keys',
      env: { OPS_PORT: '0', OPS_HOST: '10.0.0.1', OPS_API_KEYS: 'k' },
      ops: { host: '10.0.0.1', port: 0, apiKeys: ['k'] },
    },
    {
      name: 'is on loopback of IPv6 without keys',
      env: { OPS_PORT: '0', OPS_HOST: '::1' },
      ops: { host: '::1', port: 0, apiKeys: [] },
    },
    {
      name: 'is not beyond loopback without keys',
      env: { OPS_PORT: '9090', OPS_HOST: '0.0.0.0' },
      problem: missing,
    },
    {
      name: 'is not beyond loopback with the keys of guardrail calls alone',
      env: { OPS_PORT: '9090', OPS_HOST: '::', BRIDGE_API_KEYS: 'k', ALLOW_UNAUTHENTICATED: 'true' },
      problem: missing,
    },
    {
      name: 'is not at the port of guardrail calls',
      env: { OPS_PORT: '8787' },
      problem: /^OPS_PORT: PORT is 8787 too; write another port/,
    },
    {
      name: 'needs a port that can be',
      env: { OPS_PORT: '90900' },
      problem: /^OPS_PORT: write a whole number.*"90900"$/,
    },
    {
      name: 'is meant by OPS_HOST',
      env: { OPS_HOST: '127.0.0.1' },
      problem: /^OPS_HOST: OPS_PORT is missing; set it, or leave both out$/,
    },
    {
      name: 'is meant by OPS_API_KEYS, whose value is not quoted',
      env: { OPS_API_KEYS: 'a-secret' },
      problem: /^OPS_API_KEYS: OPS_PORT is missing; set it, or leave both out$/,
    },
    {
      name: 'has no empty list of keys',
      env: { OPS_PORT: '9090', OPS_API_KEYS: ' , ' },
      problem: /^OPS_API_KEYS: write/,
    },
    {
      name: 'has no key that cannot be sent',
      env: { OPS_PORT: '9090', OPS_API_KEYS: 'sch\u00fcssel' },
      problem: /^OPS_API_KEYS: write printable ASCII without line breaks$/,
    },
  ])('$name', ({ env, ops, problem }) => {
    expect(problemsOf(env)).toEqual(problem === undefined ? [] : [expect.stringMatching(problem)]);
    if (problem === undefined) expect(parse(env).ops).toEqual(ops);
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
    expect(parse(env).policies.builtin).toBe(on);
  });

  test('may not get keywords while it is off', () => {
    expect(problemsOf({ ...AKTO, BANNED_KEYWORDS: 'plum' })).toEqual([
      expect.stringMatching(/^BANNED_KEYWORDS/),
    ]);
    expect(problemsOf({ ...AKTO, BANNED_KEYWORDS: 'plum', BUILTIN_POLICY: 'on' })).toEqual([]);
  });
});

describe('a setting under its former name', () => {
  const ANSWER_REDACTION = 'rewrite';
  test('is read, with a warning that names the new one', () => {
    const { replies, warnings } = parse({ ANSWER_REDACTION });
    expect(replies.responseRedaction).toBe('rewrite');
    expect(warnings).toEqual(['ANSWER_REDACTION is now RESPONSE_REDACTION: rename it']);
  });

  test('may stand beside the new one with the same value', () => {
    const { replies, warnings } = parse({ ANSWER_REDACTION, RESPONSE_REDACTION: 'rewrite' });
    expect(replies.responseRedaction).toBe('rewrite');
    expect(warnings).toEqual([]);
  });

  test('is an error beside the new one with another value', () => {
    expect(problemsOf({ ANSWER_REDACTION, RESPONSE_REDACTION: 'block' })).toEqual([
      'ANSWER_REDACTION: RESPONSE_REDACTION, its new name, has another value; remove ANSWER_REDACTION',
    ]);
  });

  test('is named by a problem if it is the one that is set', () => {
    expect(problemsOf({ ANSWER_REDACTION: 'cut' })).toEqual([
      'ANSWER_REDACTION: write one of auto, block, rewrite; it is "cut"',
    ]);
  });
});

describe('several replicas', () => {
  const url = 'postgres://bridge@db.example:5432/bridge';

  test('share a database with defaults, and the password that stands in its address', () => {
    expect(parse({ DATABASE_URL: url, PGPASSWORD: 'from the environment' }).database).toEqual({
      ...{ url, password: 'from the environment', passwordFile: undefined, schema: 'guardrail_bridge' },
      ...{ poolSize: 10, connectTimeoutMs: 3000, statementTimeoutMs: 5000 },
    });
    const withPassword = 'postgres://bridge:secret@db.example/bridge';
    expect(parse({ DATABASE_URL: withPassword, PGPASSWORD: 'other' }).database?.password).toBeUndefined();
  });

  test.each([
    [{ DATABASE_URL: 'mysql://db' }, 'DATABASE_URL: write an address like postgres://user@host:5432/name'],
    [
      { DATABASE_URL: `${url}?sslmode=prefer` },
      'DATABASE_URL: write disable, require, verify-ca or verify-full',
    ],
    [
      { DATABASE_URL: `${url}?sslmode=verify-ca` },
      'DATABASE_URL: add the file of the authority as sslrootcert=',
    ],
    [{ DATABASE_PASSWORD_FILE: '/run/token' }, 'DATABASE_PASSWORD_FILE: DATABASE_URL is missing'],
    [{ DATABASE_SCHEMA: 'public' }, 'DATABASE_SCHEMA: write a name of small letters, digits and _'],
    [{ DATABASE_SCHEMA: 'a"b' }, 'DATABASE_SCHEMA: write a name of small letters, digits and _'],
    [{ DATABASE_POOL_SIZE: '2' }, 'DATABASE_POOL_SIZE: write a whole number from 5 to 200'],
    [{ STATE_KEY: 'abcd' }, 'STATE_KEY: write 64 hexadecimal digits'],
    [{ WORKERS: '0' }, 'WORKERS: write a whole number from 1 to 64, or auto'],
  ])('%j is refused', (env, problem) => {
    expect(() => parse(env as Record<string, string>)).toThrow(problem);
  });

  test('a key that is wrong is not shown', () => {
    expect(() => parse({ STATE_KEY: 'zz-my-key' })).not.toThrow('zz-my-key');
  });

  test('earlier keys of state follow the first, and auto is a worker for each core', () => {
    const keys = ['a'.repeat(64), 'b'.repeat(64)];
    const config = parse({ STATE_KEY: keys.join(', '), WORKERS: 'auto' });
    expect(config.state.keys).toEqual(keys);
    expect(config.workers).toBeGreaterThanOrEqual(1);
  });
});
