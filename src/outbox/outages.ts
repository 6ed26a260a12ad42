import { DatabaseError } from '../database/database-error.ts';
import { within } from '../guardrail/within.ts';
import { OutboxError } from './contract.ts';
import { type DatabaseTrouble, databaseCode, databaseTrouble } from './database-trouble.ts';

/** Receives the outages of the database that replicas share. */
export type OutageEvents = {
  /** A use of it failed. */
  failed(trouble: DatabaseTrouble): void;
  /** It cannot be used from now on, by a SQLSTATE, a code of the system, or one of ours. */
  lost(trouble: DatabaseTrouble, code: string): void;
  /** It can be used again. @param deferred entries that were accepted meanwhile */
  back(outage: { readonly ms: number; readonly deferred: number }): void;
};

type Outage = {
  readonly since: number;
  /** True where it only takes nothing more: what is in it can be delivered. */
  readonly isReadable: boolean;
  deferred: number;
};

/** Knows if the database can be used: an outage begins with the first use that fails, and ends when somebody has found that out. */
export class Outages {
  readonly #events: OutageEvents;
  readonly #onLost: () => void;
  #current: Outage | undefined;
  #endedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(events: OutageEvents, onLost: () => void) {
    this.#events = events;
    this.#onLost = onLost;
  }

  get current(): Outage | undefined {
    return this.#current;
  }

  /** True for a time after the end of an outage. */
  isRecent(ms: number): boolean {
    return performance.now() - this.#endedAt < ms;
  }

  /** Runs it unless the database is known to be out of reach. @throws OutboxError */
  async use<T>(run: () => Promise<T>): Promise<T> {
    this.#mustBeReadable();
    const startedAt = performance.now();
    try {
      return await run();
    } catch (error) {
      throw this.failed(error, startedAt);
    }
  }

  /** The same for what can be left out: if it takes longer than this it is, and nothing else is held up for it. @throws OutboxError */
  async inTime<T>(ms: number, run: () => Promise<T>): Promise<T> {
    this.#mustBeReadable();
    const startedAt = performance.now();
    try {
      const result = await within(
        ms,
        run().then((found) => ({ found })),
      );
      if (result !== undefined) return result.found;
    } catch (error) {
      const failure = failureOf(error);
      if (failure === undefined || databaseTrouble(failure) !== 'timeout')
        throw this.failed(error, startedAt);
    }
    this.slow();
    throw timedOut();
  }

  #mustBeReadable(): void {
    if (this.#current?.isReadable === false) throw new OutboxError('unavailable');
  }

  /** Counts a use that was given up without an outage. */
  slow(): void {
    this.#events.failed('slow');
  }

  timedOut(startedAt: number): void {
    this.failed(timedOut(), startedAt);
  }

  /**
   * Begins an outage, where an error tells of one.
   *
   * @param startedAt when the use began, by `performance.now()`: one that is older than the end of an outage says nothing of what is now
   * @throws any other error
   */
  failed(error: unknown, startedAt: number): OutboxError {
    const failure = failureOf(error);
    if (failure === undefined) throw error;
    if (this.#isClosed) return failure;
    const trouble = databaseTrouble(failure);
    this.#events.failed(trouble);
    if (this.#current === undefined && startedAt >= this.#endedAt) {
      this.#current = { since: performance.now(), isReadable: failure.kind === 'full', deferred: 0 };
      this.#events.lost(trouble, databaseCode(failure));
      this.#onLost();
    }
    return failure;
  }

  recovered(): void {
    if (this.#current === undefined) return;
    const { since, deferred } = this.#current;
    this.#current = undefined;
    this.#endedAt = performance.now();
    this.#events.back({ ms: performance.now() - since, deferred });
  }

  /** Tells of nothing more. */
  close(): void {
    this.#isClosed = true;
  }
}

function timedOut(): OutboxError {
  return new OutboxError('unavailable', new DatabaseError('timeout', 'Postgres: no reply in time'));
}

/** What the database failed with; undefined for an error that is about what was handed in, or a mistake of ours. */
export function failureOf(error: unknown): OutboxError | undefined {
  if (error instanceof OutboxError) return error;
  const isPassing = error instanceof DatabaseError && (error.isUnavailable || error.isConflict);
  return isPassing ? new OutboxError('unavailable', error) : undefined;
}
