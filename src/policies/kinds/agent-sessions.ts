import { hash } from 'node:crypto';
import { parseInner } from '../../guardrail/json.ts';
import type { Refusal } from '../policy.ts';

/** Sessions, callers and tool calls of which each this many are remembered; the oldest leave. */
const MAX_KNOWN = 10_000;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const MAX_TOOLS = 256;

/** What limits an agent; undefined for no limit. */
export type ActionLimits = {
  readonly maxActions: number | undefined;
  /** Actions in any minute with a tool. */
  perMinute(tool: string): number | undefined;
  /** Largest amount of one action, largest sum of a UTC day, and what is too much without an approval. */
  readonly maxAmount: number | undefined;
  readonly maxDaily: number | undefined;
  readonly approvalAbove: number | undefined;
};

/** A tool call that is about to be an action. */
export type Action = {
  /** The same whenever a stream repeats the call; undefined if nothing tells it apart. */
  readonly key: string | undefined;
  readonly tool: string;
  /** Other arguments make another action, unless they complete those that a stream had shown in part. */
  readonly arguments: string;
  readonly amounts: readonly number[];
};

/** Under which names the actions of a call are counted. */
export type Scopes = {
  /** A conversation, for the number of its actions. */
  readonly session: string;
  /** A conversation that the client named, else the caller, for the rate. */
  readonly rate: string;
  /** The virtual key, for the amounts of a day. */
  readonly caller: string;
};

type Session = { actions: number; isHalted: boolean };
type Spent = { day: number; sum: number };
/** An action that was counted: its amount, and of its arguments the length and a hash. */
type Counted = { readonly sum: number; readonly length: number; readonly hash: string };

/**
 * What agents did: counts only, for 24 hours after the last action, in memory of this process. An action that is refused
 * is not counted, and one that a stream repeats is counted once.
 */
export class AgentSessions {
  readonly #sessions = new Recent<Session>();
  /** Times of the last minute's actions by tool. */
  readonly #rates = new Recent<Map<string, number[]>>();
  readonly #spent = new Recent<Spent>();
  readonly #counted = new Recent<Counted>();

  isHalted(session: string, now: number): boolean {
    return this.#sessions.get(session, now)?.isHalted ?? false;
  }

  /** No more actions in this session. */
  halt(session: string, now: number): void {
    const actions = this.#sessions.get(session, now)?.actions ?? 0;
    this.#sessions.set(session, { actions, isHalted: true }, now);
  }

  /** Counts the actions of one answer if no limit forbids any of them. */
  count(actions: readonly Action[], scopes: Scopes, limits: ActionLimits, now: number): Refusal | undefined {
    const before = actions.map((action) => this.#countedOf(action, now));
    const fresh = actions.filter((_, index) => before[index] === undefined);

    const session = this.#sessions.get(scopes.session, now) ?? { actions: 0, isHalted: false };
    if (limits.maxActions !== undefined && session.actions + fresh.length > limits.maxActions)
      return { rule: 'max-actions-per-session', reasonCode: 'session_limit' };

    const rates = this.#rates.get(scopes.rate, now) ?? new Map<string, number[]>();
    const counted = new Map<string, number[]>();
    for (const { tool } of fresh) {
      const limit = limits.perMinute(tool);
      if (limit === undefined) continue;
      const times = counted.get(tool) ?? (rates.get(tool) ?? []).filter((time) => now - time < MINUTE_MS);
      if (times.length >= limit) return { rule: 'rate-limit', reasonCode: 'rate_limit' };
      times.push(now);
      counted.set(tool, times);
    }

    const largest = actions.reduce((max, { amounts }) => amounts.reduce((a, b) => Math.max(a, b), max), 0);
    if (limits.maxAmount !== undefined && largest > limits.maxAmount)
      return { rule: 'max-single-transaction', reasonCode: 'transaction_limit' };
    if (limits.approvalAbove !== undefined && largest > limits.approvalAbove)
      return { rule: 'require-approval-above', reasonCode: 'approval_required' };
    const day = Math.floor(now / DAY_MS);
    const spent = this.#spent.get(scopes.caller, now);
    const sums = actions.map(({ amounts }, index) =>
      Math.max(
        amounts.reduce((sum, amount) => sum + amount, 0),
        before[index] ?? 0,
      ),
    );
    const sum = sums.reduce(
      (total, each, index) => total + each - (before[index] ?? 0),
      spent?.day === day ? spent.sum : 0,
    );
    if (limits.maxDaily !== undefined && sum > limits.maxDaily)
      return { rule: 'max-daily-total', reasonCode: 'transaction_limit' };

    this.#sessions.set(scopes.session, { ...session, actions: session.actions + fresh.length }, now);
    for (const [tool, times] of counted) {
      rates.delete(tool);
      rates.set(tool, times);
    }
    for (const tool of rates.keys()) {
      if (rates.size <= MAX_TOOLS) break;
      rates.delete(tool);
    }
    if (counted.size > 0) this.#rates.set(scopes.rate, rates, now);
    if (sum > 0) this.#spent.set(scopes.caller, { day, sum }, now);
    actions.forEach(({ key, arguments: { length }, arguments: args }, index) => {
      if (key !== undefined)
        this.#counted.set(key, { sum: sums[index] ?? 0, length, hash: hash('sha256', args) }, now);
    });
    return undefined;
  }

  /** The amount of an action if it was counted before. */
  #countedOf({ key, arguments: args }: Action, now: number): number | undefined {
    const counted = key === undefined ? undefined : this.#counted.get(key, now);
    if (counted === undefined || counted.length > args.length) return undefined;
    const before = args.slice(0, counted.length);
    if (hash('sha256', before) !== counted.hash) return undefined;
    return before.length === args.length || parseInner(before) === undefined ? counted.sum : undefined;
  }
}

/** The values that were set last, for a day each. */
class Recent<Value> {
  readonly #values = new Map<string, { readonly value: Value; readonly until: number }>();

  get(key: string, now: number): Value | undefined {
    const known = this.#values.get(key);
    return known !== undefined && known.until > now ? known.value : undefined;
  }

  set(key: string, value: Value, now: number): void {
    this.#values.delete(key);
    this.#values.set(key, { value, until: now + DAY_MS });
    for (const [oldest, { until }] of this.#values) {
      if (this.#values.size <= MAX_KNOWN && until > now) break;
      this.#values.delete(oldest);
    }
  }
}
