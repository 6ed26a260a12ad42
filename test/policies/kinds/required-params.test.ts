import { expect, test } from 'vitest';
import { requiredParams } from '../../../src/policies/kinds/required-params.ts';
import { callPolicy } from '../../support/call-policy.ts';

test.each([
  ['a value passes', { 'x-trace': 'a1' }, undefined],
  ['a value that LiteLLM hides passes', { 'x-trace': '[present]' }, undefined],
  ['a name in capitals passes', { 'X-TRACE': 'a1' }, undefined],
  ['a blank value is refused', { 'x-trace': ' ' }, 'required_param_missing header-x-trace'],
  ['a call without it is refused', { 'x-tracer': 'a1' }, 'required_param_missing header-x-trace'],
  ['a call without headers is refused', null, 'required_param_missing header-x-trace'],
])('required-params, a header: %s', (_, request_headers, refusal) => {
  const { check } = callPolicy(requiredParams, { headers: ['X-Trace'] });
  expect(check({ request_headers })).toBe(refusal);
  expect(check({ request_headers, input_type: 'response' })).toBeUndefined();
});

test.each([
  ['team', { user_api_key_team_id: 't' }, undefined],
  ['team', { user_api_key_team_alias: 't' }, undefined],
  ['team', { user_api_key_user_id: 'u' }, 'required_param_missing identity-team'],
  ['key_alias', { user_api_key_alias: 'k' }, undefined],
  ['key_alias', { user_api_key_hash: 'k' }, 'required_param_missing identity-key-alias'],
  ['user', { user_api_key_user_id: 'u' }, undefined],
  ['user', { user_api_key_user_id: '' }, 'required_param_missing identity-user'],
  ['end_user', { user_api_key_end_user_id: 'e' }, undefined],
  ['org', { user_api_key_org_id: 'o' }, undefined],
  ['email', { user_api_key_user_email: 'a@example.com' }, undefined],
  ['user_api_key_team_alias', { user_api_key_team_id: 't' }, 'required_param_missing identity-team-alias'],
  ['user_api_key_hash', { user_api_key_hash: 'h' }, undefined],
])('required-params looks for the identity %s in %j', (name, request_data, refusal) => {
  const { check, failed } = callPolicy(requiredParams, { identity: [name] });
  expect(failed).toEqual([]);
  expect(check({ request_data })).toBe(refusal);
});

test('required-params names the first that is missing', () => {
  const { check } = callPolicy(requiredParams, { headers: ['x-a', 'x-b'], identity: ['team', 'user'] });
  expect(check({ request_headers: { 'x-a': '1' } })).toBe('required_param_missing header-x-b');
  expect(check({ request_headers: { 'x-a': '1', 'x-b': '1' } })).toBe('required_param_missing identity-team');
});

test.each([
  ['teams', 'is not known; did you mean team?'],
  ['end-user', 'is not known; did you mean end_user?'],
  ['user_api_key_userid', 'is not known; did you mean user_api_key_user_id?'],
  ['constructor', 'is not known'],
])('required-params does not know %s', (name, message) => {
  const { failed } = callPolicy(requiredParams, { identity: ['team', name] });
  expect(failed).toEqual([`identity[1] "${name}" ${message}`]);
});
