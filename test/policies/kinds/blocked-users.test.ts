import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { blockedUsers } from '../../../src/policies/kinds/blocked-users.ts';
import { callPolicy } from '../../support/call-policy.ts';

const BLOCKED = 'user_blocked blocked-user';

const hash = 'a1'.repeat(32);
const users = ['u-17', 'eve@example.com', 'straße', 'ﬁona', 'İpek', 'Renée'];

test.each([
  ['blocks by user id', { user_api_key_user_id: 'u-17' }, BLOCKED],
  ['blocks by e-mail address', { user_api_key_user_email: 'eve@example.com' }, BLOCKED],
  ['blocks by the hash of a key', { user_api_key_hash: hash }, BLOCKED],
  ['blocks by end user', { user_api_key_end_user_id: 'c-4' }, BLOCKED],
  ['passes an end user with the name of a user', { user_api_key_end_user_id: 'u-17' }, undefined],
  ['passes a user with the name of an end user', { user_api_key_user_id: 'c-4' }, undefined],
  ['passes the hash of a key as an alias', { user_api_key_alias: hash }, undefined],
  ['passes another user', { user_api_key_user_id: 'u-18' }, undefined],
  ['blocks the same name in capitals', { user_api_key_user_id: 'U-17' }, BLOCKED],
  ['blocks the same address in capitals', { user_api_key_user_email: 'Eve@Example.COM' }, BLOCKED],
  ['blocks the same name in full width', { user_api_key_user_id: 'ｕ－１７' }, BLOCKED],
  ['blocks a name with ß by SS', { user_api_key_user_id: 'STRASSE' }, BLOCKED],
  ['blocks a name with a ligature by its letters', { user_api_key_user_id: 'Fiona' }, BLOCKED],
  ['blocks a name with an accent by a combining mark', { user_api_key_user_id: 'RENE\u0301E' }, BLOCKED],
  ['blocks a name with İ by itself', { user_api_key_user_id: 'i\u0307pek' }, BLOCKED],
  ['passes a name with i for İ', { user_api_key_user_id: 'ipek' }, undefined],
  ['passes a name without its accent', { user_api_key_user_id: 'renee' }, undefined],
  ['passes a name with a character that shows nothing', { user_api_key_user_id: 'u-\u200b17' }, undefined],
  ['passes a name that only begins alike', { user_api_key_user_id: 'u-171' }, undefined],
  ['passes a team of that name', { user_api_key_team_id: 'u-17' }, undefined],
  ['passes a call without a user', {}, undefined],
])('%s', (_, request_data, refusal) => {
  const { check } = callPolicy(blockedUsers, { users, keys: [hash], end_users: ['c-4'] });
  expect(check({ request_data })).toBe(refusal);
  expect(check({ request_data, input_type: 'response' })).toBe(refusal);
});

test('blocked-users reads a file with an end user on each line, and warns that those can name another', () => {
  const folder = mkdtempSync(join(tmpdir(), 'users-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const end_users_file = join(folder, 'end-users.txt');
  writeFileSync(end_users_file, 'c-1\n');
  const { check, warned } = callPolicy(blockedUsers, { end_users_file });
  expect(check({ request_data: { user_api_key_end_user_id: 'C-1' } })).toBe(BLOCKED);
  expect(check({ request_data: { user_api_key_user_id: 'c-1' } })).toBeUndefined();
  expect(warned).toEqual([expect.stringMatching(/^end_users_file are what clients say of themselves/)]);
});

test('blocked-users refuses a key that is no hash', () => {
  expect(callPolicy(blockedUsers, { keys: [hash, 'ci-key'] }).failed).toEqual([
    'keys[1] "ci-key" is no hash of a key (64 hexadecimal digits)',
  ]);
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
  expect(failed).toEqual(['users_file cannot be read (ENOENT): there is no /nowhere/users.txt']);
});

test('blocked-users without users warns that nobody is blocked', () => {
  expect(callPolicy(blockedUsers, {}).warned).toEqual(['users nobody is blocked']);
});

test('blocked-users refuses a user whose name is very long, in each form of it', () => {
  const { check } = callPolicy(blockedUsers, {
    users: ['ａ'.repeat(3000)],
    end_users: ['b'.repeat(900_000)],
  });
  expect(check({ request_data: { user_api_key_user_id: 'A'.repeat(3000) } })).toBe(BLOCKED);
  expect(check({ request_data: { user_api_key_user_id: 'A'.repeat(3001) } })).toBeUndefined();
  expect(check({ request_data: { user_api_key_end_user_id: 'B'.repeat(900_000) } })).toBe(BLOCKED);
});
