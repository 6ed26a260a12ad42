import { failureWords } from '../guardrail/failure.ts';
import { within } from '../guardrail/within.ts';
import type { RecordsHealth } from '../records/protocol.ts';
import type { StoredBacklog } from './kept-answers.ts';
import type { ShownBacklog } from './page-source.ts';

/** Time between two looks into the outbox, while somebody looks at the page. */
const LOOK_MS = 3000;
/** At most this part of the time is spent in looks: counting millions takes seconds, in the database of all replicas. */
const SHARE = 10;
/** Longest that a picture waits for the first look: all else that it shows is known at once. */
const FIRST_MS = 500;
/** An older picture of the outbox says nothing. */
const OLD_MS = 60_000;

export type WatchedBacklogsOptions = {
  /** Undefined where no records are kept. */
  readonly health: () => RecordsHealth | undefined;
  /** Backends that take records. */
  readonly receivers: () => readonly string[];
  /** Reads the outbox; undefined while there is none. Rejects if it cannot be read. */
  readonly read: () => Promise<readonly StoredBacklog[] | undefined>;
  /** By default that of the process, in milliseconds. */
  readonly now?: () => number;
};

/** The records that backends have not got: read at most every three seconds, and only when somebody asks. */
export class WatchedBacklogs {
  readonly #options: WatchedBacklogsOptions;
  readonly #now: () => number;
  #stored: readonly StoredBacklog[] | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #begunAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #pauseMs = LOOK_MS;

  constructor(options: WatchedBacklogsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** As they were read last; undefined where no records are kept, or they could not be read for a while. Waits a moment for the first reading. */
  async now(): Promise<readonly ShownBacklog[] | undefined> {
    const health = this.#options.health();
    if (health === undefined) return undefined;
    this.#look();
    if (this.#stored === undefined && this.#reading !== undefined) await within(FIRST_MS, this.#reading);
    const stored =
      this.#now() - this.#readAt > Math.max(OLD_MS, 2 * this.#pauseMs) ? undefined : this.#stored;
    if (stored === undefined) return undefined;
    const names = new Set([...this.#options.receivers(), ...stored.map(({ backend }) => backend)]);
    return [...names].map((name) =>
      shown(stored.find(({ backend }) => backend === name) ?? none(name), health),
    );
  }

  #look(): void {
    const now = this.#now();
    if (this.#reading !== undefined || now - this.#begunAt < this.#pauseMs) return;
    this.#begunAt = now;
    this.#reading = this.#options
      .read()
      .then(
        (stored = []) => {
          this.#stored = stored;
          this.#readAt = this.#now();
        },
        // Counted and logged where it failed
        () => {},
      )
      .finally(() => {
        this.#reading = undefined;
        this.#pauseMs = Math.max(LOOK_MS, (this.#now() - now) * SHARE);
      });
  }
}

const none = (backend: string): StoredBacklog => ({
  ...{ backend, due: 0, oldestAt: null, nextTryAt: null, dead: 0, deadBy: {} },
});

function shown(stored: StoredBacklog, { storage, held, stopped, retries }: RecordsHealth): ShownBacklog {
  const { backend, due } = stored;
  const retry = due === 0 ? undefined : retries[backend];
  const stop = stopped.find((one) => one.backend === backend);
  const failure = retry === undefined ? stop?.failure?.replaceAll('_', ' ') : failureWords(retry);
  const isElsewhere = stop !== undefined && stop.failure === null;
  const reason = held.includes(backend)
    ? 'it refuses our token'
    : (failure ?? (isElsewhere ? 'another replica has found that it takes none' : storage));
  return { ...stored, nextTryAt: due === 0 ? null : (retry?.at ?? stored.nextTryAt), reason };
}
