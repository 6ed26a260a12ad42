import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { blockedUsers } from '../../../src/policies/kinds/blocked-users.ts';
import { callPolicy } from '../../support/call-policy.ts';

const BLOCKED = 'user_blocked blocked-user';

test.each([
  ['a user id', { user_api_key_user_id: 'u-17' }, BLOCKED],
  ['an e-mail address', { user_api_key_user_email: 'eve@example.com' }, BLOCKED],
  ['an end user', { user_api_key_end_user_id: 'u-17' }, BLOCKED],
  ['another user', { user_api_key_user_id: 'u-18' }, undefined],
  ['other letters', { user_api_key_user_id: 'U-17' }, undefined],
  ['a longer name', { user_api_key_user_id: 'u-171' }, undefined],
  ['a team of that name', { user_api_key_team_id: 'u-17' }, undefined],
  ['nobody', {}, undefined],
])('%s', (_, request_data, refusal) => {
  const { check } = callPolicy(blockedUsers, { users: ['u-17', 'eve@example.com'] });
  expect(check({ request_data })).toBe(refusal);
  expect(check({ request_data, input_type: 'response' })).toBe(refusal);
});

test('a file has a user on each line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'users-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const users_file = join(folder, 'users.txt');
  writeFileSync(users_file, 'u-1\r\n\n  u-2 \n');
  const { check, warned } = callPolicy(blockedUsers, { users: ['u-3'], users_file });
  for (const user of ['u-1', 'u-2', 'u-3'])
    expect(check({ request_data: { user_api_key_user_id: user } })).toBe(BLOCKED);
  expect(check({ request_data: { user_api_key_user_id: '' } })).toBeUndefined();
  expect(warned).toEqual([]);
});

test('a file that cannot be read is a mistake', () => {
  const { failed } = callPolicy(blockedUsers, { users_file: '/nowhere/users.txt' });
  expect(failed).toEqual(['users_file cannot be read (ENOENT)']);
});

test('without users it is said that nobody is blocked', () => {
  expect(callPolicy(blockedUsers, {}).warned).toEqual(['users nobody is blocked']);
});
