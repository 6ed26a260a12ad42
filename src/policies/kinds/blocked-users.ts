import * as v from 'valibot';
import { isAmong, keyHashMistake } from '../names.ts';
import { defineKind } from '../policy.ts';
import { KeyHashes, linesOf, Names } from './patterns.ts';

const USER_BLOCKED = { rule: 'blocked-user', reasonCode: 'user_blocked' };

const file = v.optional(v.pipe(v.string(), v.nonEmpty()));
const options = v.strictObject({
  users: v.pipe(v.optional(Names, []), v.description('User ids and e-mail addresses of LiteLLM.')),
  users_file: v.pipe(file, v.description('Text file with one user per line; read when the policy file is.')),
  keys: v.pipe(v.optional(KeyHashes, []), v.description('Hashes of virtual keys.')),
  end_users: v.pipe(
    v.optional(Names, []),
    v.description('The `user` that the client writes: who is blocked can write another.'),
  ),
  end_users_file: v.pipe(file, v.description("The same, one per line, as LiteLLM's `blocked_user_list`.")),
});

/**
 * Refuses callers by user id, e-mail address, key or end user. A response is refused like a request.
 *
 * @see LiteLLM 1.106.2, `blocked_user_check` in enterprise/enterprise_hooks/blocked_user_list.py
 */
export const blockedUsers = defineKind({
  kind: 'blocked-users',
  judges: 'requests, responses',
  about: 'blocks some callers',
  example: `
users: [u-17, mallory@example.com]   # user ids and e-mail addresses of LiteLLM
# users_file: blocked-users.txt      # one per line
`,
  options,
  create({ users, users_file, keys, end_users, end_users_file }, context) {
    const linesIn = (path: string | undefined, key: string) =>
      linesOf(path, key, context).map((line) => line.trim());
    keys.forEach((key, index) => {
      const mistake = keyHashMistake(key);
      if (mistake !== undefined) context.fail(`keys[${index}]`, mistake);
    });
    const isUser = isAmong([...users, ...linesIn(users_file, 'users_file')]);
    const isKey = isAmong(keys);
    const isEndUser = isAmong([...end_users, ...linesIn(end_users_file, 'end_users_file')]);
    const named = end_users.length > 0 ? 'end_users' : end_users_file && 'end_users_file';
    if (named)
      context.warn(named, 'are what clients say of themselves: one that is blocked can name another');
    else if (users.length + keys.length === 0 && users_file === undefined)
      context.warn('users', 'nobody is blocked');
    return {
      check: ({ caller: { user, keyHash, endUser } }) =>
        user.some(isUser) || keyHash.some(isKey) || endUser.some(isEndUser) ? USER_BLOCKED : undefined,
    };
  },
});
