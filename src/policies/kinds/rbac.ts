import * as v from 'valibot';
import { type GuardrailCall, modelsOf } from '../../guardrail/call.ts';
import type { Caller } from '../../guardrail/caller.ts';
import { asWritten, globsOf } from '../glob.ts';
import { type CreateContext, defineKind, type PolicyRefusal, type Subject } from '../policy.ts';
import { AnswerModels } from './answer-models.ts';
import { Names } from './patterns.ts';
import { ASSIGNED, roleFinder } from './role-assignments.ts';
import { SharedAnswerModels } from './shared-answer-models.ts';
import { toolCallsOf, toolsOf } from './tool-calls.ts';
import { listed } from './tool-names.ts';

const names = v.optional(Names);

const Role = v.strictObject({
  allowed_models: v.pipe(
    names,
    v.description(
      'Globs over each model that the request asks for, capitals and all. An answer of a model that is certainly another one is refused.',
    ),
  ),
  max_tokens_per_request: v.pipe(
    v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
    v.description('Judged where the request says how many it wants.'),
  ),
  allowed_tools: v.pipe(
    names,
    v.description(
      'Globs over the tools that a request offers, the tool calls of the model and those of MCP tools.',
    ),
  ),
  denied_tools: v.pipe(names, v.description('Globs over tools that may not be offered or called.')),
});

const options = v.strictObject({
  deny_if_missing: v.pipe(
    v.optional(Names, ['X-User-ID']),
    v.description(
      'Headers without which a request is refused. For X-User-ID, a user id or end user known to LiteLLM will do.',
    ),
  ),
  require_auth: v.pipe(
    v.optional(v.boolean(), false),
    v.description('Refuses a request with neither key nor user; an end user is none.'),
  ),
  roles: v.pipe(
    v.optional(v.record(v.pipe(v.string(), v.nonEmpty()), Role), {}),
    v.description('Limits by the name of the role.'),
  ),
  ...ASSIGNED,
  data_access: v.pipe(v.optional(v.unknown()), v.description('Without effect: LiteLLM says nothing of it.')),
  minimum_necessary: v.pipe(
    v.optional(v.unknown()),
    v.description('Without effect: LiteLLM says nothing of it.'),
  ),
});
type Options = v.InferOutput<typeof options>;

/**
 * Limits models, tools and tokens by the caller's role. Without `assignments` and `default_role` a role is held by the
 * team of the same name. Of a response its tool calls are judged, and its model where {@link AnswerModels} can tell.
 *
 * @see https://docs.keeptrusts.com/ for `deny_if_missing`, `require_auth` and `roles`; the rest is ours
 */
export const rbac = defineKind({
  kind: 'rbac',
  judges: 'requests, tool calls, MCP tools, models of responses',
  about: 'limits models, tools and tokens by role',
  example: `
roles:
  developer: { allowed_models: [gpt-*], denied_tools: ["payments.*"] }
  support: { allowed_models: [gpt-4o-mini], allowed_tools: ["search.*"] }
assignments:
  - { role: developer, teams: [engineering] }
default_role: support    # of everybody else
`,
  options,
  create(set, context) {
    for (const key of ['data_access', 'minimum_necessary'] as const)
      if (set[key] !== undefined) context.warn(key, 'is not applied here: LiteLLM says nothing of it');
    const answers = context.keep('answer-models', () => new AnswerModels());
    const { state } = context;
    const shared =
      state && context.keep('shared answer-models', () => new SharedAnswerModels(state, answers));
    const uncompared = new WeakSet<GuardrailCall>();
    const roles = new Map(
      Object.entries(set.roles).map(([role, limits]) => [role, judgeOf(role, limits, context)]),
    );
    const limitsModels = Object.values(set.roles).some((role) => role.allowed_models !== undefined);
    const roleOf = roleFinder([...roles.keys()], set, context);
    return {
      isUncompared: ({ call }) => uncompared.has(call),
      comparesModels: limitsModels,
      check(subject) {
        const { call, caller } = subject;
        if (limitsModels) shared?.exchange(subject.now);
        if (call.input_type === 'request') {
          const missing = missingIdentity(set, caller);
          if (missing !== undefined) return missing;
          if (limitsModels) answers.ask(call);
        } else if (call.tool_calls.length === 0 && !limitsModels) return undefined;
        if (roles.size === 0) return undefined;
        const held = roleOf(caller);
        const role = held === undefined ? undefined : roles.get(held);
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

function judgeOf(role: string, limits: v.InferOutput<typeof Role>, context: CreateContext) {
  const at = (key: string) => `roles.${role}.${key}`;
  const max = limits.max_tokens_per_request;
  if (max !== undefined)
    context.warn(
      at('max_tokens_per_request'),
      'LiteLLM does not send what a request asks for; judged only where additional_provider_specific_params says max_tokens or max_completion_tokens',
    );
  const mayUseModel = globsOf(context, at('allowed_models'), limits.allowed_models, asWritten);
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
