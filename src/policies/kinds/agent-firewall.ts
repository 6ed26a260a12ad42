import { hash } from 'node:crypto';
import { fieldsOf, type GuardrailCall } from '../../guardrail/call.ts';
import type { Caller } from '../../guardrail/caller.ts';
import type { McpTool } from '../../guardrail/mcp-tool.ts';
import { MAX_NAME } from '../glob.ts';
import { copyOf } from '../markers.ts';
import { byName, foldedName } from '../names.ts';
import { type CreateContext, defineKind, type PolicyRefusal } from '../policy.ts';
import { readArguments } from './agent-arguments.ts';
import { HALTED, type Scopes } from './agent-counts.ts';
import { type AgentOptions, agentOptions, limitsOf, warnOf } from './agent-options.ts';
import { argumentRule, TOO_MUCH } from './agent-rule.ts';
import { AgentSessions } from './agent-sessions.ts';
import { SharedAgentSessions } from './shared-agent-sessions.ts';
import { type ToolCall, toolCallsOf } from './tool-calls.ts';
import { listed } from './tool-names.ts';

/** Tool calls in one guardrail call. */
const MAX_CALLS = 1000;
/** Milliseconds of CPU time for the arguments of a guardrail call: others wait meanwhile. */
const MAX_MS = 100;

/**
 * Limits the tool calls that a model makes and those of MCP tools, not the tools that a request offers (see `rbac`).
 * A role is held by the team of its name; only if none is, and where that is trusted, by the header `x-agent-role`.
 *
 * Actions are counted in responses, and where an MCP tool is called. A session is what the client names in
 * `x-conversation-id`, `x-session-id` or `x-litellm-session-id`, else LiteLLM's trace, else the virtual key. Each call of an
 * MCP tool has a trace of its own: there `mcp-session-id` and `x-litellm-trace-id` stand for it. Rates are counted by named session, else by key;
 * daily amounts by key. An amount is the largest number called amount, value, total or price in each object.
 *
 * @see https://docs.keeptrusts.com/ for all but `argument_rules`, which is ours
 */
export const agentFirewall = defineKind({
  kind: 'agent-firewall',
  judges: 'tool calls, MCP tools',
  about: 'limits what agents do',
  example: `
allowed_tools: ["search.*", shell]
max_actions_per_session: 50
rate_limits: { default: 30, shell: 5 }   # per minute
argument_rules:
  - { tools: [shell], deny_patterns: ['rm\\s{1,4}-rf'] }
`,
  options: agentOptions,
  create(set, context) {
    warnOf(set, context);
    const halts = set.kill_switches?.halt_on_suspicious_pattern ?? false;
    const mayCall = toolJudge(set, context);
    const rules = set.argument_rules.map((rule, index) =>
      argumentRule(rule, `argument_rules[${index}]`, context),
    );
    if (halts) rules.push(argumentRule({ path_traversal: true }, '', context));
    const limits = limitsOf(set);
    const limitsAmounts =
      limits !== undefined && Math.min(limits.maxAmount, limits.maxDaily, limits.approvalAbove) < Infinity;
    const readsArguments = rules.length > 0 || limitsAmounts;
    const own = context.keep('agent-firewall sessions', () => new AgentSessions());
    const failsClosed = set.unreachable_fallback === 'fail_closed';
    const shared = context.state && new SharedAgentSessions(context.state, own, failsClosed);

    return {
      check({ call, caller, now }) {
        const calls = toolCallsOf(call);
        if (calls.length === 0) return undefined;
        if (calls.length > MAX_CALLS) return TOO_MUCH;
        const scopes = scopesOf(call, caller);
        if (halts && own.isHalted(scopes.session, now)) return shared?.stillHalted(scopes.session) ?? HALTED;
        const denied = mayCall(calls, caller);
        if (denied !== undefined) return denied;

        const isOver = stopwatch(MAX_MS);
        const read = readsArguments ? readArguments(calls) : [];
        for (const [index, args] of read.entries()) {
          let refusal = args.isTooMuch && limitsAmounts ? TOO_MUCH : undefined;
          for (const judge of rules) refusal ??= judge(calls[index]!, args, isOver);
          if (refusal !== undefined) {
            if (!halts) return refusal;
            own.halt(scopes.session, now);
            return shared === undefined ? refusal : shared.halt(scopes.session, refusal);
          }
          if (args.hidesAmounts && limitsAmounts) return AMOUNT_NOT_SHOWN;
        }
        if (limits === undefined || !isAction(call))
          return halts ? shared?.halted(scopes.session, now) : undefined;
        const actions = calls.map(({ id, name, origin, arguments: args, mcp }, index) => ({
          key: keyOf(call, id ?? (call.litellm_call_id === null ? undefined : index), name, scopes.caller),
          tool: copyOf(foldedName(name.slice(0, MAX_NAME))),
          origin,
          isDefined: mcp === undefined || hasDefinition(mcp),
          arguments: args,
          amounts: read[index]?.amounts ?? [],
        }));
        return shared === undefined
          ? own.count(actions, scopes, limits, now)
          : shared.count(actions, { ...scopes, call: callOf(call, scopes) }, limits, { halts, now });
      },
    };
  },
});

const AMOUNT_NOT_SHOWN: PolicyRefusal = { rule: 'amount-not-shown', reasonCode: 'transaction_limit' };

/**
 * True if a tool is about to be called. In a list of MCP tools there is no call, and so no id; the definition of a tool can be
 * scanned under the id of the call that follows it, which is counted once.
 */
function isAction({ input_type, shape, litellm_call_id }: GuardrailCall): boolean {
  return input_type === 'response' || (shape === 'mcp_tool' && litellm_call_id !== null);
}

/** Tells if this thread has worked for longer than some milliseconds since: on a busy machine much more time passes. */
function stopwatch(ms: number): () => boolean {
  const until = performance.now() + ms;
  const before = process.threadCpuUsage();
  return () => {
    // The clock is read in 0.1 us, the CPU time in 2
    if (performance.now() <= until) return false;
    const { user, system } = process.threadCpuUsage(before);
    return user + system > ms * 1000;
  };
}

function toolJudge(set: AgentOptions, context: CreateContext) {
  const mayCall = listed(context, '', set, 'allowed_tools', 'blocked_tools', 'denied_tools');
  const roles = Object.entries(set.tools?.roles ?? {}).map(
    ([role, lists]) => [role, listed(context, `tools.roles.${role}.`, lists, 'allowed', 'denied')] as const,
  );
  const judgeOf = byName(roles);
  const isHeader = set.tools?.trusted === true;
  return (calls: readonly ToolCall[], caller: Caller): PolicyRefusal | undefined => {
    if (!calls.every(({ name, origin }) => mayCall(name, origin)))
      return { rule: 'tool', reasonCode: 'tool_denied' };
    if (roles.length === 0) return undefined;
    const sent = isHeader ? caller.header('x-agent-role') : undefined;
    const held = sent === undefined ? caller.team : [...caller.team, sent];
    const mayInRole = held.map(judgeOf).find((judge) => judge !== undefined);
    if (mayInRole === undefined) return { rule: 'no-role', reasonCode: 'tool_denied' };
    return calls.every(({ name, origin }) => mayInRole(name, origin))
      ? undefined
      : { rule: 'role-tool', reasonCode: 'tool_denied' };
  };
}

const hasDefinition = ({ description, schema }: McpTool) =>
  description !== '' || Object.keys(fieldsOf(schema.properties)).length > 0;

const SESSION_HEADERS = ['x-conversation-id', 'x-session-id', 'x-litellm-session-id'];
const MCP_SESSION_HEADERS = [...SESSION_HEADERS, 'mcp-session-id', 'x-litellm-trace-id'];

/** No caller can name another's session: the virtual key is part of each. */
function scopesOf({ litellm_trace_id, shape }: GuardrailCall, caller: Caller): Scopes {
  const isMcp = shape === 'mcp_tool';
  const key = caller.key.at(-1);
  const trace = isMcp ? null : litellm_trace_id;
  const named = (isMcp ? MCP_SESSION_HEADERS : SESSION_HEADERS)
    .map((name) => caller.header(name))
    .find((id) => id && id !== '[present]');
  const session = named ?? trace;
  const conversation = session ? `${key}\n${named ? 'named' : 'trace'}\n${session.slice(0, 256)}` : `${key}`;
  return {
    session: conversation,
    rate: named || key === undefined ? conversation : key,
    caller: key ?? conversation,
  };
}

/** The call, of which a stream shows the same actions again; undefined for one without an id. */
const callOf = (
  { litellm_call_id, litellm_trace_id }: GuardrailCall,
  { caller }: Scopes,
): string | undefined =>
  litellm_call_id === null
    ? undefined
    : hash('sha256', JSON.stringify([caller, litellm_call_id, litellm_trace_id]));

/**
 * Streams repeat a response under the same ids; providers that number their calls use the same numbers in each. A client
 * can choose the ids: they say nothing without the caller and the tool.
 */
function keyOf(
  { litellm_call_id, litellm_trace_id }: GuardrailCall,
  id: string | number | undefined,
  tool: string,
  caller: string,
): string | undefined {
  if (id === undefined) return undefined;
  return hash('sha256', JSON.stringify([caller, litellm_call_id, litellm_trace_id, id, tool]));
}
