import { type SharedState, StateError } from '../../state/shared-state.ts';
import type { PolicyRefusal } from '../policy.ts';
import {
  type ActionCounts,
  type ActionLimits,
  type ActionRates,
  countActions,
  DAY_MS,
  HALTED,
  isHaltedAt,
  isRefused,
  isRepeated,
  MINUTE_MS,
  type SpentAmount,
  type ToolAction,
} from './agent-counts.ts';
import type { AgentSessions } from './agent-sessions.ts';
import { AgentValues, haltedEntry, readSession, type SharedScopes, sessionKey } from './agent-values.ts';

/** Refuses what cannot be counted, where the policy fails closed. */
const UNREACHABLE: PolicyRefusal = { rule: 'state-unreachable', reasonCode: 'state_unavailable' };

/** Halted sessions that others are still to be told; of more the oldest are known here alone. */
const MAX_UNTOLD = 10_000;
/** Those that are told at once. */
const MAX_TOLD = 50;

/**
 * Counts what agents do for all replicas together, by the clock of their store: each change of the counts is one change of the store, so a
 * limit admits as many as it says, wherever the calls come. What is known there is kept here too, where limits go on with it
 * while the store cannot be reached.
 */
export class SharedAgentSessions {
  readonly #state: SharedState;
  readonly #own: AgentSessions;
  readonly #failsClosed: boolean;
  #isTelling = false;

  /**
   * @param own those of this process, which learn all that is read and written
   * @param failsClosed true if what cannot be counted is refused; else the own counts limit it
   */
  constructor(state: SharedState, own: AgentSessions, failsClosed: boolean) {
    this.#state = state;
    this.#own = own;
    this.#failsClosed = failsClosed;
  }

  /**
   * Counts the actions of one response if no limit forbids any of them: at once where no value that others change is about them.
   *
   * @param halts true where sessions can be halted
   * @param now Unix milliseconds here
   */
  count(
    actions: readonly ToolAction[],
    scopes: SharedScopes,
    limits: ActionLimits,
    { halts, now }: { readonly halts: boolean; readonly now: number },
  ): PolicyRefusal | undefined | Promise<PolicyRefusal | undefined> {
    const own = this.#own.known(actions, scopes, now);
    const isRepetition = !halts && actions.every((action, index) => isRepeated(action, own.counted[index]));
    const values = new AgentValues(actions, scopes, limits, halts);
    const countHere = () => this.#own.count(actions, scopes, limits, now);
    if (isRepetition || values.keys.length === 0) return countHere();
    return this.#countAll({ actions, scopes, limits, now, own, values }).catch(this.#without(countHere));
  }

  /** Refuses a session that any replica has halted. */
  async halted(session: string, now: number): Promise<PolicyRefusal | undefined> {
    const key = sessionKey(session);
    try {
      const { haltedAt } = readSession((await this.#state.read([key])).get(key));
      this.#tellInTime();
      // By the clock of the store, where it expires with its day
      if (haltedAt === undefined) return undefined;
      this.#own.halt(session, now, haltedAt);
      return HALTED;
    } catch (error) {
      return this.#without(() => undefined)(error);
    }
  }

  /**
   * Has all replicas refuse a session further actions, as this one does. Where the store cannot be reached they are told once it
   * is, with the next call that counts or is refused here.
   *
   * @returns the refusal that halted it
   */
  async halt(session: string, refusal: PolicyRefusal): Promise<PolicyRefusal> {
    const { untold } = this.#own;
    untold.add(session);
    const [oldest] = untold;
    if (untold.size > MAX_UNTOLD && oldest !== undefined) untold.delete(oldest);
    await this.#tell(session);
    return refusal;
  }

  /** Refuses a session that is halted here. */
  stillHalted(session: string): PolicyRefusal | Promise<PolicyRefusal> {
    return this.#own.untold.has(session) ? this.halt(session, HALTED) : HALTED;
  }

  async #tell(session: string): Promise<void> {
    const { untold } = this.#own;
    try {
      await this.#state.update([sessionKey(session)], (before, at) => ({
        writes: [haltedEntry(session, before, at)],
        result: undefined,
      }));
      untold.delete(session);
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      // Nobody with another key would read it
      if (error.reason === 'unreadable') untold.delete(session);
    }
  }

  /** Tells what is untold, now that the store can be reached; nobody waits for it. */
  #tellInTime(): void {
    const { untold } = this.#own;
    if (untold.size === 0 || this.#isTelling) return;
    this.#isTelling = true;
    const told = [...untold].slice(0, MAX_TOLD).map((session) => this.#tell(session));
    const isDone = () => {
      this.#isTelling = false;
    };
    Promise.all(told).then(isDone, isDone);
  }

  async #countAll({
    actions,
    scopes,
    limits,
    now,
    own,
    values,
  }: Counting): Promise<PolicyRefusal | undefined> {
    const counted = await this.#state.update(values.keys, (before, at) => {
      const known = withMost(values.read(before), own, at);
      const { session } = known;
      const after = isHaltedAt(session, at) ? HALTED : countActions(actions, known, limits, at);
      return { writes: isRefused(after) ? [] : values.write(after, before), result: { after, session, at } };
    });
    this.#tellInTime();
    const { after, session, at } = counted;
    if (!isRefused(after)) {
      // Another call can have come back before this one
      const known = withMost(after, this.#own.known(actions, scopes, now), at);
      this.#own.keep(actions, scopes, { ...known, counted: after.counted }, now);
      return undefined;
    }
    if (session.haltedAt !== undefined) this.#own.halt(scopes.session, now, session.haltedAt);
    return after;
  }

  /** The refusal where the store cannot be reached. */
  #without(here: () => PolicyRefusal | undefined): (error: unknown) => PolicyRefusal | undefined {
    return (error) => {
      if (!(error instanceof StateError)) throw error;
      return this.#failsClosed ? UNREACHABLE : here();
    };
  }
}

/** Some actions that are counted, and what is known of them here. */
type Counting = {
  readonly actions: readonly ToolAction[];
  readonly scopes: SharedScopes;
  readonly limits: ActionLimits;
  readonly now: number;
  readonly own: ActionCounts;
  readonly values: AgentValues;
};

/**
 * The stricter of what two know. This replica knows more than the store of what it admitted while that could not be reached, and where
 * the store has lost values.
 *
 * @param at Unix milliseconds of the store
 */
function withMost(shared: ActionCounts, own: ActionCounts, at: number): ActionCounts {
  const day = Math.floor(at / DAY_MS);
  const sumOf = (spent: SpentAmount | undefined) => (spent?.day === day ? spent.sum : 0);
  const sum = Math.max(sumOf(shared.spent), sumOf(own.spent));
  return {
    session: {
      actions: Math.max(shared.session.actions, own.session.actions),
      haltedAt: own.session.haltedAt ?? shared.session.haltedAt,
    },
    rates: withMostOf(recent(shared.rates, at), recent(own.rates, at)),
    spent: sum > 0 ? { day, sum } : undefined,
    counted: shared.counted.map((one, index) => one ?? own.counted[index]),
  };
}

/** The times of the last minute. */
function recent(rates: ActionRates, at: number): ActionRates {
  const recents = new Map<string, readonly number[]>();
  for (const [tool, times] of rates) {
    const some = times.filter((time) => at - time < MINUTE_MS);
    if (some.length > 0) recents.set(tool, some);
  }
  return recents;
}

function withMostOf(shared: ActionRates, own: ActionRates): ActionRates {
  const rates = new Map(shared);
  for (const [tool, times] of own) if (times.length > (rates.get(tool)?.length ?? 0)) rates.set(tool, times);
  return rates;
}
