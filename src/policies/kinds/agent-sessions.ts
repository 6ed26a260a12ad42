import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { parseInner } from '../../guardrail/json.ts';
import { boundedBy } from '../../guardrail/memory.ts';
import type { PolicyRefusal } from '../policy.ts';
import type { ToolOrigin } from './tool-names.ts';

/** Sessions, callers and tool calls remembered, each; the least used go first. */
const MAX_KNOWN = 10_000;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
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

type Session = { readonly actions: number; readonly isHalted: boolean };
type Spent = { readonly day: number; readonly sum: number };
/** An action that was counted: its amount, of its arguments the length and a hash, and the checks that showed it. */
type Counted = {
  readonly sum: number;
  readonly length: number;
  readonly hash: string;
  readonly checks: number;
  readonly isDefined: boolean;
  /** True once it was shown beside the running call. */
  readonly isBeside: boolean;
};
/** Times of the last minute's actions by tool. */
type Rates = ReadonlyMap<string, readonly number[]>;

const NEW_SESSION: Session = { actions: 0, isHalted: false };

/**
 * Counts what agents do, for 24 hours after the last action, in memory of this process. An action that is refused is not
 * counted, and one that a stream repeats is counted once.
 */
export class AgentSessions {
  /** Unix milliseconds of the call that is judged. */
  #now = 0;
  /** By conversation. */
  readonly #sessions = this.#memory<Session>(DAY_MS, () => 0);
  /** By {@link Scopes.rate}. */
  readonly #rates = this.#memory<Rates>(MINUTE_MS, charsOfRates);
  /** By virtual key. */
  readonly #spent = this.#memory<Spent>(DAY_MS, () => 0);
  /** By {@link ToolAction.key}. */
  readonly #counted = this.#memory<Counted>(DAY_MS, () => HASH_CHARS);

  /** True once {@link halt} was called for a session. */
  isHalted(session: string, now: number): boolean {
    this.#now = now;
    return this.#sessions.get(session)?.isHalted ?? false;
  }

  /** Refuses a session all further actions. */
  halt(session: string, now: number): void {
    this.#now = now;
    this.#sessions.set(session, { ...(this.#sessions.get(session) ?? NEW_SESSION), isHalted: true });
  }

  /** Counts the actions of one response if no limit forbids any of them. */
  count(
    actions: readonly ToolAction[],
    scopes: Scopes,
    limits: ActionLimits,
    now: number,
  ): PolicyRefusal | undefined {
    this.#now = now;
    const known = actions.map((action) => this.#countedBefore(action));
    const before = known.map((counted) => counted?.sum);
    const fresh = actions.filter((_, index) => before[index] === undefined);

    const session = this.#sessions.get(scopes.session) ?? NEW_SESSION;
    if (session.actions + fresh.length > limits.maxActions)
      return { rule: 'max-actions-per-session', reasonCode: 'session_limit' };

    const rates = this.#ratesWith(fresh, scopes.rate, limits);
    if (rates === undefined) return { rule: 'rate-limit', reasonCode: 'rate_limit' };

    const largest = actions.reduce((max, { amounts }) => amounts.reduce((a, b) => Math.max(a, b), max), 0);
    if (largest > limits.maxAmount)
      return { rule: 'max-single-transaction', reasonCode: 'transaction_limit' };
    if (largest > limits.approvalAbove)
      return { rule: 'require-approval-above', reasonCode: 'approval_required' };
    const sums = actions.map(({ amounts }, index) => Math.max(total(amounts), before[index] ?? 0));
    const day = Math.floor(now / DAY_MS);
    const spent = this.#spent.get(scopes.caller);
    const added = sums.map((sum, index) => sum - (before[index] ?? 0));
    const sum = total(added) + (spent?.day === day ? spent.sum : 0);
    if (sum > limits.maxDaily) return { rule: 'max-daily-total', reasonCode: 'transaction_limit' };

    this.#sessions.set(scopes.session, { ...session, actions: session.actions + fresh.length });
    if (rates.size > 0) this.#rates.set(scopes.rate, rates);
    if (sum > 0) this.#spent.set(scopes.caller, { day, sum });
    for (const [index, { key, arguments: args, isDefined }] of actions.entries()) {
      if (key === undefined) continue;
      const counted = known[index];
      this.#counted.set(key, {
        ...{ sum: sums[index] ?? 0, length: args.length, hash: hash('sha256', args) },
        checks: (counted?.checks ?? 0) + 1,
        isDefined: counted?.isDefined ?? isDefined,
        isBeside: counted !== undefined && (counted.isBeside || (counted.isDefined && !isDefined)),
      });
    }
    return undefined;
  }

  /** The rates with some more actions; undefined if a limit forbids one of them. */
  #ratesWith(actions: readonly ToolAction[], scope: string, limits: ActionLimits): Rates | undefined {
    const rates = new Map(this.#rates.get(scope));
    for (const { tool, origin } of actions) {
      const limit = limits.perMinute(tool, origin);
      if (limit === Number.POSITIVE_INFINITY) continue;
      const times = (rates.get(tool) ?? []).filter((time) => this.#now - time < MINUTE_MS);
      if (times.length >= limit) return undefined;
      rates.delete(tool);
      rates.set(tool, [...times, this.#now]);
    }
    return new Map([...rates].slice(-MAX_TOOLS));
  }

  /** The count of an action, if this check shows it once more. */
  #countedBefore(action: ToolAction): Counted | undefined {
    const { key, arguments: args } = action;
    const counted = key === undefined ? undefined : this.#counted.get(key);
    if (counted === undefined || counted.length > args.length || !isShownAgain(action, counted))
      return undefined;
    const before = args.slice(0, counted.length);
    if (hash('sha256', before) !== counted.hash) return undefined;
    return before.length === args.length || parseInner(before) === undefined ? counted : undefined;
  }

  /** A memory of the values that were used last, on the clock of the calls. */
  #memory<Value extends object>(ttl: number, charsOf: (value: Value) => number): LRUCache<string, Value> {
    return new LRUCache({
      ...{ max: MAX_KNOWN, ttl, ttlResolution: 0, perf: { now: () => this.#now } },
      ...boundedBy('sessions of agents', charsOf),
    });
  }
}

/** Of SHA-256 in hexadecimal. */
const HASH_CHARS = 64;
/** A time takes as much as four characters. */
const TIME_CHARS = 4;

function charsOfRates(rates: Rates): number {
  let chars = 0;
  for (const [tool, times] of rates) chars += tool.length + TIME_CHARS * (times.length + 10);
  return chars;
}

/**
 * True if one call is shown as often as this. A stream repeats its calls in each round. Of a call of an MCP tool there are the scan of
 * the definition and the call, which look alike without arguments, and the call beside the running tool: any more is another
 * call under ids that the client has chosen again.
 */
function isShownAgain({ origin, isDefined, arguments: args }: ToolAction, counted: Counted): boolean {
  if (origin === 'model') return true;
  if (counted.isDefined && !isDefined) return !counted.isBeside;
  return counted.length === 0 && (args !== '' || counted.checks < 2);
}

const total = (amounts: readonly number[]) => amounts.reduce((sum, amount) => sum + amount, 0);
