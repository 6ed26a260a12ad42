import * as v from 'valibot';
import { defineKind } from '../policy.ts';
import { linesOf, Names } from './patterns.ts';

const USER_BLOCKED = { rule: 'blocked-user', reasonCode: 'user_blocked' };

const options = v.strictObject({
  users: v.optional(Names, []),
  /** Text file with one user per line, as LiteLLM's `blocked_user_list`; read when the policy file is. */
  users_file: v.optional(v.pipe(v.string(), v.nonEmpty())),
});

/**
 * Refuses callers by user id, e-mail address or end user, by exact match. A response is refused like a request.
 *
 * @see LiteLLM 1.106.2, `blocked_user_check` in enterprise/enterprise_hooks/blocked_user_list.py
 */
export const blockedUsers = defineKind({
  kind: 'blocked-users',
  options,
  create({ users, users_file }, context) {
    const fromFile = linesOf(users_file, 'users_file', context);
    const blocked = new Set([...users, ...fromFile.map((line) => line.trim())]);
    if (users.length === 0 && users_file === undefined) context.warn('users', 'nobody is blocked');
    return {
      check({ caller: { user, endUser } }) {
        return [...user, ...endUser].some((name) => blocked.has(name)) ? USER_BLOCKED : undefined;
      },
    };
  },
});
