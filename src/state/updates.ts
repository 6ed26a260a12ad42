import { type SharedKey, type StateChange, type StateEntry, StateError } from './shared-state.ts';
import type { StateStore, StoredEntry } from './state-store.ts';

/** A change of values that others change too. */
export type Update<T> = {
  /** By name. */
  readonly keys: ReadonlyMap<string, SharedKey>;
  readonly change: (before: ReadonlyMap<SharedKey, Buffer>, now: number) => StateChange<T>;
  /** Throws where the value cannot be read. */
  readonly open: (key: SharedKey, name: string, value: Uint8Array) => Buffer;
  readonly seal: (writes: readonly StateEntry[]) => readonly StoredEntry[];
};

type Waiting = {
  readonly update: Update<unknown>;
  readonly since: number;
  readonly resolve: (outcome: Outcome<unknown>) => void;
  readonly reject: (error: unknown) => void;
};

/** The result of a change, or what it threw. */
type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** Most that are made at once: others wait for all of them. */
const MOST = 64;
/** A store that says so often that others were faster is out of order. */
const MAX_TRIES = 100;

/**
 * Changes values so that none of two changes is lost: they are read and written while nobody else may, or if they still are what
 * they were. Those that come while
 * others run are made together after them, one upon the other, as most of them are about values that many calls change.
 */
export class Updates {
  readonly #store: StateStore;
  readonly #waitMs: number;
  #waiting: Waiting[] = [];
  #isRunning = false;

  /** @param waitMs milliseconds after which nobody waits for a change any more: it is not made then */
  constructor(store: StateStore, waitMs: number) {
    this.#store = store;
    this.#waitMs = waitMs;
  }

  /** Rejects where the store fails. */
  add<T>(update: Update<T>): Promise<Outcome<T>> {
    return new Promise<Outcome<T>>((resolve, reject) => {
      this.#waiting.push({
        update,
        since: performance.now(),
        resolve: resolve as Waiting['resolve'],
        reject,
      });
      this.#next();
    });
  }

  #next(): void {
    if (this.#isRunning) return;
    const late = performance.now() - this.#waitMs;
    while (this.#waiting[0] !== undefined && this.#waiting[0].since < late)
      this.#waiting.shift()?.reject(new StateError('timeout'));
    if (this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, MOST);
    this.#isRunning = true;
    this.#make(batch)
      .catch((error: unknown) => {
        // Those that wait would fare no better
        for (const { reject } of [...batch, ...this.#waiting.splice(0)]) reject(error);
      })
      .finally(() => {
        this.#isRunning = false;
        this.#next();
      });
  }

  async #make(batch: readonly Waiting[]): Promise<void> {
    const names = [...new Set(batch.flatMap(({ update }) => [...update.keys.keys()]))];
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { now, values: found, hold } = await this.#store.hold(names);
      const whole = new Map(found.filter(({ part }) => part === '').map((value) => [value.name, value]));
      const values = new Map<SharedKey, Buffer>();
      const writes = new Map<SharedKey, StateEntry>();
      const outcomes = batch.map((waiting) => applied(waiting.update, now, whole, values, writes));
      const read = names.map((name) => ({ name, version: whole.get(name)?.version ?? 0 }));
      const sealed = batch[0]?.update.seal([...writes.values()]) ?? [];
      const swapping = this.#store.swap(read, sealed, hold);
      if (sealed.length > 0 && !(await swapping)) continue;
      // Where nothing is written it only ends the hold
      swapping.catch(() => {});
      for (const [i, { resolve }] of batch.entries()) resolve(outcomes[i]!);
      return;
    }
    throw new Error('no change could be made');
  }
}

/** Makes one change upon those before it. */
function applied(
  { keys, change, open }: Update<unknown>,
  now: number,
  whole: ReadonlyMap<string, { readonly value: Uint8Array | undefined }>,
  values: Map<SharedKey, Buffer>,
  writes: Map<SharedKey, StateEntry>,
): Outcome<unknown> {
  const before = new Map<SharedKey, Buffer>();
  try {
    for (const [name, key] of keys) {
      const stored = whole.get(name)?.value;
      const value = values.get(key) ?? (stored && open(key, name, stored));
      if (value === undefined) continue;
      values.set(key, value);
      before.set(key, value);
    }
    const { writes: own, result } = change(before, now);
    for (const entry of own) {
      writes.set(entry.key, entry);
      values.set(entry.key, Buffer.from(entry.value));
    }
    return { value: result };
  } catch (error) {
    return { error };
  }
}
