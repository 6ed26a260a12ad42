import { callIdOfKey, type Disposition, type Entry, namelessKey } from './contract.ts';
import { type Known, NEAR_MS, resolveEntry } from './one-record.ts';

/** What may be on record about the call of an entry: by its key, by another key, or by a reference, near to it in time. */
export type Wanted = {
  readonly callKey: string;
  readonly otherKey: string | null;
  readonly ref: string | null;
  readonly from: number;
  readonly to: number;
};

/** An event on record, with the key of its call. */
export type KnownEvent = Known & { readonly callKey: string };

/** An entry that is to be stored; without content if it only is to be remembered. */
export type Settled = { readonly entry: Entry; readonly absorbed: boolean };

export function wantedBy({ callKey, outcome, startedAt, endedAt, ref, words }: Entry): Wanted {
  const isByWords = ref === undefined && outcome === 'failure' && words !== undefined;
  return {
    callKey,
    otherKey: isByWords ? namelessKey(words) : null,
    ref: ref ?? null,
    from: startedAt - NEAR_MS,
    to: endedAt + NEAR_MS,
  };
}

/** All that can join an event with others: two replicas must not decide at once about events that have one of these. */
export function joinsOf({ callKey, otherKey, ref }: Wanted): string[] {
  return [callKey, otherKey, ref].filter((key) => key !== null);
}

/**
 * Decides about entries one after the other, so that each knows of what those before it add and take away: as if each were stored before the
 * next is looked at, and all of it is written at once afterwards.
 */
export class Settlement {
  /** Records on file that give way. */
  readonly removed = new Set<number>();
  /** By the ids that they have here, which are negative. */
  readonly #added = new Map<number, Settled>();
  readonly #byKey = new Map<string, KnownEvent[]>();

  /** What is to be stored, in order. */
  get added(): readonly Settled[] {
    return [...this.#added.values()];
  }

  /** @param onFile what is on file that the entry wants; @param now Unix milliseconds */
  settle(entry: Entry, onFile: readonly KnownEvent[], now: number): Disposition {
    const wanted = wantedBy(entry);
    const before = joinsOf(wanted).flatMap((key) => this.#byKey.get(key) ?? []);
    const known = [...onFile, ...new Set(before)].filter(
      (one) => this.#isThere(one) && concerns(one, wanted),
    );
    const { disposition, replaces } = resolveEntry(known, entry);
    for (const id of replaces) if (!this.#added.delete(id)) this.removed.add(id);
    if (disposition === 'new' || disposition === 'late') this.#add(entry, false, now);
    else if (disposition === 'blocked' && entry.outcome === 'success') this.#add(entry, true, now);
    return disposition;
  }

  #isThere({ id }: KnownEvent): boolean {
    return id < 0 ? this.#added.has(id) : !this.removed.has(id);
  }

  #add(entry: Entry, absorbed: boolean, now: number): void {
    const { callKey, outcome, eventKey, startedAt, endedAt, trace = null, ref = null } = entry;
    const { holdMs, backends, acceptedAt = now } = entry;
    const held = !absorbed && backends.length > 0 && holdMs > 0 && acceptedAt + holdMs > now;
    const id = -1 - this.#count++;
    const event = { id, outcome, eventKey, startedAt, endedAt, trace, ref, held, absorbed, callKey };
    this.#added.set(id, { entry, absorbed });
    for (const key of ref === null ? [callKey] : [callKey, ref]) {
      const others = this.#byKey.get(key);
      if (others === undefined) this.#byKey.set(key, [event]);
      else others.push(event);
    }
  }

  #count = 0;
}

function concerns(one: KnownEvent, { callKey, otherKey, ref, from, to }: Wanted): boolean {
  if (one.endedAt < from || one.startedAt > to) return false;
  if (one.callKey === callKey || one.callKey === otherKey) return true;
  // A blocked call without an id, for the failure that LiteLLM logs under one, and the other way round
  return (
    ref !== null && one.ref === ref && (callIdOfKey(callKey) === null || callIdOfKey(one.callKey) === null)
  );
}
