import { LRUCache } from 'lru-cache';
import { boundedBy } from '../../guardrail/memory.ts';
import type { PolicyRefusal } from '../policy.ts';
import {
  ACTION_HASH_CHARS,
  type ActionCounts,
  type ActionLimits,
  type ActionRates,
  type AgentSession,
  type CountedAction,
  countActions,
  DAY_MS,
  isHaltedAt,
  isRefused,
  MINUTE_MS,
  NEW_SESSION,
  type Scopes,
  type SpentAmount,
  type ToolAction,
} from './agent-counts.ts';

/** Sessions, callers and tool calls remembered, each; the least used go first. */
const MAX_KNOWN = 10_000;
const NO_RATES: ActionRates = new Map();

/**
 * Counts what agents do, for 24 hours after the last action, in memory of this process. An action that is refused is not
 * counted, and one that a stream repeats is counted once.
 */
export class AgentSessions {
  /** Unix milliseconds of the call that is judged. */
  #now = 0;
  /** By conversation. */
  readonly #sessions = this.#memory<AgentSession>(DAY_MS, () => 0);
  /** By {@link Scopes.rate}. */
  readonly #rates = this.#memory<ActionRates>(MINUTE_MS, charsOfRates);
  /** By virtual key. */
  readonly #spent = this.#memory<SpentAmount>(DAY_MS, () => 0);
  /** By {@link ToolAction.key}. */
  readonly #counted = this.#memory<CountedAction>(DAY_MS, () => ACTION_HASH_CHARS);

  /** Sessions that were halted here, which those who share them have not been told. */
  readonly untold = new Set<string>();

  /** True once {@link halt} was called for a session. */
  isHalted(session: string, now: number): boolean {
    this.#now = now;
    const known = this.#sessions.get(session);
    return known !== undefined && isHaltedAt(known, now);
  }

  /** Refuses a session all further actions for a day. @param haltedAt Unix milliseconds, by default now */
  halt(session: string, now: number, haltedAt = now): void {
    this.#now = now;
    this.#sessions.set(session, { ...(this.#sessions.get(session) ?? NEW_SESSION), haltedAt });
  }

  /** Counts the actions of one response if no limit forbids any of them. */
  count(
    actions: readonly ToolAction[],
    scopes: Scopes,
    limits: ActionLimits,
    now: number,
  ): PolicyRefusal | undefined {
    const counts = countActions(actions, this.known(actions, scopes, now), limits, now);
    if (isRefused(counts)) return counts;
    this.keep(actions, scopes, counts, now);
    return undefined;
  }

  /** All that is known before some actions. */
  known(actions: readonly ToolAction[], scopes: Scopes, now: number): ActionCounts {
    this.#now = now;
    return {
      session: this.#sessions.get(scopes.session) ?? NEW_SESSION,
      rates: this.#rates.get(scopes.rate) ?? NO_RATES,
      spent: this.#spent.get(scopes.caller),
      counted: actions.map(({ key }) => (key === undefined ? undefined : this.#counted.get(key))),
    };
  }

  /** Remembers all that is known after some actions. */
  keep(actions: readonly ToolAction[], scopes: Scopes, counts: ActionCounts, now: number): void {
    this.#now = now;
    const { session, rates, spent, counted } = counts;
    this.#sessions.set(scopes.session, session);
    if (rates.size > 0) this.#rates.set(scopes.rate, rates);
    if (spent !== undefined) this.#spent.set(scopes.caller, spent);
    for (const [index, { key }] of actions.entries())
      if (key !== undefined) this.#counted.set(key, counted[index]);
  }

  /** A memory of the values that were used last, on the clock of the calls. */
  #memory<Value extends object>(ttl: number, charsOf: (value: Value) => number): LRUCache<string, Value> {
    return new LRUCache({
      ...{ max: MAX_KNOWN, ttl, ttlResolution: 0, perf: { now: () => this.#now } },
      ...boundedBy('sessions of agents', charsOf),
    });
  }
}

/** A time takes as much as four characters. */
const TIME_CHARS = 4;

function charsOfRates(rates: ActionRates): number {
  let chars = 0;
  for (const [tool, times] of rates) chars += tool.length + TIME_CHARS * (times.length + 10);
  return chars;
}
