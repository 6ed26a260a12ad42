import type { Queries } from '../database/database.ts';
import type { BackendBacklog, OutboxStats } from './contract.ts';
import { MANY, POSTGRES_SQL } from './postgres-queries.ts';
import { DEAD } from './schema.ts';

export type TallyOptions = {
  readonly backends: readonly string[];
  readonly maxBytes: number;
};

/** Of an event that is remembered without its content, with its places in two indexes. */
const EVENT_BYTES = 300;
/** From this share of the bound on, records come before the memory of what was delivered. */
const HISTORY_SHARE = 0.7;
/** A count is used for so many times what it took. */
const LASTING = 50;

type Usage = { readonly bytes: number; readonly events: number; readonly deliveries: number };
type QueueRow = { backend: string; state: number; records: number; oldestAt: number };

/** Counts what is in the outbox, seldom enough to cost little: 100,000 deliveries take 0.1 s. Of millions it knows about how many they are. */
export class PostgresTally {
  readonly #queries: Queries;
  readonly #options: TallyOptions;
  readonly #usage: Lasting<Usage>;
  readonly #stats: Lasting<OutboxStats>;
  /** Bytes of contents that this replica has stored since they were counted. */
  #added = 0;

  constructor(queries: Queries, options: TallyOptions) {
    this.#queries = queries;
    this.#options = options;
    this.#usage = new Lasting(() => this.#count());
    this.#stats = new Lasting(() => this.#describe());
  }

  /** Contents were stored. */
  add(bytes: number): void {
    this.#added += bytes;
  }

  /** True if so many bytes of contents find room below a bound: by the last count and, before it says no, by a new one. */
  async hasRoom(bytes: number, bound: number): Promise<boolean> {
    const fits = (usage: Usage | undefined) =>
      usage !== undefined && usage.bytes + this.#added + bytes <= bound;
    return fits(this.#usage.last) || fits(await this.#usage.get());
  }

  /** Events that may be remembered beside the contents. */
  async room(): Promise<number> {
    const { bytes } = await this.#usage.get();
    return Math.max(0, Math.floor((this.#options.maxBytes * HISTORY_SHARE - bytes) / EVENT_BYTES));
  }

  stats(): Promise<OutboxStats> {
    return this.#stats.get();
  }

  async #describe(): Promise<OutboxStats> {
    const { backends, maxBytes } = this.#options;
    const { bytes, events, deliveries } = await this.#usage.get();
    const queues =
      deliveries > MANY
        ? await this.#queries.query<QueueRow>(
            POSTGRES_SQL.roughBacklogs,
            [deliveries],
            'outbox rough backlogs',
          )
        : await this.#queries.query<QueueRow>(POSTGRES_SQL.backlogs, [], 'outbox backlogs');
    return {
      usedBytes: bytes + this.#added + events * EVENT_BYTES,
      maxBytes,
      backends: backlogsOf(backends, queues),
    };
  }

  async #count(): Promise<Usage> {
    const before = this.#added;
    const [usage] = await this.#queries.query<Usage>(POSTGRES_SQL.usage, [], 'outbox usage');
    this.#added -= before;
    return usage ?? { bytes: 0, events: 0, deliveries: 0 };
  }
}

/** A value that is looked up again when it has lasted for some times what that takes. */
class Lasting<T> {
  readonly #look: () => Promise<T>;
  #looking: Promise<T> | undefined;
  #until = 0;
  last: T | undefined;

  constructor(look: () => Promise<T>) {
    this.#look = look;
  }

  get(): Promise<T> {
    const { last } = this;
    if (last !== undefined && performance.now() < this.#until) return Promise.resolve(last);
    this.#looking ??= this.#lookUp().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookUp(): Promise<T> {
    const startedAt = performance.now();
    const value = await this.#look();
    const now = performance.now();
    this.last = value;
    this.#until = now + LASTING * (now - startedAt);
    return value;
  }
}

function backlogsOf(
  backends: readonly string[],
  queues: readonly QueueRow[],
): Record<string, BackendBacklog> {
  const nothing = { records: 0, dead: 0, oldestAt: undefined };
  const found: Record<string, BackendBacklog> = Object.fromEntries(backends.map((name) => [name, nothing]));
  for (const { backend, state, records, oldestAt } of queues) {
    const others = found[backend] ?? nothing;
    found[backend] =
      state === DEAD
        ? { ...others, dead: records }
        : {
            ...others,
            records: others.records + records,
            oldestAt: Math.min(others.oldestAt ?? oldestAt, oldestAt),
          };
  }
  return found;
}
