import * as v from 'valibot';
import { foldedName } from '../names.ts';
import type { CreateContext } from '../policy.ts';
import type { ActionLimits } from './agent-counts.ts';
import { Names } from './patterns.ts';
import { withoutServer } from './tool-names.ts';

const names = v.optional(Names);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const perMinute = v.pipe(count, v.maxValue(1000));
const money = v.optional(v.pipe(v.number(), v.minValue(0)));

const ArgumentRule = v.strictObject({
  tools: v.pipe(names, v.description('Globs; all tools by default.')),
  path_traversal: v.pipe(
    v.optional(v.boolean(), false),
    v.description('Refuses `..` as a step of a path in any argument, however it is encoded.'),
  ),
  deny_patterns: v.pipe(
    names,
    v.description(
      'Regular expressions that no text, number or name in the arguments may match, as it stands or with its encodings undone.',
    ),
  ),
  allowed_paths: v.pipe(
    names,
    v.description('Directories outside of which no path may lie; `.` for relative paths.'),
  ),
});

/** Options of `agent-firewall`, in Keeptrusts' simple and expanded form. */
export const agentOptions = v.strictObject({
  allowed_tools: v.pipe(
    names,
    v.description('Globs over the tools that may be called; all that are not blocked by default.'),
  ),
  blocked_tools: v.pipe(names, v.description('Globs over the tools that may not be called.')),
  denied_tools: v.pipe(names, v.description('Another name for `blocked_tools`.')),
  tools: v.pipe(
    v.optional(
      v.strictObject({
        roles: v.pipe(
          v.optional(
            v.record(v.pipe(v.string(), v.nonEmpty()), v.strictObject({ allowed: names, denied: names })),
            {},
          ),
          v.description('Tools by the name of the role.'),
        ),
        trusted: v.pipe(
          v.optional(v.boolean()),
          v.description("The operator's word that no client can choose its header `x-agent-role`."),
          v.metadata({ default: false }),
        ),
      }),
    ),
    v.description('Further limits by role. Callers without a role may call no tool.'),
  ),
  max_actions_per_session: v.pipe(v.optional(count), v.description('Tool calls in one conversation.')),
  rate_limits: v.pipe(
    v.optional(v.record(v.string(), perMinute)),
    v.description('Tool calls per minute by tool, `default` for each that is not named; at most 1000.'),
  ),
  rate_limit: v.pipe(v.optional(perMinute), v.description('The same as `rate_limits.default`.')),
  transaction_limits: v.pipe(
    v.optional(
      v.strictObject({
        max_single_transaction: v.pipe(money, v.description('Largest amount of one action.')),
        max_daily_total: v.pipe(
          money,
          v.description('Largest sum of the amounts of one virtual key in a UTC day.'),
        ),
        require_approval_above: v.pipe(
          money,
          v.description('Larger amounts are refused, as nobody can approve them here.'),
        ),
      }),
    ),
    v.description('Limits of amounts: the numbers called amount, value, total or price in the arguments.'),
  ),
  transaction_limit: v.pipe(money, v.description('The same as `transaction_limits.max_single_transaction`.')),
  kill_switches: v.pipe(
    v.optional(
      v.strictObject({
        max_errors_before_halt: v.pipe(
          v.optional(v.number()),
          v.description('Without effect: errors of tools cannot be seen.'),
        ),
        halt_on_pii_in_action: v.pipe(
          v.optional(v.boolean()),
          v.description('Without effect: put pii-detector into the chain.'),
        ),
        halt_on_suspicious_pattern: v.pipe(
          v.optional(v.boolean(), false),
          v.description(
            "Looks for path traversal in every tool's arguments; after any refused argument a session is refused all actions.",
          ),
        ),
      }),
    ),
    v.description('Ends a session.'),
  ),
  monitoring: v.pipe(
    v.optional(v.unknown()),
    v.description('Without effect: the metrics count what is refused.'),
  ),
  argument_rules: v.pipe(
    v.optional(v.array(ArgumentRule), []),
    v.description('Limits of the arguments of tools.'),
  ),
  unreachable_fallback: v.pipe(
    v.optional(v.picklist(['fail_open', 'fail_closed']), 'fail_open'),
    v.description('The fate of actions that are to be counted while what replicas share cannot be reached.'),
  ),
});

export type AgentOptions = v.InferOutput<typeof agentOptions>;
export type ArgumentRuleOptions = v.InferInput<typeof ArgumentRule>;

const NO_LIMIT = Number.POSITIVE_INFINITY;

/** The limits of actions, by folded names of tools; undefined if there are none, so that nothing need be counted. */
export function limitsOf(set: AgentOptions): ActionLimits | undefined {
  const rates = new Map<string, number>();
  for (const [tool, limit] of Object.entries(set.rate_limits ?? {})) {
    const name = foldedName(tool);
    rates.set(name, Math.min(limit, rates.get(name) ?? limit));
  }
  const otherwise = rates.get('default') ?? set.rate_limit ?? NO_LIMIT;
  const amounts = set.transaction_limits;
  const limits = {
    maxActions: set.max_actions_per_session ?? NO_LIMIT,
    maxAmount: amounts?.max_single_transaction ?? set.transaction_limit ?? NO_LIMIT,
    maxDaily: amounts?.max_daily_total ?? NO_LIMIT,
    approvalAbove: amounts?.require_approval_above ?? NO_LIMIT,
  };
  const isAny = rates.size > 0 || Math.min(otherwise, ...Object.values(limits)) < NO_LIMIT;
  if (!isAny) return undefined;
  const perMinute: ActionLimits['perMinute'] = (tool, origin) => {
    const own = rates.get(tool);
    if (own !== undefined || origin === 'model') return own ?? otherwise;
    // Of an MCP tool either name may be the one with the prefix of the server; the strictest counts
    const others = [...rates].filter(
      ([name]) => withoutServer(name) === tool || name === withoutServer(tool),
    );
    return others.length > 0 ? Math.min(...others.map(([, limit]) => limit)) : otherwise;
  };
  return { ...limits, perMinute };
}

/** Says which options cannot be applied. */
export function warnOf(
  { kill_switches: switches, monitoring, tools }: AgentOptions,
  context: CreateContext,
): void {
  const warn = (key: string, reason: string) => context.warn(key, `is not applied here: ${reason}`);
  if (switches?.max_errors_before_halt !== undefined)
    warn('kill_switches.max_errors_before_halt', 'errors of tools cannot be seen');
  if (switches?.halt_on_pii_in_action)
    warn('kill_switches.halt_on_pii_in_action', 'put pii-detector into the chain');
  if (Object.keys(tools?.roles ?? {}).length > 0 && tools?.trusted === undefined)
    context.warn(
      'tools.roles',
      'are held by teams of the same name; add trusted: true if something before LiteLLM sets x-agent-role and clients cannot, else trusted: false',
    );
  if (monitoring !== undefined) warn('monitoring', 'the metrics count what is refused');
}
