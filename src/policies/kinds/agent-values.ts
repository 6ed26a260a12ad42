import { listIn } from '../../state/list.ts';
import type { SharedKey, StateEntry } from '../../state/shared-state.ts';
import {
  type ActionCounts,
  type ActionLimits,
  type ActionRates,
  type AgentSession,
  type CountedAction,
  DAY_MS,
  MINUTE_MS,
  NEW_SESSION,
  type Scopes,
  type SpentAmount,
  type ToolAction,
} from './agent-counts.ts';

/** A stream shows its calls again for as long; after it they are new ones. A row is kept for each call. */
const CALL_MS = 60 * 60_000;
/** Actions that are remembered of one call; of a client that gives all its calls one id the oldest count again. */
const MAX_OF_CALL = 1000;

const NO_LIMIT = Number.POSITIVE_INFINITY;

const keyOf = (kind: string, name: string): SharedKey => `agent_sessions:${kind}\n${name}`;

export const sessionKey = (session: string): SharedKey => keyOf('session', session);

export type SharedScopes = Scopes & {
  /** The call, of which a stream shows the same actions again; undefined for one without an id. */
  readonly call: string | undefined;
};

type Values = ReadonlyMap<SharedKey, Buffer>;

/** The values that all replicas share about some actions: their keys, and their forms. */
export class AgentValues {
  readonly keys: readonly SharedKey[];
  readonly #actions: readonly ToolAction[];
  readonly #session: SharedKey;
  readonly #rates: SharedKey;
  readonly #spent: SharedKey;
  /** Of each action; undefined for one that nothing tells apart. */
  readonly #calls: readonly (SharedKey | undefined)[];
  readonly #counts: { readonly sessions: boolean; readonly rates: boolean; readonly amounts: boolean };

  /** @param halts true where sessions can be halted */
  constructor(actions: readonly ToolAction[], scopes: SharedScopes, limits: ActionLimits, halts: boolean) {
    this.#actions = actions;
    const counts = {
      sessions: limits.maxActions < NO_LIMIT,
      rates: actions.some(({ tool, origin }) => limits.perMinute(tool, origin) < NO_LIMIT),
      amounts: limits.maxDaily < NO_LIMIT && actions.some(({ amounts }) => amounts.some((one) => one > 0)),
    };
    this.#counts = counts;
    this.#session = sessionKey(scopes.session);
    this.#rates = keyOf('rate', scopes.rate);
    this.#spent = keyOf('spent', scopes.caller);
    this.#calls = actions.map(({ key }) =>
      key === undefined ? undefined : keyOf('call', scopes.call ?? key),
    );
    this.keys = [
      ...(counts.sessions || halts ? [this.#session] : []),
      ...(counts.rates ? [this.#rates] : []),
      ...(counts.amounts ? [this.#spent] : []),
      ...(this.isCounted ? this.#callKeys() : []),
    ];
  }

  /** False where no value would change by the actions. */
  get isCounted(): boolean {
    const { sessions, rates, amounts } = this.#counts;
    return sessions || rates || amounts;
  }

  read(values: Values): ActionCounts {
    const calls = new Map(this.#callKeys().map((key) => [key, readCall(values.get(key))]));
    return {
      session: readSession(values.get(this.#session)),
      rates: readRates(values.get(this.#rates)),
      spent: readSpent(values.get(this.#spent)),
      counted: this.#actions.map(({ key }, index) => {
        const call = this.#calls[index];
        return key === undefined || call === undefined ? undefined : calls.get(call)?.get(key);
      }),
    };
  }

  /** The values for all that is known after the actions. @param before those of before, for other actions of the same call */
  write({ session, rates, spent, counted }: ActionCounts, before: Values): readonly StateEntry[] {
    const counts = this.#counts;
    const entries: StateEntry[] = [];
    if (!this.isCounted) return entries;
    if (counts.sessions) entries.push(sessionEntry(this.#session, session));
    if (counts.rates && rates.size > 0)
      entries.push({ key: this.#rates, value: ratesValue(rates), ttlMs: MINUTE_MS });
    if (counts.amounts && spent !== undefined)
      entries.push({ key: this.#spent, value: json([spent.day, spent.sum]), ttlMs: DAY_MS });
    for (const call of this.#callKeys()) {
      const all = readCall(before.get(call));
      for (const [index, { key }] of this.#actions.entries()) {
        const one = counted[index];
        if (key === undefined || one === undefined || this.#calls[index] !== call) continue;
        all.delete(key);
        all.set(key, one);
      }
      entries.push({ key: call, value: callValue(all), ttlMs: CALL_MS });
    }
    return entries;
  }

  #callKeys(): readonly SharedKey[] {
    return [...new Set(this.#calls.filter((key) => key !== undefined))];
  }
}

/** A session that is refused all further actions. @param now Unix milliseconds */
export function haltedEntry(session: string, before: Values, now: number): StateEntry {
  const key = sessionKey(session);
  return sessionEntry(key, { ...readSession(before.get(key)), haltedAt: now });
}

const sessionEntry = (key: SharedKey, { actions, haltedAt }: AgentSession): StateEntry => ({
  ...{ key, value: json([actions, haltedAt ?? null]), ttlMs: DAY_MS },
});

export function readSession(value: Buffer | undefined): AgentSession {
  const [actions, haltedAt] = listIn(value);
  if (typeof actions !== 'number') return NEW_SESSION;
  return { actions, haltedAt: typeof haltedAt === 'number' ? haltedAt : undefined };
}

function readSpent(value: Buffer | undefined): SpentAmount | undefined {
  const [day, sum] = listIn(value);
  return typeof day === 'number' && typeof sum === 'number' ? { day, sum } : undefined;
}

/** Of each tool its name, the first time, and how long after it the others follow each other: a busy one has a thousand. */
function ratesValue(rates: ActionRates): Buffer {
  return json(
    [...rates].map(([tool, times]) => [
      tool,
      ...times.map((time, i) => time - (i === 0 ? 0 : times[i - 1]!)),
    ]),
  );
}

function readRates(value: Buffer | undefined): ActionRates {
  const rates = new Map<string, readonly number[]>();
  for (const one of listIn(value)) {
    const [tool, ...steps] = Array.isArray(one) ? one : [];
    if (typeof tool !== 'string') continue;
    let at = 0;
    const times = steps.map((step) => {
      at += Number(step);
      return at;
    });
    rates.set(tool, times);
  }
  return rates;
}

function callValue(actions: ReadonlyMap<string, CountedAction>): Buffer {
  return json(
    [...actions]
      .slice(-MAX_OF_CALL)
      .map(([key, { sum, length, hash, checks, isDefined, isBeside }]) => [
        ...[key, sum, length, hash, checks, isDefined, isBeside],
      ]),
  );
}

function readCall(value: Buffer | undefined): Map<string, CountedAction> {
  const actions = new Map<string, CountedAction>();
  for (const one of listIn(value)) {
    const [key, sum, length, hash, checks, isDefined, isBeside] = Array.isArray(one) ? one : [];
    if (typeof key !== 'string' || typeof hash !== 'string') continue;
    actions.set(key, {
      ...{ sum: Number(sum), length: Number(length), hash, checks: Number(checks) },
      ...{ isDefined: isDefined === true, isBeside: isBeside === true },
    });
  }
  return actions;
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
