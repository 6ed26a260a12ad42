import { expect, test } from 'vitest';
import { stateKey } from '../../src/guardrail/caller.ts';
import { callOf } from '../support/call.ts';

const named = (litellm_call_id: string | null, user_api_key_hash?: string) =>
  stateKey(callOf({ litellm_call_id, litellm_version: '1.106.2', request_data: { user_api_key_hash } }));

test('a call is known by its id and its key', () => {
  expect(named('c', 'k')).toBe(named('c', 'k'));
  expect(new Set([named('c', 'k'), named('c', 'l'), named('d', 'k'), named('c')]).size).toBe(4);
});

test('without an id it has no name', () => {
  expect(named(null, 'k')).toBeUndefined();
});

test('an id of any length makes a short name of its own', () => {
  const names = ['x'.repeat(1_000_000), `${'x'.repeat(999_999)}y`].map((id) => named(id, 'k') ?? '');
  expect(new Set(names).size).toBe(2);
  for (const name of names) expect(name.length).toBeLessThan(300);
});

test('a release that tells its version for no call tells the key not for all', () => {
  const old = (user_api_key_hash?: string) =>
    stateKey(callOf({ litellm_call_id: 'c', request_data: { user_api_key_hash } }));
  expect(old('k')).toBe(old());
});
