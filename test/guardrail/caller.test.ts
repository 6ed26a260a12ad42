import { expect, test } from 'vitest';
import { stateKey } from '../../src/guardrail/caller.ts';
import { callOf } from '../support/call.ts';

const named = (litellm_call_id: string | null, user_api_key_hash?: string) =>
  stateKey(callOf({ litellm_call_id, litellm_version: '1.106.2', request_data: { user_api_key_hash } }));

test('the name of a call is made of its id and its key', () => {
  expect(named('c', 'k')).toBe(named('c', 'k'));
  expect(new Set([named('c', 'k'), named('c', 'l'), named('d', 'k'), named('c')]).size).toBe(4);
});

test('a call without an id has no name', () => {
  expect(named(null, 'k')).toBeUndefined();
});

test('an id of any length gives a short name of its own', () => {
  const names = ['x'.repeat(1_000_000), `${'x'.repeat(999_999)}y`].map((id) => named(id, 'k') ?? '');
  expect(new Set(names).size).toBe(2);
  for (const name of names) expect(name.length).toBeLessThan(300);
});

test('the key is not part of the name for a release that does not tell its version', () => {
  const old = (user_api_key_hash?: string) =>
    stateKey(callOf({ litellm_call_id: 'c', request_data: { user_api_key_hash } }));
  expect(old('k')).toBe(old());
});
