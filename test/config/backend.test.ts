import { describe, expect, test } from 'vitest';
import { checkerOf } from '../../src/backends/index.ts';
import { describeBackend } from '../../src/config/backend.ts';
import { AKTO, CAPSULE, type Env, HOOK, parse, problemsOf } from '../support/config.ts';

describe('a backend', () => {
  const failClosed = { unreachableFallback: 'fail_closed' };
  test.each<{ name: string; env: Env; is: object }>([
    { name: 'Akto by itself', env: AKTO, is: { mode: 'enforce', timeoutMs: 5000, ...failClosed } },
    {
      name: "Akto's hook",
      env: HOOK,
      is: { url: 'https://hook.example', mode: 'enforce', timeoutMs: 5000, ...failClosed },
    },
    { name: "Akto's hook without waiting", env: { ...HOOK, SYNC_MODE: 'False' }, is: { mode: 'observe' } },
    { name: "Akto's hook, waiting", env: { ...HOOK, SYNC_MODE: 'true' }, is: { mode: 'enforce' } },
    {
      name: 'our mode over that of the hook',
      env: { ...HOOK, SYNC_MODE: 'false', AKTO_MODE: 'enforce' },
      is: { mode: 'enforce' },
    },
    {
      name: 'the address of the guardrail over that of the hook',
      env: { ...AKTO, ...HOOK },
      is: { url: 'https://akto.example' },
    },
    {
      name: 'a token of the hook for the guardrail',
      env: { AKTO_GUARDRAIL_API_BASE: 'https://a.example/', AKTO_API_TOKEN: 't' },
      is: { url: 'https://a.example' },
    },
    {
      name: 'the time of the hook over one for all',
      env: { ...HOOK, TIMEOUT: '30', GUARDRAIL_TIMEOUT: '7' },
      is: { timeoutMs: 30_000 },
    },
    {
      name: 'its own time over that of the hook',
      env: { ...HOOK, TIMEOUT: '30', AKTO_GUARDRAIL_TIMEOUT: '0.25' },
      is: { timeoutMs: 250 },
    },
    { name: 'one time for all', env: { ...AKTO, GUARDRAIL_TIMEOUT: '7' }, is: { timeoutMs: 7000 } },
    {
      name: 'one fallback for all',
      env: { ...AKTO, UNREACHABLE_FALLBACK: 'defer' },
      is: { unreachableFallback: 'defer' },
    },
    {
      name: 'its own fallback over one for all',
      env: { ...AKTO, UNREACHABLE_FALLBACK: 'defer', AKTO_UNREACHABLE_FALLBACK: 'fail_open' },
      is: { unreachableFallback: 'fail_open', failsOpenByDefault: false },
    },
    {
      name: 'Capsule by itself',
      env: CAPSULE,
      is: { mode: 'enforce', timeoutMs: 20_000, unreachableFallback: 'fail_open', failsOpenByDefault: true },
    },
    {
      name: 'Capsule, observing',
      env: { ...CAPSULE, CAPSULE_LITELLM_BLOCK_ON_RISK: 'no' },
      is: { mode: 'observe' },
    },
    {
      name: 'Capsule, our mode over its own',
      env: { ...CAPSULE, CAPSULE_LITELLM_BLOCK_ON_RISK: 'false', CAPSULE_MODE: 'enforce' },
      is: { mode: 'enforce' },
    },
    {
      name: 'Capsule, closed',
      env: { ...CAPSULE, CAPSULE_LITELLM_FAIL_OPEN: 'false' },
      is: { ...failClosed, failsOpenByDefault: false },
    },
    {
      name: 'Capsule, open by its own name',
      env: { ...CAPSULE, CAPSULE_LITELLM_FAIL_OPEN: '1' },
      is: { unreachableFallback: 'fail_open', failsOpenByDefault: false },
    },
    {
      name: 'Capsule, its own name over one for all',
      env: { ...CAPSULE, CAPSULE_LITELLM_FAIL_OPEN: 'true', UNREACHABLE_FALLBACK: 'fail_closed' },
      is: { unreachableFallback: 'fail_open' },
    },
    {
      name: 'Capsule, one for all over the default',
      env: { ...CAPSULE, UNREACHABLE_FALLBACK: 'fail_closed' },
      is: failClosed,
    },
    {
      name: 'Capsule, ours over its own name',
      env: { ...CAPSULE, CAPSULE_LITELLM_FAIL_OPEN: 'true', CAPSULE_UNREACHABLE_FALLBACK: 'fail_closed' },
      is: failClosed,
    },
    {
      name: 'Capsule, its own time',
      env: { ...CAPSULE, CAPSULE_LITELLM_TIMEOUT_MS: '1500', GUARDRAIL_TIMEOUT: '7' },
      is: { timeoutMs: 1500 },
    },
    {
      name: 'Capsule, our time over its own',
      env: { ...CAPSULE, CAPSULE_LITELLM_TIMEOUT_MS: '1500', CAPSULE_GUARDRAIL_TIMEOUT: '2' },
      is: { timeoutMs: 2000 },
    },
    {
      name: 'Capsule, one time for all',
      env: { ...CAPSULE, GUARDRAIL_TIMEOUT: '7' },
      is: { timeoutMs: 7000 },
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

  test.each<{ env: Env; missing: string }>([
    { env: { AKTO_API_KEY: 'k' }, missing: 'AKTO_GUARDRAIL_API_BASE' },
    { env: { AKTO_GUARDRAIL_API_BASE: 'https://akto.example' }, missing: 'AKTO_API_KEY' },
    { env: { AKTO_MODE: 'observe' }, missing: 'AKTO_GUARDRAIL_API_BASE' },
    { env: { AKTO_API_TOKEN: 't' }, missing: 'AKTO_GUARDRAIL_API_BASE' },
    { env: { AKTO_UNREACHABLE_FALLBACK: 'defer' }, missing: 'AKTO_GUARDRAIL_API_BASE' },
    { env: { CAPSULE_LITELLM_TOKEN: 't' }, missing: 'CAPSULE_LITELLM_ENDPOINT' },
    { env: { CAPSULE_LITELLM_ENDPOINT: 'https://capsule.example' }, missing: 'CAPSULE_LITELLM_TOKEN' },
    { env: { CAPSULE_LITELLM_BLOCK_ON_RISK: 'true' }, missing: 'CAPSULE_LITELLM_ENDPOINT' },
  ])('half set is an error that names $missing: $env', ({ env, missing }) => {
    const [setName] = Object.keys(env);
    expect(problemsOf(env)).toEqual([
      expect.stringMatching(new RegExp(`^${missing}: missing; ${setName} is set`)),
    ]);
  });
});
