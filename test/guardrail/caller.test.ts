import { expect, test } from 'vitest';
import { stateKey } from '../../src/guardrail/caller.ts';
import { callOf } from '../support/call.ts';

const named = (litellm_call_id: string | null, user_api_key_hash?: string, litellm_trace_id?: string) =>
  stateKey(
    callOf({
      ...{ litellm_call_id, litellm_trace_id, litellm_version: '1.106.2' },
      request_data: { user_api_key_hash },
    }),
  );

test('the name of a call is made of its id, its key and its trace', () => {
  expect(named('c', 'k', 't')).toBe(named('c', 'k', 't'));
  const names = [named('c', 'k'), named('c', 'l'), named('d', 'k'), named('c'), named('c', 'k', 't')];
  expect(new Set([...names, named('c', 'k', 'u'), named('c t', 'k')]).size).toBe(7);
});

test('a call without an id has no name', () => {
  expect(named(null, 'k')).toBeUndefined();
});

test('ids of any length give a short name of their own', () => {
  const ids = ['x'.repeat(1_000_000), `${'x'.repeat(999_999)}y`];
  const names = ids.flatMap((id) => [named(id, 'k') ?? '', named('c', 'k', id) ?? '']);
  expect(new Set(names).size).toBe(4);
  for (const name of names) expect(name.length).toBeLessThan(300);
});

test('the key is not part of the name for a release that does not tell its version', () => {
  const old = (user_api_key_hash?: string) =>
    stateKey(callOf({ litellm_call_id: 'c', request_data: { user_api_key_hash } }));
  expect(old('k')).toBe(old());
});
