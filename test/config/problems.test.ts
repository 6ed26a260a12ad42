import { describe, expect, test } from 'vitest';
import { AKTO, CAPSULE, errorOf, parse, problemsOf } from '../support/config.ts';

const WRONG = 'loud';
const HIDDEN = 'hunter2';

describe('one error names every bad setting of every part', () => {
  const bad = {
    PORT: WRONG,
    MAX_BODY_MB: WRONG,
    GUARDRAIL_TIMEOUT: WRONG,
    UNREACHABLE_FALLBACK: WRONG,
    RESPONSE_REDACTION: WRONG,
    BUILTIN_POLICY: WRONG,
    ALLOW_UNAUTHENTICATED: WRONG,
    LOG_LEVEL: WRONG,
    SHUTDOWN_DELAY: WRONG,
    SHUTDOWN_TIMEOUT: WRONG,
    AKTO_MODE: WRONG,
    AKTO_METADATA: WRONG,
    AKTO_CONTEXT_SOURCE: WRONG,
    AKTO_UNREACHABLE_FALLBACK: WRONG,
    TIMEOUT: WRONG,
    SYNC_MODE: WRONG,
    CAPSULE_LITELLM_TIMEOUT_MS: WRONG,
    CAPSULE_LITELLM_FAIL_OPEN: WRONG,
    CAPSULE_GUARDRAIL_TIMEOUT: WRONG,
  };
  // Keys, and addresses that may hold a password
  const secrets = {
    BRIDGE_API_KEYS: `${HIDDEN}\n${HIDDEN}`,
    HTTPS_PROXY: HIDDEN,
    AUDIT_KEY: HIDDEN,
    AKTO_GUARDRAIL_API_BASE: HIDDEN,
    AKTO_API_KEY: `${HIDDEN}\u0007`,
    CAPSULE_LITELLM_ENDPOINT: `ftp://${HIDDEN}`,
    CAPSULE_LITELLM_TOKEN: `${HIDDEN}ü`,
  };
  const error = errorOf({ ...bad, ...secrets });
  const problems = new Map(error?.problems.map((problem) => [problem.split(':')[0] ?? '', problem]));

  test('and no good one', () => {
    expect([...problems.keys()].sort()).toEqual(Object.keys({ ...bad, ...secrets }).sort());
  });

  test.each(Object.keys(bad))('%s with its value', (name) => {
    expect(problems.get(name)).toMatch(/^[A-Z_]+: write \S.*; it is "loud"$/);
  });

  test.each(Object.keys(secrets))('%s without its value', (name) => {
    expect(problems.get(name)).toMatch(/^[A-Z_]+: write \S/);
  });

  test('and no secret', () => {
    expect([error?.message, error?.stack, JSON.stringify(error)].join('\n')).not.toContain(HIDDEN);
  });
});

describe.each([
  ['PORT', ['-1', '65536', '80.5', 'http', '0 0'], ['0', '8080', ' 65535 ']],
  ['MAX_BODY_MB', ['0', '-1', 'NaN', 'Infinity', '32MB'], ['0.1', '64']],
  ['GUARDRAIL_TIMEOUT', ['0', '-5', '5s', '1e9', ' , '], ['0.05', '30', '1000000']],
  ['SHUTDOWN_DELAY', ['-1', 'now'], ['0', '0.5', '10']],
  ['SHUTDOWN_TIMEOUT', ['0', '-1'], ['1']],
  ['UNREACHABLE_FALLBACK', ['open', 'FAIL_OPEN', 'fail-open'], ['fail_open', 'fail_closed', 'defer']],
  ['ALLOW_UNAUTHENTICATED', ['2', 'y', 'enabled'], ['true', 'FALSE', '1', '0', 'yes', 'No', 'on', 'off']],
  ['HTTP_PROXY', ['proxy:3128', 'socks5://proxy'], ['http://proxy:3128']],
  ['AKTO_METADATA', ['[]', '"x"', '{', 'null'], ['{}', '{"policy_name":"a"}']],
  ['CAPSULE_LITELLM_TIMEOUT_MS', ['0', '5s'], ['1', '20000']],
] as const)('%s', (name, wrong, right) => {
  test.each(wrong)('is not %j', (value) => {
    expect(problemsOf({ ...AKTO, ...CAPSULE, [name]: value })).toEqual([expect.stringMatching(`^${name}: `)]);
  });
  test.each(right)('is %j', (value) => {
    expect(() => parse({ ...AKTO, ...CAPSULE, [name]: value })).not.toThrow();
  });
});

describe('an address of a vendor', () => {
  test.each([
    'akto.example',
    'ftp://akto.example',
    'https://',
    'https://user:secret@akto.example',
    'https://akto.example/?token=secret',
    'https://akto.example/#secret',
    'javascript:alert(1)',
  ])('is not %s', (url) => {
    const error = errorOf({ ...AKTO, AKTO_GUARDRAIL_API_BASE: url });
    expect(error?.problems).toEqual([expect.stringMatching('^AKTO_GUARDRAIL_API_BASE: ')]);
    expect(error?.message).not.toContain('secret');
  });

  test('keeps its path and loses the slashes at its end', () => {
    const [akto] = parse({ ...AKTO, AKTO_GUARDRAIL_API_BASE: 'https://a.example/b//' }).backends;
    expect(akto?.url).toBe('https://a.example/b');
  });
});

test('a long value is quoted by its beginning, on one line', () => {
  expect(problemsOf({ LOG_LEVEL: `${'loud\n'.repeat(100)}!` })).toEqual([
    expect.stringMatching(/^LOG_LEVEL: .*; it is "(?:loud\\n){12}"$/),
  ]);
});

describe('a warning is', () => {
  const warningsOf = (env: Record<string, string>) => parse(env).warnings;

  test.each([
    {
      name: 'a variable of Akto that nobody reads',
      env: { ...AKTO, AKTO_GUARDRAIL_TIMOUT: '9' },
      says: /AKTO_GUARDRAIL_TIMOUT/,
    },
    {
      name: 'a variable of Capsule while it is off',
      env: { CAPSULE_ENDPOINT: 'https://c.example' },
      says: /CAPSULE_ENDPOINT/,
    },
    {
      name: 'a vendor over plain http',
      env: { ...AKTO, AKTO_GUARDRAIL_API_BASE: 'http://akto.example' },
      says: /akto.*plain http/,
    },
    { name: 'a vendor that is open by default', env: CAPSULE, says: /capsule.*CAPSULE_UNREACHABLE_FALLBACK/ },
    {
      name: 'a bridge that judges for anybody',
      env: { ALLOW_UNAUTHENTICATED: 'true' },
      says: /ALLOW_UNAUTHENTICATED/,
    },
    { name: 'a bridge where nothing judges', env: { BUILTIN_POLICY: 'off' }, says: /nothing judges/ },
  ])('given for $name', ({ env, says }) => {
    expect(warningsOf(env as Record<string, string>)).toEqual([expect.stringMatching(says)]);
  });

  test.each<Record<string, string>>([
    AKTO,
    { ...AKTO, AKTO_GUARDRAIL_API_BASE: 'http://127.0.0.1:9090' },
    { ...AKTO, AKTO_GUARDRAIL_API_BASE: 'http://localhost:9090' },
    { ...AKTO, AKTO_GUARDRAIL_API_BASE: 'http://[::1]:9090' },
    { ...CAPSULE, CAPSULE_LITELLM_FAIL_OPEN: 'true' },
    { ...CAPSULE, UNREACHABLE_FALLBACK: 'fail_closed' },
    { BRIDGE_API_KEYS: 'k' },
  ])('not given for %j', (env) => {
    expect(warningsOf(env)).toEqual([]);
  });

  test('written without values', () => {
    expect(warningsOf({ ...AKTO, AKTO_API_KEYS: 'hunter2' }).join()).not.toContain('hunter2');
  });
});
