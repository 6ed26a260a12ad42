import { hash } from 'node:crypto';
import { parseInner } from '../../guardrail/json.ts';
import type { PolicyRefusal } from '../policy.ts';
import type { ToolOrigin } from './tool-names.ts';

export const DAY_MS = 86_400_000;
export const MINUTE_MS = 60_000;
/** Tools of one session or caller whose rates are counted. */
const MAX_TOOLS = 256;

/** Limits of an agent's actions; Infinity for no limit. */
export type ActionLimits = {
  readonly maxActions: number;
  /** Actions in any minute with a tool. */
  perMinute(tool: string, origin: ToolOrigin): number;
  /** Largest amount of one action, largest sum of a UTC day, and the amount that needs an approval. */
  readonly maxAmount: number;
  readonly maxDaily: number;
  readonly approvalAbove: number;
};

/** A tool call that is about to be made. */
export type ToolAction = {
  /** The same whenever a stream repeats the call; undefined if nothing tells it apart. */
  readonly key: string | undefined;
  readonly tool: string;
  readonly origin: ToolOrigin;
  /** False for an MCP tool that is shown without its definition, as beside a running call. */
  readonly isDefined: boolean;
  /** Other arguments make another action, unless they complete those that a stream had shown in part. */
  readonly arguments: string;
  readonly amounts: readonly number[];
};

/** Names under which the actions of a call are counted. */
export type Scopes = {
  /** A conversation, for the number of its actions. */
  readonly session: string;
  /** A conversation that the client named, else the caller, for the rate. */
  readonly rate: string;
  /** The virtual key, for the amounts of a day. */
  readonly caller: string;
};

/** Halted at Unix milliseconds, for a day. */
export type AgentSession = { readonly actions: number; readonly haltedAt: number | undefined };
/** The sum of a UTC day. */
export type SpentAmount = { readonly day: number; readonly sum: number };
/** An action that was counted: its amount, of its arguments the length and a hash, and the checks that showed it. */
export type CountedAction = {
  readonly sum: number;
  readonly length: number;
  readonly hash: string;
  readonly checks: number;
  readonly isDefined: boolean;
  /** True once it was shown beside the running call. */
  readonly isBeside: boolean;
};
/** Times of the last minute's actions by tool. */
export type ActionRates = ReadonlyMap<string, readonly number[]>;

/** All that is known before some actions. */
export type ActionCounts = {
  readonly session: AgentSession;
  readonly rates: ActionRates;
  readonly spent: SpentAmount | undefined;
  /** Of each action, in order, the one that was counted under its key. */
  readonly counted: readonly (CountedAction | undefined)[];
};

export const NEW_SESSION: AgentSession = { actions: 0, haltedAt: undefined };
export const isHaltedAt = ({ haltedAt }: AgentSession, now: number): boolean =>
  haltedAt !== undefined && now - haltedAt < DAY_MS;

export const HALTED: PolicyRefusal = { rule: 'session-halted', reasonCode: 'session_limit' };

/** Tells why actions are refused from what is known after them. */
export const isRefused = (counted: ActionCounts | PolicyRefusal): counted is PolicyRefusal =>
  'reasonCode' in counted;

/**
 * Counts the actions of one response if no limit forbids any of them. One that is shown again is not counted again.
 *
 * @param now Unix milliseconds
 * @returns all that is known after them, or why they are refused
 */
export function countActions(
  actions: readonly ToolAction[],
  before: ActionCounts,
  limits: ActionLimits,
  now: number,
): ActionCounts | PolicyRefusal {
  const known = actions.map((action, index) => shownBefore(action, before.counted[index]));
  const fresh = actions.filter((_, index) => known[index] === undefined);

  const { session } = before;
  if (session.actions + fresh.length > limits.maxActions)
    return { rule: 'max-actions-per-session', reasonCode: 'session_limit' };

  const rates = ratesWith(fresh, before.rates, limits, now);
  if (rates === undefined) return { rule: 'rate-limit', reasonCode: 'rate_limit' };

  const largest = actions.reduce((max, { amounts }) => amounts.reduce((a, b) => Math.max(a, b), max), 0);
  if (largest > limits.maxAmount) return { rule: 'max-single-transaction', reasonCode: 'transaction_limit' };
  if (largest > limits.approvalAbove)
    return { rule: 'require-approval-above', reasonCode: 'approval_required' };
  const sums = actions.map(({ amounts }, index) => Math.max(total(amounts), known[index]?.sum ?? 0));
  const day = Math.floor(now / DAY_MS);
  const added = sums.map((sum, index) => sum - (known[index]?.sum ?? 0));
  const sum = total(added) + (before.spent?.day === day ? before.spent.sum : 0);
  if (sum > limits.maxDaily) return { rule: 'max-daily-total', reasonCode: 'transaction_limit' };

  return {
    session: { ...session, actions: session.actions + fresh.length },
    rates,
    spent: sum > 0 ? { day, sum } : undefined,
    counted: actions.map(({ arguments: args, isDefined }, index) => {
      const counted = known[index];
      return {
        ...{ sum: sums[index] ?? 0, length: args.length, hash: hashOf(args) },
        checks: (counted?.checks ?? 0) + 1,
        isDefined: counted?.isDefined ?? isDefined,
        isBeside: counted !== undefined && (counted.isBeside || (counted.isDefined && !isDefined)),
      };
    }),
  };
}

/** True for an action that was counted just so. */
export const isRepeated = (action: ToolAction, counted: CountedAction | undefined): boolean =>
  action.origin === 'model' &&
  counted?.length === action.arguments.length &&
  shownBefore(action, counted) !== undefined;

/** The rates with some more actions; undefined if a limit forbids one of them. */
function ratesWith(
  actions: readonly ToolAction[],
  before: ActionRates,
  limits: ActionLimits,
  now: number,
): ActionRates | undefined {
  const rates = new Map(before);
  for (const { tool, origin } of actions) {
    const limit = limits.perMinute(tool, origin);
    if (limit === Number.POSITIVE_INFINITY) continue;
    const times = (rates.get(tool) ?? []).filter((time) => now - time < MINUTE_MS);
    if (times.length >= limit) return undefined;
    rates.delete(tool);
    rates.set(tool, [...times, now]);
  }
  return rates.size > MAX_TOOLS ? new Map([...rates].slice(-MAX_TOOLS)) : rates;
}

/** What was counted of an action before, if this check shows it once more. */
function shownBefore(action: ToolAction, counted: CountedAction | undefined): CountedAction | undefined {
  const { arguments: args } = action;
  if (counted === undefined || counted.length > args.length || !isShownAgain(action, counted))
    return undefined;
  const before = args.slice(0, counted.length);
  if (hashOf(before) !== counted.hash) return undefined;
  return before.length === args.length || parseInner(before) === undefined ? counted : undefined;
}

/**
 * True if one call is shown as often as this. A stream repeats its calls in each round. Of a call of an MCP tool there are the scan of
 * the definition and the call, which look alike without arguments, and the call beside the running tool: any more is another
 * call under ids that the client has chosen again.
 */
function isShownAgain({ origin, isDefined, arguments: args }: ToolAction, counted: CountedAction): boolean {
  if (origin === 'model') return true;
  if (counted.isDefined && !isDefined) return !counted.isBeside;
  return counted.length === 0 && (args !== '' || counted.checks < 2);
}

const total = (amounts: readonly number[]) => amounts.reduce((sum, amount) => sum + amount, 0);

/** Of SHA-256: as many as nobody finds another text for. */
export const ACTION_HASH_CHARS = 22;

const hashOf = (text: string) => hash('sha256', text, 'base64url').slice(0, ACTION_HASH_CHARS);
