import * as v from 'valibot';
import type { Caller } from '../../guardrail/caller.ts';
import { quoted, unknownName } from '../file/nearest.ts';
import { byName, keyHashMistake } from '../names.ts';
import type { CreateContext } from '../policy.ts';
import { KeyHashes, Names } from './patterns.ts';

const name = v.pipe(v.string(), v.nonEmpty());
const names = v.optional(Names);

const HEADER = /^\s*([^:\s]+)\s*(?::\s*(.*\S)\s*)?$/;
const CRITERIA = ['teams', 'keys', 'key_aliases', 'users', 'end_users', 'header'];

const Assignment = v.pipe(
  v.strictObject({
    role: v.pipe(name, v.description('One of `roles`.')),
    teams: v.pipe(names, v.description('Ids or aliases of teams.')),
    keys: v.pipe(v.optional(KeyHashes), v.description('Hashes of virtual keys.')),
    key_aliases: v.pipe(
      names,
      v.description('Aliases of virtual keys: whoever makes a key chooses its alias.'),
    ),
    users: v.pipe(names, v.description("User ids or e-mail addresses of the virtual key's owner.")),
    end_users: v.pipe(
      names,
      v.description('The `user` that the client writes: whoever knows a name has its role.'),
    ),
    header: v.pipe(
      v.optional(v.pipe(name, v.metadata({ pattern: HEADER.source }))),
      v.description(
        '`x-role: admin`, or `x-role` for a header whose value is the role. LiteLLM sets no header that it passes on, so a client chooses each, unless something before LiteLLM replaces it.',
      ),
    ),
    trusted: v.pipe(
      v.optional(v.boolean(), false),
      v.description("The operator's word that no client can choose its key alias, end user or header."),
    ),
  }),
  v.metadata({
    anyOf: CRITERIA.map((key) => ({ required: [key] })),
    if: { required: ['header'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { trusted: { const: true } }, required: ['trusted'] },
  }),
);
type Assignment = v.InferOutput<typeof Assignment>;

/** The options of `rbac` that say who has which role. */
export const ASSIGNED = {
  assignments: v.pipe(
    v.optional(v.array(Assignment), []),
    v.description('The first with any criterion that the caller meets gives the role.'),
  ),
  default_role: v.pipe(v.optional(name), v.description('For callers to whom nothing is assigned.')),
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
    const roleNamed = byName(roles.map((role) => [role, role]));
    return ({ team }) => team.map(roleNamed).find((role) => role !== undefined);
  }
  const assignedTo = finderOf(assignments);
  return (caller) => assignments[assignedTo(caller)]?.role ?? default_role;
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
  if (header && !HEADER.test(header))
    context.fail(
      `${at}.header`,
      quoted(header, 'is no name of a header, nor one with a value, as x-role: admin is'),
    );
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

/** Finds the first assignment for a caller: each of its names is folded once, however many there are. */
function finderOf(assignments: readonly Assignment[]): (caller: Caller) => number {
  const among = (namesOf: (assignment: Assignment) => readonly string[] | undefined) => {
    const find = byName(
      assignments.flatMap((one, index) => (namesOf(one) ?? []).map((name) => [name, index] as const)),
    );
    return (names: readonly string[]) => Math.min(...names.map((name) => find(name) ?? NOBODY));
  };
  const byTeam = among(({ teams }) => teams);
  const byKey = among(({ keys }) => keys);
  const byAlias = among(({ key_aliases }) => key_aliases);
  const byUser = among(({ users }) => users);
  const byEndUser = among(({ end_users }) => end_users);
  const headers = assignments.flatMap((one) => headerOf(one)?.name ?? []);
  const byHeader = [...new Set(headers)].map((header) => {
    const find = among((one) => {
      const own = headerOf(one);
      return own?.name === header ? [own.value] : [];
    });
    return (caller: Caller) => find([caller.header(header) ?? []].flat());
  });
  return (caller) =>
    Math.min(
      byTeam(caller.team),
      byKey(caller.keyHash),
      byAlias(caller.keyAlias),
      byUser(caller.user),
      byEndUser(caller.endUser),
      ...byHeader.map((find) => find(caller)),
    );
}

/** After every assignment. */
const NOBODY = Number.POSITIVE_INFINITY;

/** The header that gives a role, in lower case, and its value; undefined without one. */
function headerOf({ role, header }: Assignment): { name: string; value: string } | undefined {
  const [, name, value = role] = HEADER.exec(header ?? '') ?? [];
  return name === undefined ? undefined : { name: name.toLowerCase(), value };
}
