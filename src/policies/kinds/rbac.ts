import * as v from 'valibot';
import { type GuardrailCall, modelsOf } from '../../guardrail/call.ts';
import type { Caller } from '../../guardrail/caller.ts';
import { unknownName } from '../file/nearest.ts';
import { globsOf } from '../glob.ts';
import { type CreateContext, defineKind, type PolicyRefusal, type Subject } from '../policy.ts';
import { AnswerModels } from './answer-models.ts';
import { Names } from './patterns.ts';
import { toolCallsOf, toolsOf } from './tool-calls.ts';
import { listed } from './tool-names.ts';

const name = v.pipe(v.string(), v.nonEmpty());
const names = v.optional(Names);

const Role = v.strictObject({
  /** Globs over each model that the request asks for. An answer of a model that is certainly another one is refused. */
  allowed_models: names,
  /** Judged where the request says how many it wants. */
  max_tokens_per_request: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  /** Globs over the tools that a request offers, the tool calls of the model and those of MCP tools. */
  allowed_tools: names,
  denied_tools: names,
});

const Assignment = v.strictObject({
  role: name,
  /** Ids or aliases. */
  teams: names,
  /** Aliases or hashes. */
  keys: names,
  /** User ids or e-mail addresses of the virtual key's owner. */
  users: names,
  /** The `user` that the client writes: whoever knows a name has its role. */
  end_users: names,
  /**
   * `x-role: admin`, or `x-role` for a header whose value is the role. The client chooses what it sends. LiteLLM passes
   * on the values of `x-litellm-*` and of what its `extra_headers` names.
   */
  header: v.optional(name),
});

const options = v.strictObject({
  /** Headers without which a request is refused. For X-User-ID, a user id or end user known to LiteLLM will do. */
  deny_if_missing: v.optional(Names, ['X-User-ID']),
  /** Refuses a request with neither key nor user; an end user is none. */
  require_auth: v.optional(v.boolean(), false),
  roles: v.optional(v.record(v.string(), Role), {}),
  /** The first with any criterion that the caller meets gives the role. */
  assignments: v.optional(v.array(Assignment), []),
  /** For callers to whom nothing is assigned. */
  default_role: v.optional(name),
  data_access: v.optional(v.unknown()),
  minimum_necessary: v.optional(v.unknown()),
});
type Options = v.InferOutput<typeof options>;

/**
 * Limits models, tools and tokens by the caller's role. Without `assignments` and `default_role` a role is held by the
 * team or virtual key of the same name. Of a response its tool calls are judged, and its model where {@link AnswerModels} can tell.
 *
 * @see https://docs.keeptrusts.com/ for `deny_if_missing`, `require_auth` and `roles`; the rest is ours
 */
export const rbac = defineKind({
  kind: 'rbac',
  options,
  create(set, context) {
    for (const key of ['data_access', 'minimum_necessary'] as const)
      if (set[key] !== undefined) context.warn(key, 'is not applied here: LiteLLM says nothing of it');
    const answers = context.keep('answer-models', () => new AnswerModels());
    const uncompared = new WeakSet<GuardrailCall>();
    const roles = new Map(
      Object.entries(set.roles).map(([role, limits]) => [role, judgeOf(role, limits, context)]),
    );
    const limitsModels = Object.values(set.roles).some((role) => role.allowed_models !== undefined);
    const roleOf = roleFinder(set, context);
    return {
      isUncompared: ({ call }) => uncompared.has(call),
      check(subject) {
        const { call, caller } = subject;
        if (call.input_type === 'request') {
          const missing = missingIdentity(set, caller);
          if (missing !== undefined) return missing;
          if (limitsModels) answers.ask(call);
        } else if (call.tool_calls.length === 0 && !limitsModels) return undefined;
        if (roles.size === 0) return undefined;
        const role = roles.get(roleOf(caller) ?? '');
        if (role === undefined && call.input_type === 'response' && call.tool_calls.length === 0)
          return undefined;
        if (role === undefined) return { rule: 'no-role', reasonCode: 'role_missing' };
        if (call.shape === 'response' && limitsModels) {
          const { is, isNew } = answers.compare(call, role.mayUseModel);
          if (is === 'unknown' && isNew) uncompared.add(call);
          if (is === 'foreign') return { rule: 'answer-model', reasonCode: 'model_not_allowed' };
        }
        return role.judge(subject);
      },
    };
  },
});

function missingIdentity({ deny_if_missing, require_auth }: Options, caller: Caller) {
  const isUser = caller.user.length > 0;
  const isKnown = isUser || caller.endUser.length > 0;
  const missing = deny_if_missing.find(
    (header) => !caller.header(header)?.trim() && !(isKnown && header.toLowerCase() === 'x-user-id'),
  );
  if (missing !== undefined) return { rule: 'deny-if-missing', reasonCode: 'identity_missing' };
  if (require_auth && !isUser && caller.key.length === 0)
    return { rule: 'require-auth', reasonCode: 'identity_missing' };
  return undefined;
}

function roleFinder({ roles, assignments, default_role }: Options, context: CreateContext) {
  const known = Object.keys(roles);
  const checkRole = (key: string, role: string) => {
    if (Object.hasOwn(roles, role)) return;
    context.fail(key, unknownName(role, 'is no role of this policy', known));
  };
  assignments.forEach(({ role, teams, keys, users, end_users, header }, index) => {
    const at = `assignments[${index}]`;
    checkRole(`${at}.role`, role);
    if (!teams && !keys && !users && !end_users && !header)
      context.fail(at, 'is for nobody; set teams, keys, users, end_users or header');
    if (end_users)
      context.warn(
        `${at}.end_users`,
        'are what clients say of themselves: each can take the role by naming one',
      );
  });
  if (default_role !== undefined) checkRole('default_role', default_role);

  if (assignments.length === 0 && default_role === undefined) {
    return ({ team, key }: Caller) => [...team, ...key].find((alias) => Object.hasOwn(roles, alias));
  }
  const given = assignments.map(
    ({ role, teams = [], keys = [], users = [], end_users = [], header = '' }) => {
      const [, headerName, headerValue = role] = /^([^:]+)(?::\s*(.*))?$/.exec(header) ?? [];
      const isFor = (caller: Caller) =>
        caller.team.some((name) => teams.includes(name)) ||
        caller.key.some((name) => keys.includes(name)) ||
        caller.user.some((name) => users.includes(name)) ||
        caller.endUser.some((name) => end_users.includes(name)) ||
        (headerName !== undefined && caller.header(headerName) === headerValue);
      return { role, isFor };
    },
  );
  return (caller: Caller) => given.find(({ isFor }) => isFor(caller))?.role ?? default_role;
}

function judgeOf(role: string, limits: v.InferOutput<typeof Role>, context: CreateContext) {
  const at = (key: string) => `roles.${role}.${key}`;
  const max = limits.max_tokens_per_request;
  if (max !== undefined)
    context.warn(
      at('max_tokens_per_request'),
      'LiteLLM does not send what a request asks for; judged only where additional_provider_specific_params says max_tokens or max_completion_tokens',
    );
  const mayUseModel = globsOf(context, at('allowed_models'), limits.allowed_models);
  const mayUseTool = listed(context, `roles.${role}.`, limits, 'allowed_tools', 'denied_tools');
  const judge = ({ call }: Subject): PolicyRefusal | undefined => {
    if (call.input_type === 'request') {
      const models = modelsOf(call);
      // LiteLLM before 1.82 does not say the model, and an MCP tool has none
      const isToJudge = call.shape !== 'mcp_tool' && mayUseModel !== undefined;
      if (isToJudge && (models.length === 0 || !models.every(mayUseModel)))
        return { rule: call.model ? 'allowed-models' : 'model-unknown', reasonCode: 'model_not_allowed' };
      if (max !== undefined && tokensOf(call) > max)
        return { rule: 'max-tokens-per-request', reasonCode: 'max_tokens_exceeded' };
      if (!toolsOf(call).every((name) => mayUseTool(name, 'model')))
        return { rule: 'offered-tool', reasonCode: 'tool_not_allowed' };
    }
    if (!toolCallsOf(call).every(({ name, origin }) => mayUseTool(name, origin)))
      return { rule: 'tool-call', reasonCode: 'tool_not_allowed' };
    return undefined;
  };
  return { mayUseModel, judge };
}

/** The most tokens that a request says it wants; 0 if it does not say. */
function tokensOf({ additional_provider_specific_params: params }: GuardrailCall): number {
  const wanted = [params.max_tokens, params.max_completion_tokens];
  return Math.max(
    0,
    ...wanted.map((value) => (/^(?:number|string)$/.test(typeof value) && Number(value)) || 0),
  );
}
