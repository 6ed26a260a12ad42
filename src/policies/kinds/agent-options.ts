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
  /** Globs; all tools by default. */
  tools: names,
  /** Refuses `..` as a step of a path in any argument, however it is encoded. */
  path_traversal: v.optional(v.boolean(), false),
  /** Regular expressions that no text, number or name in the arguments may match, as it stands or with its encodings undone. */
  deny_patterns: names,
  /** Directories outside of which no path may lie; `.` for relative paths. */
  allowed_paths: names,
});

/** Options of `agent-firewall`, in Keeptrusts' simple and expanded form. */
export const agentOptions = v.strictObject({
  /** Globs over the tools that may be called; all that are not blocked by default. */
  allowed_tools: names,
  blocked_tools: names,
  /** Another name for `blocked_tools`. */
  denied_tools: names,
  /** Further limits by role. Callers without a role may call no tool. */
  tools: v.optional(
    v.strictObject({
      roles: v.optional(
        v.record(v.pipe(v.string(), v.nonEmpty()), v.strictObject({ allowed: names, denied: names })),
        {},
      ),
      /** The operator's word that no client can choose its header `x-agent-role`. */
      trusted: v.pipe(v.optional(v.boolean()), v.metadata({ default: false })),
    }),
  ),
  /** Tool calls in one conversation. */
  max_actions_per_session: v.optional(count),
  /** Tool calls per minute by tool, `default` for each that is not named; at most 1000. */
  rate_limits: v.optional(v.record(v.string(), perMinute)),
  /** The same as `rate_limits.default`. */
  rate_limit: v.optional(perMinute),
  transaction_limits: v.optional(
    v.strictObject({ max_single_transaction: money, max_daily_total: money, require_approval_above: money }),
  ),
  /** The same as `transaction_limits.max_single_transaction`. */
  transaction_limit: money,
  kill_switches: v.optional(
    v.strictObject({
      max_errors_before_halt: v.optional(v.number()),
      halt_on_pii_in_action: v.optional(v.boolean()),
      /** Looks for path traversal in every tool's arguments; after any refused argument a session is refused all actions. */
      halt_on_suspicious_pattern: v.optional(v.boolean(), false),
    }),
  ),
  monitoring: v.optional(v.unknown()),
  argument_rules: v.optional(v.array(ArgumentRule), []),
  /** The fate of actions that are to be counted while what replicas share cannot be reached. */
  unreachable_fallback: v.optional(v.picklist(['fail_open', 'fail_closed']), 'fail_open'),
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
