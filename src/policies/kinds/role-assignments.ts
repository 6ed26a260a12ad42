import * as v from 'valibot';
import type { Caller } from '../../guardrail/caller.ts';
import { quoted, unknownName } from '../file/nearest.ts';
import { foldedName, isAmong, keyHashMistake } from '../names.ts';
import type { CreateContext } from '../policy.ts';
import { Names } from './patterns.ts';

const name = v.pipe(v.string(), v.nonEmpty());
const names = v.optional(Names);

const Assignment = v.strictObject({
  role: name,
  /** Ids or aliases. */
  teams: names,
  /** Hashes. */
  keys: names,
  /** Whoever makes a key chooses its alias. */
  key_aliases: names,
  /** User ids or e-mail addresses of the virtual key's owner. */
  users: names,
  /** The `user` that the client writes: whoever knows a name has its role. */
  end_users: names,
  /**
   * `x-role: admin`, or `x-role` for a header whose value is the role. LiteLLM sets no header that it passes on, so a client
   * chooses each, unless something before LiteLLM replaces it.
   */
  header: v.optional(name),
  /** The operator's word that no client can choose its key alias, end user or header. */
  trusted: v.optional(v.boolean(), false),
});
type Assignment = v.InferOutput<typeof Assignment>;

/** The options of `rbac` that say who has which role. */
export const ASSIGNED = {
  /** The first with any criterion that the caller meets gives the role. */
  assignments: v.optional(v.array(Assignment), []),
  /** For callers to whom nothing is assigned. */
  default_role: v.optional(name),
};

type Assigned = { assignments: readonly Assignment[]; default_role?: string | undefined };

/** Finds the role of a caller among some. Nothing that a client chooses gives one, unless the operator says so. */
export function roleFinder(
  roles: readonly string[],
  { assignments, default_role }: Assigned,
  context: CreateContext,
): (caller: Caller) => string | undefined {
  const checkRole = (key: string, role: string) => {
    if (!roles.includes(role)) context.fail(key, unknownName(role, 'is no role of this policy', roles));
  };
  for (const [index, assignment] of assignments.entries()) {
    checkRole(`assignments[${index}].role`, assignment.role);
    checkAssignment(assignment, `assignments[${index}]`, context);
  }
  if (default_role !== undefined) checkRole('default_role', default_role);

  if (assignments.length === 0 && default_role === undefined) {
    if (roles.length > 0)
      context.warn(
        'roles',
        'are held by teams of the same name, by no key or user; assignments say who else',
      );
    const byName = new Map(roles.map((role) => [foldedName(role), role]));
    return ({ team }) =>
      team.map((alias) => byName.get(foldedName(alias))).find((role) => role !== undefined);
  }
  const given = assignments.map((assignment) => ({ role: assignment.role, isFor: testOf(assignment) }));
  return (caller) => given.find(({ isFor }) => isFor(caller))?.role ?? default_role;
}

function checkAssignment(
  { teams, keys, key_aliases, users, end_users, header, trusted }: Assignment,
  at: string,
  context: CreateContext,
): void {
  if (!teams && !keys && !key_aliases && !users && !end_users && !header)
    context.fail(at, 'is for nobody; set teams, keys, key_aliases, users, end_users or header');
  for (const [index, key] of (keys ?? []).entries()) {
    const mistake = keyHashMistake(key, 'key_aliases');
    if (mistake !== undefined) context.fail(`${at}.keys[${index}]`, mistake);
  }
  if (trusted) return;
  if (header)
    context.fail(
      `${at}.header`,
      quoted(
        header,
        'gives a role to whoever sends it; give it to teams, keys or users, or add trusted: true if something before LiteLLM replaces the header',
      ),
    );
  if (key_aliases)
    context.warn(
      `${at}.key_aliases`,
      'are chosen by whoever makes a key: write the hash under keys, or trusted: true if only you make keys',
    );
  if (end_users)
    context.warn(
      `${at}.end_users`,
      'are what clients say of themselves: each can take the role by naming one; write trusted: true if all clients are yours',
    );
}

function testOf({ role, teams, keys, key_aliases, users, end_users, header = '' }: Assignment) {
  const isTeam = isAmong(teams ?? []);
  const isKey = isAmong(keys ?? []);
  const isAlias = isAmong(key_aliases ?? []);
  const isUser = isAmong(users ?? []);
  const isEndUser = isAmong(end_users ?? []);
  const [, headerName, headerValue = role] = /^([^:]+)(?::\s*(.*))?$/.exec(header) ?? [];
  const isValue = isAmong([headerValue]);
  return (caller: Caller) =>
    caller.team.some(isTeam) ||
    caller.keyHash.some(isKey) ||
    caller.keyAlias.some(isAlias) ||
    caller.user.some(isUser) ||
    caller.endUser.some(isEndUser) ||
    (headerName !== undefined && isValue(caller.header(headerName) ?? ''));
}
