import { hash, randomBytes, randomInt } from 'node:crypto';
import type { Span } from '../detectors/rule.ts';
import { quickHash } from '../guardrail/quick-hash.ts';
import {
  type BlockedChange,
  type BlockedHash,
  type BlockedHeads,
  type BlockedScope,
  blockedTextsAfter,
  headsOf,
} from './blocked-hashes.ts';

/** Where in a text a blocked one stands, and who had blocked it. */
export type BlockedSpan = Span & { readonly by: readonly string[] };

/** The memory of one session, and what finds its texts: made once, as every call of the session is searched. */
type Session = {
  readonly texts: readonly BlockedHash[];
  readonly heads: BlockedHeads;
  readonly at: number;
  /** The state of what replicas share that it is; undefined for one of its own. */
  readonly version: number | undefined;
};

/** The work that the search in one call may still do: a client decides how many texts begin alike. */
export type Allowance = {
  /** Characters hashed at the beginning of texts, and within them. */
  starts: number;
  inner: number;
  /** Places within texts that are looked at. */
  places: number;
};

/** All that another thread needs to know the same texts. */
export type SharedBlocks = {
  readonly key: string;
  readonly salt: number;
  readonly changes: readonly BlockedChange[];
};

const MAX_SESSIONS = 2000;
export const MAX_SESSIONS_OF_OWNER = 500;
export const BLOCKED_TEXT_AGE_MS = 24 * 60 * 60_000;
/** About 5 ms each, and 10 ms for the places. */
const HASHED_CHARS = 2 * 1024 * 1024;
const MAX_PLACES = 256 * 1024;
/** Cost of a hash beside its length, in characters. */
const PER_HASH = 512;
/** A shorter text says too little to be recognised as a part of another. */
export const HEAD = 12;

/**
 * Returns the work that is granted for a call.
 *
 * @param chars of all its texts: each of them may be a blocked one
 */
export const allowanceFor = (chars: number): Allowance => ({
  starts: HASHED_CHARS + chars,
  inner: HASHED_CHARS,
  places: MAX_PLACES,
});

/**
 * Texts that were blocked, by their sender: hashes under a key that this process alone has, bounded by number and age. A text
 * is found again with an addition before or behind it too, as agents make.
 */
export class BlockedTexts {
  #key: string;
  #salt: number;
  readonly #listeners: ((change: BlockedChange) => void)[] = [];
  /** By owner and session, each owner's longest unused first. */
  readonly #owners = new Map<string, Map<string, Session>>();
  #size = 0;

  readonly #now: () => number;

  /**
   * @param shared what another thread knows
   * @param now milliseconds; `performance.now` by default
   */
  constructor(shared?: SharedBlocks, now = () => performance.now()) {
    this.#now = now;
    this.#key = shared?.key ?? randomBytes(32).toString('hex');
    this.#salt = shared?.salt ?? randomInt(0x1_0000_0000);
    for (const change of shared?.changes ?? []) this.apply(change);
  }

  /** Everything so far, for another thread of this process: the key may not leave it. */
  share(): SharedBlocks {
    const changes = [...this.#owners].flatMap(([owner, sessions]) =>
      [...sessions].flatMap(([session, { texts }]) =>
        texts.map((remembered) => ({ scope: { owner, session }, remembered })),
      ),
    );
    return { key: this.#key, salt: this.#salt, changes };
  }

  /** Has every change told that is made here. */
  onChange(listener: (change: BlockedChange) => void): void {
    this.#listeners.push(listener);
  }

  /** Makes a change that was made in another thread. */
  apply(change: BlockedChange): void {
    this.#put(change.scope, blockedTextsAfter(this.#of(change.scope), change));
  }

  /** Makes hashes that mean the same to all who share the secret. Those that are known mean nothing to them. */
  useSecret(secret: Buffer): void {
    const key = secret.toString('hex');
    if (key === this.#key) return;
    this.#key = key;
    this.#salt = secret.readUInt32LE();
    this.#owners.clear();
    this.#size = 0;
  }

  /** True if what is known of a session is this version of what replicas share. */
  isAt(scope: BlockedScope, version: number): boolean {
    return this.#sessionOf(scope)?.version === version;
  }

  /** Takes over what replicas share about a session. @param ageMs since it was changed */
  replace(scope: BlockedScope, texts: readonly BlockedHash[], ageMs: number, version: number): void {
    this.#put(scope, texts, this.#now() - ageMs, version);
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  /** The number of texts that are remembered of a session. */
  count(scope: BlockedScope): number {
    return this.#of(scope).length;
  }

  remember(scope: BlockedScope, text: string, by: readonly string[]): void {
    const trimmed = text.trim();
    if (trimmed === '') return;
    const { length } = trimmed;
    const first = trimmed.slice(0, 2);
    const remembered = { first, head: this.#head(trimmed, 0, length), length, hash: this.#hash(trimmed), by };
    this.#change({ scope, remembered });
  }

  /** Forgets a text that was allowed since. */
  forget(scope: BlockedScope, text: string): void {
    this.#change({ scope, forgotten: this.#hash(text.trim()) });
  }

  #change(change: BlockedChange): void {
    this.apply(change);
    for (const listener of this.#listeners) listener(change);
  }

  #put(scope: BlockedScope, texts: readonly BlockedHash[], at = this.#now(), version?: number): void {
    if (texts.length === 0) this.#delete(scope);
    else this.#set(scope, { texts, heads: headsOf(texts), at, version });
  }

  /** Finds the blocked texts that a text holds, in order, at each place the longest; undefined if the sender has none. */
  finder(scope: BlockedScope, allowance: Allowance): ((text: string) => readonly BlockedSpan[]) | undefined {
    const heads = this.#sessionOf(scope)?.heads;
    return heads && ((text) => this.#find(heads, text, allowance));
  }

  #find({ firsts, byHead }: BlockedHeads, text: string, allowance: Allowance): readonly BlockedSpan[] {
    const first = text.length - text.trimStart().length;
    const end = text.trimEnd().length;
    const spans: BlockedSpan[] = [];
    // Many short texts cost a look for each beginning
    allowance.places -= firsts.length;
    const placeFrom = allowance.places > 0 ? placesOf(firsts, text) : onlyAt(first);
    for (let from = first, start = placeFrom(from); start < end; start = placeFrom(from)) {
      from = start + 1;
      if (start > first) {
        if (start + HEAD > end || allowance.places-- <= 0) break;
        if (isWord(text.charCodeAt(start - 1))) continue;
      }
      const alike = byHead.get(this.#head(text, start, end));
      const found = alike && this.#firstOf(alike, text, { start, end }, start === first, allowance);
      if (found === undefined) continue;
      from = start + found.length;
      spans.push({ by: found.by, start, end: from });
    }
    return spans;
  }

  #firstOf(
    alike: readonly BlockedHash[],
    text: string,
    { start, end }: Span,
    isStart: boolean,
    allowance: Allowance,
  ): BlockedHash | undefined {
    const kind = isStart ? 'starts' : 'inner';
    return alike.find(({ length, hash }) => {
      if (start + length > end || length + PER_HASH > allowance[kind]) return false;
      if (length < HEAD && !(isStart && start + length === end)) return false;
      allowance[kind] -= length + PER_HASH;
      return this.#hash(text.slice(start, start + length)) === hash;
    });
  }

  #of(scope: BlockedScope): readonly BlockedHash[] {
    return this.#sessionOf(scope)?.texts ?? [];
  }

  #sessionOf({ owner, session }: BlockedScope): Session | undefined {
    const sessions = this.#owners.get(owner);
    const found = sessions?.get(session);
    if (sessions === undefined || found === undefined) return undefined;
    if (this.#now() - found.at > BLOCKED_TEXT_AGE_MS) {
      this.#delete({ owner, session });
      return undefined;
    }
    sessions.delete(session);
    sessions.set(session, found);
    return found;
  }

  /** Makes room among the sessions of the same owner first, then of whoever has most: nobody drives out another's. */
  #set(scope: BlockedScope, made: Session): void {
    const { owner, session } = scope;
    this.#delete(scope);
    const sessions = this.#owners.get(owner) ?? new Map<string, Session>();
    if (sessions.size >= MAX_SESSIONS_OF_OWNER) this.#deleteOldest(owner, sessions);
    else if (this.#size >= MAX_SESSIONS) {
      const [most] = [...this.#owners].sort(([, a], [, b]) => b.size - a.size);
      if (most !== undefined) this.#deleteOldest(...most);
    }
    sessions.set(session, made);
    this.#owners.set(owner, sessions);
    this.#size++;
  }

  #deleteOldest(owner: string, sessions: ReadonlyMap<string, Session>): void {
    const [session] = sessions.keys();
    if (session !== undefined) this.#delete({ owner, session });
  }

  #delete({ owner, session }: BlockedScope): void {
    const sessions = this.#owners.get(owner);
    if (!sessions?.delete(session)) return;
    this.#size--;
    if (sessions.size === 0) this.#owners.delete(owner);
  }

  #hash(text: string): string {
    return hash('sha256', this.#key + text, 'base64url');
  }

  /** A number for the first characters: of nearly every other text it tells that nothing has to be hashed. */
  #head(text: string, start: number, end: number): number {
    return quickHash(text, this.#salt, start, Math.min(start + HEAD, end));
  }
}

/** Finds one place alone. */
const onlyAt = (place: number) => (from: number) => (from <= place ? place : Number.POSITIVE_INFINITY);

/** Finds the next place in a text, from a place on, where one of some words stands; Infinity if none does. */
function placesOf(words: readonly string[], text: string): (from: number) => number {
  const next = words.map(() => -1);
  return (from) => {
    let nearest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < words.length; i++) {
      if (next[i]! < from) {
        const at = text.indexOf(words[i]!, from);
        next[i] = at < 0 ? Number.POSITIVE_INFINITY : at;
      }
      if (next[i]! < nearest) nearest = next[i]!;
    }
    return nearest;
  };
}

/** True for a letter or digit of a script that puts blanks between words; a blocked text begins behind none. */
function isWord(char: number): boolean {
  return (char >= 0x61 && char <= 0x7a) || (char >= 0x41 && char <= 0x5a) || (char >= 0x30 && char <= 0x39);
}
