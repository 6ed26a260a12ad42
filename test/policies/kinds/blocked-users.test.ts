import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { blockedUsers } from '../../../src/policies/kinds/blocked-users.ts';
import { callPolicy } from '../../support/call-policy.ts';

const BLOCKED = 'user_blocked blocked-user';

test.each([
  ['blocks by user id', { user_api_key_user_id: 'u-17' }, BLOCKED],
  ['blocks by e-mail address', { user_api_key_user_email: 'eve@example.com' }, BLOCKED],
  ['blocks by end user', { user_api_key_end_user_id: 'u-17' }, BLOCKED],
  ['passes another user', { user_api_key_user_id: 'u-18' }, undefined],
  ['passes the same name in capitals', { user_api_key_user_id: 'U-17' }, undefined],
  ['passes a name that only begins alike', { user_api_key_user_id: 'u-171' }, undefined],
  ['passes a team of that name', { user_api_key_team_id: 'u-17' }, undefined],
  ['passes a call without a user', {}, undefined],
])('%s', (_, request_data, refusal) => {
  const { check } = callPolicy(blockedUsers, { users: ['u-17', 'eve@example.com'] });
  expect(check({ request_data })).toBe(refusal);
  expect(check({ request_data, input_type: 'response' })).toBe(refusal);
});

test('blocked-users reads a file with a user on each line', () => {
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

test('blocked-users refuses a file that cannot be read', () => {
  const { failed } = callPolicy(blockedUsers, { users_file: '/nowhere/users.txt' });
  expect(failed).toEqual(['users_file cannot be read (ENOENT)']);
});

test('blocked-users without users warns that nobody is blocked', () => {
  expect(callPolicy(blockedUsers, {}).warned).toEqual(['users nobody is blocked']);
});
