import { hash } from 'node:crypto';
import { listIn } from '../state/list.ts';
import {
  type SharedKey,
  type SharedState,
  type StateChange,
  type StateEntry,
  StateError,
} from '../state/shared-state.ts';
import {
  type BlockedChange,
  type BlockedHash,
  type BlockedScope,
  blockedTextsAfter,
  hashIn,
  MAX_BLOCKED_TEXTS,
} from './blocked-hashes.ts';
import { BLOCKED_TEXT_AGE_MS, type BlockedTexts, MAX_SESSIONS_OF_OWNER } from './blocked-texts.ts';

/** Sessions with changes that could not be written; of more the oldest are known to this replica alone. */
const MAX_OWED = 500;
const NAME_CHARS = 22;

/** All that replicas know of a session: the time of the last change by the clock of their store, and the texts. */
type Known = { readonly at: number; readonly texts: readonly BlockedHash[] };

/**
 * Has all replicas know the texts that were blocked on any of them. What they know of a session is read before each of its calls, as
 * nothing else tells in time that there is nothing; a change is written before the reply that tells of it. Where the store cannot
 * be reached, this replica goes on with what it knows, and writes later what it owes.
 */
export class SharedBlockedTexts {
  readonly #state: SharedState;
  readonly #texts: BlockedTexts;
  #secret: Buffer | undefined;
  /** Changes that are not written yet, by the key of their session and the hash of their text. */
  readonly #owed = new Map<SharedKey, Map<string, BlockedChange>>();

  constructor(state: SharedState, texts: BlockedTexts) {
    this.#state = state;
    this.#texts = texts;
    texts.onChange((change) => this.#owe(change));
  }

  /** Brings here what all replicas know of a session. Does not reject where the store cannot be reached. */
  async fetch(scope: BlockedScope): Promise<void> {
    const key = sessionKey(scope);
    await this.#tried(async () => {
      this.#useSecret(await this.#state.secret('blocked texts'));
      const known = knownIn((await this.#state.read([key])).get(key));
      const owed = this.#owed.get(key);
      if (known === undefined || (owed === undefined && this.#texts.isAt(scope, known.at))) return;
      const age = Math.max(0, Date.now() - known.at);
      if (age < BLOCKED_TEXT_AGE_MS) this.#texts.replace(scope, known.texts, age, known.at);
      for (const change of owed?.values() ?? []) this.#texts.apply(change);
    });
  }

  /** Has all replicas know the changes of a session. Does not reject where the store cannot be reached. */
  async store(scope: BlockedScope): Promise<void> {
    const key = sessionKey(scope);
    const owed = this.#owed.get(key);
    if (owed === undefined || this.#secret === undefined) return;
    const changes = [...owed.values()];
    await this.#tried(async () => {
      const left = await this.#state.update([key, ownerKey(scope)], (before, now) =>
        changed(before, scope, changes, now),
      );
      for (const [hash, change] of owed) if (changes.includes(change)) owed.delete(hash);
      if (owed.size === 0 && this.#owed.get(key) === owed) this.#owed.delete(key);
      if (left.length > 0) await this.#state.delete(left);
    });
  }

  /** What was remembered before could be found by nobody else. */
  #useSecret(secret: Buffer): void {
    if (this.#secret?.equals(secret)) return;
    this.#texts.useSecret(secret);
    this.#owed.clear();
    this.#secret = secret;
  }

  #owe(change: BlockedChange): void {
    const key = sessionKey(change.scope);
    const owed = this.#owed.get(key) ?? new Map<string, BlockedChange>();
    this.#owed.set(key, owed);
    // The last of a text counts, and stands last
    owed.delete(hashIn(change));
    owed.set(hashIn(change), change);
    bound(owed, MAX_BLOCKED_TEXTS);
    bound(this.#owed, MAX_OWED);
  }

  async #tried(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
    }
  }
}

/** Forgets the first one beyond so many. */
function bound<Key>(map: Map<Key, unknown>, most: number): void {
  const [first] = map.keys();
  if (map.size > most && first !== undefined) map.delete(first);
}

/** Makes changes of a session, and has it stand last among those of its owner. @returns the keys of those for which there is no room */
function changed(
  before: ReadonlyMap<SharedKey, Buffer>,
  scope: BlockedScope,
  changes: readonly BlockedChange[],
  now: number,
): StateChange<readonly SharedKey[]> {
  const key = sessionKey(scope);
  const known = knownIn(before.get(key));
  const texts = changes.reduce(blockedTextsAfter, known?.texts ?? []);
  // Another time for each change, though some come in the same millisecond
  const at = Math.max(now, (known?.at ?? 0) + 1);
  const name = nameOf(scope.session);
  const others = listIn(before.get(ownerKey(scope))).filter(
    (one): one is string => typeof one === 'string' && one !== name,
  );
  const sessions = [...others, name];
  const left = sessions.slice(0, -MAX_SESSIONS_OF_OWNER);
  return {
    writes: [
      entryOf(key, [
        at,
        ...texts.map(({ first, head, length, hash, by }) => [first, head, length, hash, by]),
      ]),
      entryOf(ownerKey(scope), sessions.slice(-MAX_SESSIONS_OF_OWNER)),
    ],
    result: left.map((session) => keyIn(scope.owner, session)),
  };
}

const ownerKey = ({ owner }: BlockedScope): SharedKey => `blocked_history:owner\n${owner}`;
const keyIn = (owner: string, session: string): SharedKey => `blocked_history:session\n${session}\n${owner}`;
const sessionKey = ({ owner, session }: BlockedScope): SharedKey => keyIn(owner, nameOf(session));
const nameOf = (session: string): string => hash('sha256', session, 'base64url').slice(0, NAME_CHARS);

const entryOf = (key: SharedKey, list: readonly unknown[]): StateEntry => ({
  ...{ key, value: Buffer.from(JSON.stringify(list)), ttlMs: BLOCKED_TEXT_AGE_MS },
});

function knownIn(value: Buffer | undefined): Known | undefined {
  const [at, ...texts] = listIn(value);
  return typeof at === 'number' ? { at, texts: texts.flatMap(textIn) } : undefined;
}

function textIn(value: unknown): BlockedHash | [] {
  const [first, head, length, hash, by] = Array.isArray(value) ? value : [];
  const isKnown = typeof first === 'string' && typeof hash === 'string' && Array.isArray(by);
  return isKnown ? { first, head: Number(head), length: Number(length), hash, by: by.map(String) } : [];
}
