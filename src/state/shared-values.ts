import { createHmac, hkdfSync, randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { memoryBytes } from '../guardrail/memory.ts';
import { Circuit } from './circuit.ts';
import {
  MAX_VALUE_BYTES,
  type SharedKey,
  type SharedPart,
  type SharedState,
  type StateChange,
  type StateEntry,
  StateError,
  type StateFeature,
} from './shared-state.ts';
import type { StateObserver } from './state-observer.ts';
import type { StateStore, StoredEntry } from './state-store.ts';
import { Updates } from './updates.ts';
import { ValueCipher } from './value-cipher.ts';

export type SharedValuesOptions = {
  readonly store: StateStore;
  /** Keys of 32 bytes: the first one encrypts, any decrypts. Without any one is made of the store's secret. */
  readonly keys: readonly Uint8Array[];
  /** Milliseconds that one operation may take. */
  readonly timeoutMs: number;
  readonly observer: StateObserver;
};

const NAME_CHARS = 22;
/** A store whose tables were lost has another secret, and those who start later have that one. */
const SECRET_MS = 5000;
const MAX_VERSION = 2 ** 48 - 1;

/** Shares by version; null for one that was written here, or is kept by its reader. */
type Known = ReadonlyMap<number, SharedPart>;
const NO_SHARES: Known = new Map();
const SHARE_BYTES = 250;

/** All that the secret of the store makes. */
type Keys = { readonly names: Uint8Array; readonly cipher: ValueCipher; readonly secret: Uint8Array };

/** Shared state in a store: hides the names of keys, encrypts values, and waits for nothing longer than it may. */
export class SharedValues implements SharedState {
  readonly #options: SharedValuesOptions;
  readonly #circuit: Circuit;
  readonly #updates: Updates;
  /** Names the shares of this one. */
  readonly #part = randomInt(MAX_VERSION).toString(36);
  #keys: (Keys & { readonly readAt: number }) | undefined;
  #reading: Promise<Keys> | undefined;
  /** Shares by name and version, decrypted: most rounds of a stream find nothing new. */
  readonly #known = new LRUCache<string, Known>({
    maxSize: memoryBytes('shared state'),
    sizeCalculation: (shares) =>
      [...shares.values()].reduce((bytes, share) => bytes + (share?.length ?? 0) + SHARE_BYTES, SHARE_BYTES),
  });
  #started: Promise<void> | undefined;

  constructor(options: SharedValuesOptions) {
    this.#options = options;
    const { store, timeoutMs, observer } = options;
    this.#circuit = new Circuit({
      timeoutMs,
      ping: () => Promise.all([this.#readKeys(), store.ping()]),
      onOutage: (outage) => observer.outage(outage),
    });
    this.#updates = new Updates(store, timeoutMs);
  }

  /** Asks the store, once. Resolves when it has answered or failed. */
  start(): Promise<void> {
    this.#started ??= this.#circuit.start();
    return this.#started;
  }

  /** False while no operation is tried, as the store is known to be down. */
  get isUp(): boolean {
    return this.#circuit.isUp;
  }

  async read(keys: readonly SharedKey[]): Promise<ReadonlyMap<SharedKey, Buffer>> {
    const { found, isUnreadable } = await this.#run(keys, async (own) => {
      const named = new Map(keys.map((key) => [nameOf(own, key), key]));
      const found = new Map<SharedKey, Buffer>();
      let isUnreadable = false;
      const queries = [...named.keys()].map((name) => ({ name, known: [] }));
      const { values } = await this.#options.store.read(queries);
      for (const { name, part, value } of values) {
        const key = named.get(name);
        if (key === undefined || part !== '' || value === undefined) continue;
        const opened = this.#open(own, key, name, part, value);
        if (opened === undefined) isUnreadable = true;
        else found.set(key, opened);
      }
      return { found, isUnreadable };
    });
    if (isUnreadable) throw new StateError('unreadable');
    return found;
  }

  async write(entries: readonly StateEntry[]): Promise<void> {
    const fitting = this.#fitting(entries);
    await this.#run(keysOf(fitting), (own) =>
      this.#options.store.write(fitting.map((entry) => sealed(own, entry, ''))),
    );
  }

  async update<T>(
    keys: readonly SharedKey[],
    change: (before: ReadonlyMap<SharedKey, Buffer>, now: number) => StateChange<T>,
  ): Promise<T> {
    const outcome = await this.#run(keys, (own) =>
      this.#updates.add({
        keys: new Map(keys.map((key) => [nameOf(own, key), key])),
        change,
        open: (key, name, value) => {
          const opened = this.#open(own, key, name, '', value);
          if (opened === undefined) throw new StateError('unreadable');
          return opened;
        },
        seal: (writes) => this.#fitting(writes).map((entry) => sealed(own, entry, '')),
      }),
    );
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  async readShares(keys: readonly SharedKey[]): Promise<ReadonlyMap<SharedKey, readonly SharedPart[]>> {
    return this.#run(keys, async (own) => {
      const named = new Map(keys.map((key) => [nameOf(own, key), key]));
      const before = new Map([...named.keys()].map((name) => [name, this.#known.get(name) ?? NO_SHARES]));
      const queries = [...before].map(([name, shares]) => ({ name, known: [...shares.keys()] }));
      const found = new Map<SharedKey, SharedPart[]>();
      const shares = new Map<string, Map<number, SharedPart>>();
      const { values } = await this.#options.store.read(queries);
      for (const { name, part, version, value } of values) {
        const key = named.get(name);
        if (key === undefined || part === '') continue;
        const known = before.get(name)?.get(version);
        const read = value === undefined ? known : this.#open(own, key, name, part, value);
        // Our own is no news, also where it came to be while this was read
        const share = part === this.#part ? null : read;
        if (share === undefined) continue;
        found.set(key, [...(found.get(key) ?? []), share]);
        const kept = isBulky(key) ? null : share;
        shares.set(name, (shares.get(name) ?? new Map<number, SharedPart>()).set(version, kept));
      }
      for (const [name, known] of shares) this.#known.set(name, known);
      return found;
    });
  }

  async writeShares(entries: readonly StateEntry[]): Promise<void> {
    const fitting = this.#fitting(entries);
    if (fitting.length === 0) return;
    await this.#run(keysOf(fitting), async (own) => {
      const written = fitting.map((entry) => sealed(own, entry, this.#part));
      await this.#options.store.write(written);
      for (const { name, version } of written) {
        const others = [...(this.#known.get(name) ?? NO_SHARES)].filter(([, share]) => share !== null);
        this.#known.set(name, new Map<number, SharedPart>([...others, [version, null]]));
      }
    });
  }

  async delete(keys: readonly SharedKey[]): Promise<void> {
    await this.#run(keys, (own) => this.#options.store.delete(keys.map((key) => nameOf(own, key))));
  }

  async secret(purpose: string): Promise<Buffer> {
    return this.#run([], async ({ secret }) => derived(secret, `secret ${purpose}`));
  }

  async close(): Promise<void> {
    this.#circuit.close();
    await this.#options.store.close();
  }

  async #run<T>(keys: readonly SharedKey[], operation: (own: Keys) => Promise<T>): Promise<T> {
    try {
      return await this.#circuit.run(async () => {
        const known = this.#keys;
        const isFresh = known !== undefined && performance.now() - known.readAt < SECRET_MS;
        return operation(isFresh ? known : await this.#readKeys());
      });
    } catch (error) {
      const { reason } = error as StateError;
      for (const feature of new Set(keys.map(featureOf))) this.#options.observer.failed(feature, reason);
      throw error;
    }
  }

  #readKeys(): Promise<Keys> {
    this.#reading ??= this.#options.store
      .secret()
      .then((secret) => {
        const known = this.#keys;
        const keys =
          known !== undefined && Buffer.compare(known.secret, secret) === 0 ? known : this.#keysOf(secret);
        this.#keys = { ...keys, readAt: performance.now() };
        return this.#keys;
      })
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  #keysOf(secret: Uint8Array): Keys {
    const [first, ...others] = this.#options.keys;
    const cipher = new ValueCipher(first === undefined ? [derived(secret, 'values')] : [first, ...others]);
    return { names: derived(secret, 'names'), cipher, secret };
  }

  #open(own: Keys, key: SharedKey, name: string, part: string, value: Uint8Array): Buffer | undefined {
    const opened = own.cipher.open(value, labelOf(name, part));
    if (opened === undefined) this.#options.observer.failed(featureOf(key), 'unreadable');
    return opened;
  }

  #fitting(entries: readonly StateEntry[]): readonly StateEntry[] {
    return entries.filter(({ key, value }) => {
      const fits = value.length <= MAX_VALUE_BYTES;
      if (!fits) this.#options.observer.failed(featureOf(key), 'too_large');
      return fits;
    });
  }
}

const keysOf = (entries: readonly StateEntry[]) => entries.map(({ key }) => key);

const featureOf = (key: SharedKey) => key.slice(0, key.indexOf(':')) as StateFeature;

/** Values of this feature are as long as calls are. */
const isBulky = (key: SharedKey) => featureOf(key) === 'requests';

/** Nobody who lacks the secret can tell of whom it is. */
const nameOf = ({ names }: Keys, key: SharedKey): string =>
  createHmac('sha256', names).update(key).digest('base64url').slice(0, NAME_CHARS);

const labelOf = (name: string, part: string) => `${name}/${part}`;

function sealed(own: Keys, { key, value, ttlMs }: StateEntry, part: string): StoredEntry {
  const name = nameOf(own, key);
  return {
    name,
    part,
    version: randomInt(1, MAX_VERSION),
    value: own.cipher.seal(value, labelOf(name, part)),
    ttlMs,
    isBulky: isBulky(key),
  };
}

const derived = (secret: Uint8Array, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', `guardrail-bridge ${purpose}`, 32));
