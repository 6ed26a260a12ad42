import { describe, expect, test } from 'vitest';
import { checkerOf } from '../../src/backends/index.ts';
import { describeBackend } from '../../src/config/backend.ts';
import { AKTO, CAPSULE, type Env, HOOK, parse, problemsOf } from '../support/config.ts';

describe('a backend', () => {
  const failClosed = { unreachableFallback: 'fail_closed' };
  test.each<{ name: string; env: Env; is: object }>([
    {
      name: 'Akto with its own variables alone has the defaults',
      env: AKTO,
      is: { mode: 'enforce', timeoutMs: 5000, ...failClosed },
    },
    {
      name: 'Akto with the variables of its hook alone has the defaults',
      env: HOOK,
      is: { url: 'https://hook.example', mode: 'enforce', timeoutMs: 5000, ...failClosed },
    },
    {
      name: 'Akto observes where its hook does not wait',
      env: { ...HOOK, SYNC_MODE: 'False' },
      is: { mode: 'observe' },
    },
    {
      name: 'Akto enforces where its hook waits',
      env: { ...HOOK, SYNC_MODE: 'true' },
      is: { mode: 'enforce' },
    },
    {
      name: 'Akto takes our mode before that of the hook',
      env: { ...HOOK, SYNC_MODE: 'false', AKTO_MODE: 'enforce' },
      is: { mode: 'enforce' },
    },
    {
      name: 'Akto takes the address of the guardrail before that of the hook',
      env: { ...AKTO, ...HOOK },
      is: { url: 'https://akto.example' },
    },
    {
      name: 'Akto takes the token of the hook for the guardrail',
      env: { AKTO_GUARDRAIL_API_BASE: 'https://a.example/', AKTO_API_TOKEN: 't' },
      is: { url: 'https://a.example' },
    },
    {
      name: 'Akto takes the timeout of the hook before that for all backends',
      env: { ...HOOK, TIMEOUT: '30', GUARDRAIL_TIMEOUT: '7' },
      is: { timeoutMs: 30_000 },
    },
    {
      name: 'Akto takes its own timeout before that of the hook',
      env: { ...HOOK, TIMEOUT: '30', AKTO_GUARDRAIL_TIMEOUT: '0.25' },
      is: { timeoutMs: 250 },
    },
    {
      name: 'Akto takes the timeout for all backends',
      env: { ...AKTO, GUARDRAIL_TIMEOUT: '7' },
      is: { timeoutMs: 7000 },
    },
    {
      name: 'Akto takes the fallback for all backends',
      env: { ...AKTO, UNREACHABLE_FALLBACK: 'defer' },
      is: { unreachableFallback: 'defer' },
    },
    {
      name: 'Akto takes its own fallback before that for all backends',
      env: { ...AKTO, UNREACHABLE_FALLBACK: 'defer', AKTO_UNREACHABLE_FALLBACK: 'fail_open' },
      is: { unreachableFallback: 'fail_open', failsOpenByDefault: false },
    },
    {
      name: 'Capsule with its own variables alone has the defaults',
      env: CAPSULE,
      is: { mode: 'enforce', timeoutMs: 20_000, unreachableFallback: 'fail_open', failsOpenByDefault: true },
    },
    {
      name: 'Capsule observes where its plugin does',
      env: { ...CAPSULE, CAPSULE_LITELLM_BLOCK_ON_RISK: 'no' },
      is: { mode: 'observe' },
    },
    {
      name: 'Capsule takes our mode before its own',
      env: { ...CAPSULE, CAPSULE_LITELLM_BLOCK_ON_RISK: 'false', CAPSULE_MODE: 'enforce' },
      is: { mode: 'enforce' },
    },
    {
      name: 'Capsule fails closed where its own setting says so',
      env: { ...CAPSULE, CAPSULE_LITELLM_FAIL_OPEN: 'false' },
      is: { ...failClosed, failsOpenByDefault: false },
    },
    {
      name: 'Capsule takes the fallback under its own name',
      env: { ...CAPSULE, CAPSULE_LITELLM_FAIL_OPEN: '1' },
      is: { unreachableFallback: 'fail_open', failsOpenByDefault: false },
    },
    {
      name: 'Capsule takes the fallback under its own name before that for all backends',
      env: { ...CAPSULE, CAPSULE_LITELLM_FAIL_OPEN: 'true', UNREACHABLE_FALLBACK: 'fail_closed' },
      is: { unreachableFallback: 'fail_open' },
    },
    {
      name: 'Capsule takes the fallback for all backends before its default',
      env: { ...CAPSULE, UNREACHABLE_FALLBACK: 'fail_closed' },
      is: failClosed,
    },
    {
      name: 'Capsule takes our fallback before that under its own name',
      env: { ...CAPSULE, CAPSULE_LITELLM_FAIL_OPEN: 'true', CAPSULE_UNREACHABLE_FALLBACK: 'fail_closed' },
      is: failClosed,
    },
    {
      name: 'Capsule takes the timeout under its own name',
      env: { ...CAPSULE, CAPSULE_LITELLM_TIMEOUT_MS: '1500', GUARDRAIL_TIMEOUT: '7' },
      is: { timeoutMs: 1500 },
    },
    {
      name: 'Capsule takes our timeout before its own',
      env: { ...CAPSULE, CAPSULE_LITELLM_TIMEOUT_MS: '1500', CAPSULE_GUARDRAIL_TIMEOUT: '2' },
      is: { timeoutMs: 2000 },
    },
    {
      name: 'Capsule takes the timeout for all backends',
      env: { ...CAPSULE, GUARDRAIL_TIMEOUT: '7' },
      is: { timeoutMs: 7000 },
    },
    {
      name: 'Capsule is sent 32 records at once, unless it is said otherwise',
      env: CAPSULE,
      is: { concurrency: 32 },
    },
    {
      name: 'Capsule is sent as many records at once as is said',
      env: { ...CAPSULE, CAPSULE_TELEMETRY_CONCURRENCY: '5' },
      is: { concurrency: 5 },
    },
  ])('$name', ({ env, is }) => {
    expect(parse(env).backends).toMatchObject([is]);
  });

  test('stands beside another in the order in which redactions are merged', () => {
    expect(parse({ ...CAPSULE, ...AKTO }).backends.map(({ name }) => name)).toEqual(['akto', 'capsule']);
  });

  test('is off without its variables, whatever shared names are set', () => {
    expect(parse({ TIMEOUT: 'soon', SYNC_MODE: 'maybe', VERDICT_FLATTEN_CONTENT: '?' }).backends).toEqual([]);
  });

  test('is described without secrets or a path', () => {
    const [backend] = parse({
      ...AKTO,
      AKTO_GUARDRAIL_API_BASE: 'https://akto.example:8443/tenant-secret',
    }).backends;
    expect(backend && describeBackend(backend)).toEqual({
      backend: 'akto',
      host: 'akto.example:8443',
      timeout_seconds: 5,
      unreachable_fallback: 'fail_closed',
      mode: 'enforce',
    });
    expect(backend && JSON.stringify(checkerOf(backend))).not.toContain('akto-key');
  });

  test.each(['0', '1.5', '257', 'many'])('is not sent %s records at once', (text) => {
    expect(problemsOf({ ...CAPSULE, CAPSULE_TELEMETRY_CONCURRENCY: text })).toEqual([
      `CAPSULE_TELEMETRY_CONCURRENCY: write a whole number from 1 to 256; it is "${text}"`,
    ]);
  });

  test.each<{ env: Env; missing: string }>([
    { env: { AKTO_API_KEY: 'k' }, missing: 'AKTO_GUARDRAIL_API_BASE' },
    { env: { AKTO_GUARDRAIL_API_BASE: 'https://akto.example' }, missing: 'AKTO_API_KEY' },
    { env: { AKTO_MODE: 'observe' }, missing: 'AKTO_GUARDRAIL_API_BASE' },
    { env: { AKTO_API_TOKEN: 't' }, missing: 'AKTO_GUARDRAIL_API_BASE' },
    { env: { AKTO_UNREACHABLE_FALLBACK: 'defer' }, missing: 'AKTO_GUARDRAIL_API_BASE' },
    { env: { CAPSULE_LITELLM_TOKEN: 't' }, missing: 'CAPSULE_LITELLM_ENDPOINT' },
    { env: { CAPSULE_LITELLM_ENDPOINT: 'https://capsule.example' }, missing: 'CAPSULE_LITELLM_TOKEN' },
    { env: { CAPSULE_LITELLM_BLOCK_ON_RISK: 'true' }, missing: 'CAPSULE_LITELLM_ENDPOINT' },
  ])('that is half set is an error that names $missing: $env', ({ env, missing }) => {
    const [setName] = Object.keys(env);
    expect(problemsOf(env)).toEqual([
      expect.stringMatching(new RegExp(`^${missing}: missing; ${setName} is set`)),
    ]);
  });
});
