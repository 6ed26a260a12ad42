import type { RecordOutcome } from '../guardrail/record.ts';

/** Name of the file in its folder. */
export const OUTBOX_FILE = 'outbox.db';

/** One event of a call, ready to be stored: already redacted. */
export type Entry = {
  /** Joins all that is known of one call: its `litellm_call_id`, or a {@link namelessKey}. */
  readonly callKey: string;
  /** Trace of the guardrail calls about it, where they are known: two calls can have one id. */
  readonly trace?: string | null;
  readonly outcome: RecordOutcome;
  /** Tells this event from others of the same call; a repetition has the same one. */
  readonly eventKey: string;
  /** When the call began and ended, Unix milliseconds. A blocked call ends with its verdict. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Block reference that the caller was shown: of a block, or as found in the error of a failure event. */
  readonly ref?: string;
  /** Success only: true if LiteLLM says that a guardrail stopped it. */
  readonly mayBeBlocked?: boolean;
  /** The fingerprint of the request: of a success where a block of its call is known, and of a failure without a reference. */
  readonly words?: string;
  /** Milliseconds that it waits before it is delivered, and may give way to another event of its call. */
  readonly holdMs: number;
  /** Receivers of the record. */
  readonly backends: readonly string[];
  /** A `CallRecord` as JSON, without its `record_id`. */
  readonly payload: string;
  /** When another outbox that kept it for a while accepted it, Unix milliseconds: its age and its hold count from then. Default now. */
  readonly acceptedAt?: number;
};

/** Begins the key of a call without an id: no id that came in a header has it. */
const NAMELESS = '\n';

/** The key of a call without an id, by what else there is of it. */
export function namelessKey(what: string): string {
  return NAMELESS + what;
}

/** The `litellm_call_id` that is the key of a call; null if it has none. */
export function callIdOfKey(callKey: string): string | null {
  return callKey === '' || callKey.startsWith(NAMELESS) ? null : callKey;
}

/** A row that could not be read, for the dead letters. */
export type BadRow = {
  readonly reason: string;
  readonly payload: string;
  /** A UUID and the Unix milliseconds of when another outbox that kept it for a while accepted it: the same one again adds nothing. */
  readonly kept?: { readonly id: string; readonly at: number };
};

/** True for blocked calls alone: a part of each bound is kept for them. */
export function areUrgent(entries: readonly Entry[], bad: readonly BadRow[]): boolean {
  return bad.length === 0 && entries.every(({ outcome }) => outcome === 'blocked');
}

/**
 * Result of an entry. `new` is stored, and `late` too, although its call already had a record that could not wait longer.
 * The others add no record: `duplicate` was known, `attempt` is a failure of a call that succeeded or is on record as
 * failed, `blocked` belongs to a call that the bridge blocked.
 */
export const DISPOSITIONS = ['new', 'late', 'duplicate', 'attempt', 'blocked'] as const;
export type Disposition = (typeof DISPOSITIONS)[number];

/**
 * What an outbox says of an entry that it has taken: its disposition, or `deferred`, where the outbox that all replicas share could not be
 * reached. It is durable on this machine then, and its disposition is known once it is handed over.
 */
export type Accepted = Disposition | 'deferred';

/** A record of a call, and the trace of the guardrail calls about it. */
export type OnRecord = {
  readonly outcome: RecordOutcome;
  readonly trace: string | null;
  readonly acceptedAt: number;
};

/** A record that is due for one backend. */
export type Due = {
  /** Names it to the outbox that it came from, and is a safe integer; says nothing of its order. */
  readonly id: number;
  readonly recordId: string;
  readonly acceptedAt: number;
  readonly attempts: number;
  readonly payload: string;
};

/** How much is taken at once: a number of records, a sum of bytes but at least one record, and none of some ids. */
export type DueLimit = {
  readonly records: number;
  readonly bytes: number;
  readonly except: ReadonlySet<number>;
};

/** Result of a delivery. `dueAt` is Unix milliseconds. */
export type DeliveryResult =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'retry'; readonly dueAt: number }
  | { readonly kind: 'dead'; readonly reason: string };

/** The result of a delivery for the records that were in it. */
export type Ack = DeliveryResult & { readonly backend: string; readonly ids: readonly number[] };

export type BackendBacklog = {
  /** Records to deliver, including those that wait. */
  readonly records: number;
  readonly dead: number;
  /** When the oldest of them was accepted, Unix milliseconds; undefined without any. */
  readonly oldestAt: number | undefined;
};

export type OutboxStats = {
  readonly usedBytes: number;
  readonly maxBytes: number;
  readonly backends: Readonly<Record<string, BackendBacklog>>;
  /** What waits on this machine for the database that replicas share; undefined without one. */
  readonly fallback?: BackendBacklog & { readonly usedBytes: number; readonly maxBytes: number };
};

/**
 * Nothing can be stored now. `full`: the outbox is at its bounds, or the disk is full. `unavailable`: it cannot be opened or
 * written. Whoever sent the entries still has them.
 */
export class OutboxError extends Error {
  override readonly name = 'OutboxError';
  readonly kind: 'full' | 'unavailable';

  constructor(kind: 'full' | 'unavailable', cause?: unknown) {
    super(kind, { cause });
    this.kind = kind;
  }
}

/** The stop of a backend by any replica: nobody delivers to it for so long, and then one of them tries it. */
export type SharedStop = {
  /** Milliseconds from now; 0 once it is to be tried. */
  readonly waitMs: number;
  /** In a row: each makes the next wait longer, whoever tried. */
  readonly failures: number;
  /** True if it refuses our token. */
  readonly isHeld: boolean;
};

/** Stops of backends, as all replicas that share an outbox know them. Each method throws where the outbox cannot be reached. */
export type SharedStops = {
  /** Tells that a backend failed as a whole. */
  stopped(backend: string, stop: SharedStop): Promise<void>;
  /** Undefined if it is not stopped. */
  state(backend: string): Promise<SharedStop | undefined>;
  /** True if this replica is the one that is to try a stopped backend now: until it tells how that went, or for 40 s. */
  mayProbe(backend: string): Promise<boolean>;
  /** Lets another replica try it: this one has nothing to try it with. */
  letGo(backend: string): Promise<void>;
  /** Has one replica try it now, as an operator changed something; waits begin to grow anew. */
  tryNow(backend: string): Promise<void>;
  /** Tells that a backend takes records again. */
  recovered(backend: string): Promise<void>;
};

/** Notes that replicas read of each other. Each method throws where the outbox cannot be reached. */
export type SharedNotes = {
  /** What other replicas noted on these calls, and this one before it was started again; the oldest first, and of each call the newest alone. */
  about(callIds: readonly string[]): Promise<readonly Uint8Array[]>;
  /**
   * Puts its content in place of that of a record which was stored before all notes on its call were here. Returns false if the outbox does not
   * have that record to deliver: no more, or not yet.
   */
  amend(entry: Entry): Promise<boolean>;
  /** Forgets the notes on calls that are finished. */
  forget(callIds: readonly string[]): Promise<void>;
  /** The first note on each call that began that long ago and is not finished; each call is told once, to one replica. */
  overdue(ageMs: number): Promise<readonly Uint8Array[]>;
  /** Forgets notes that are older, or too many; returns the calls whose notes went before it was known how they ended. */
  expire(ageMs: number): Promise<number>;
};

/**
 * Keeps records until every backend has them, over restarts of the bridge: one record for each call and backend, out of all the
 * {@link Entry entries} of the call by `resolveEntry`, whoever accepted them. What cannot be done now throws an {@link OutboxError}: a
 * method that changes something has changed nothing then, or, where a connection was lost on the way, all of it, so that doing it again
 * does no harm. Anything else that is thrown is about what was handed in.
 */
export type RecordOutbox = {
  /** Stores all or none of them; resolves when they are durable. An entry that is stored already is a `duplicate`. */
  accept(entries: readonly Entry[], bad?: readonly BadRow[]): Promise<readonly Accepted[]>;
  /**
   * Returns the oldest records due for a backend, the oldest first. Where several replicas share the outbox they are this one's until they
   * are acknowledged or it is taken to be gone, and are returned to it again; those that `limit.except` names are passed over.
   */
  due(backend: string, limit: DueLimit): Promise<readonly Due[]>;
  /** Stores the results of deliveries; resolves when they are durable. Passes over what is gone, or not this replica's any more. */
  ack(acks: readonly Ack[]): Promise<void>;
  /** Returns the records of those calls that have any, by their keys. */
  known(callKeys: Iterable<string>): Promise<ReadonlyMap<string, readonly OnRecord[]>>;
  /** Keeps what the bridge needs to know of verdicts after a restart, and what other replicas need to know of them. */
  appendNotes(chunk: Uint8Array): Promise<void>;
  /** The newest notes of this replica, oldest first. */
  notes(): Promise<readonly Uint8Array[]>;
  /** Undefined where nobody shares the outbox. */
  readonly sharedNotes?: SharedNotes | undefined;
  /** Undefined where nobody shares the outbox. */
  readonly stops?: SharedStops | undefined;
  stats(): Promise<OutboxStats>;
  /** Gives up and forgets what is too old or too much. */
  maintain(): Promise<void>;
  /** True if somebody else has changed what is due since this was asked last: a command of the operator. */
  changedElsewhere(): Promise<boolean>;
  /** Ends what has begun, and gives back what this replica holds. */
  close(): Promise<void>;
};

/** Why a file was no usable outbox, where it was put, and how many undelivered records were kept of it. */
export type Damage = { readonly reason: string; readonly file: string; readonly kept: number };

/** Receives the events of the outbox itself. */
export type OutboxEvents = {
  /** The file was no usable outbox: it was put aside, and what could be read of it was kept. */
  damaged(damage: Damage): void;
  /** A record is not what was stored; it is a dead letter now. */
  unreadable(backend: string): void;
  /** Records were given up undelivered, as they are older than the bound. */
  expired(backend: string, records: number): void;
  /** Rows that could not be read were dropped for newer ones. */
  crowded(rows: number): void;
  /** A replica is gone that was to deliver records: any other does now. */
  takenOver?(backend: string, records: number): void;
  /**
   * Nothing can be stored, by a code of SQLite, of the system, or `newer_version`; `undefined` when it can again.
   * `advice` is a sentence for the operator, where there is one.
   */
  unavailable(code: string | undefined, advice?: string): void;
};
