import { Database } from '../database/database.ts';
import type { DatabaseConfig } from '../database/database-config.ts';
import { DatabaseError } from '../database/database-error.ts';
import { isCanaryId } from '../guardrail/canary.ts';
import { countedNames, type DecisionFilter, isAskedFor, type TopBy } from './filter.ts';
import {
  type DecisionPlace,
  type DecisionSource,
  LocalDecisions,
  NoDecisionsError,
} from './local-decisions.ts';
import { keptDecision } from './packed-row.ts';
import type { KeptDecision, StoredDecision } from './row.ts';
import { TopCounts, type TopEntry } from './top-counts.ts';
import { WouldBlockCounts, type WouldCount } from './would-block.ts';

/** Counts, and of how many decisions: all, and by the same names, whatever their verdict, policies and backends. */
export type Top = {
  readonly entries: readonly TopEntry[];
  readonly decisions: number;
  readonly totals: ReadonlyMap<string | null, number>;
};

/** Decisions of some days, counted in one reading. */
export type DayCounts = {
  readonly decisions: number;
  /** Unix milliseconds, where there were too many: older ones are left out. */
  readonly since?: number;
  /** Calls that would have been blocked or redacted, if all that only observe were enforced. */
  readonly wouldBlock: readonly WouldCount[];
  readonly tops: Readonly<Record<'policy' | 'rule' | 'team', readonly TopEntry[]>>;
};

/** A reading that has to end. */
export type BoundedReading = {
  readonly isOver: () => boolean;
  /** Set where it was over: decisions before that time, Unix milliseconds, were not read. */
  since?: number;
};

const PAGE_ROWS = 500;

/** Looks decisions up, those of all replicas where they share a database. Close it. */
export class DecisionReader {
  readonly #sources: readonly DecisionSource[];
  /** Why the database is not read, which is one to be read; undefined if it is, or there is none. */
  readonly databaseCode: string | undefined;

  constructor(sources: readonly DecisionSource[], databaseCode?: string) {
    this.#sources = sources;
    this.databaseCode = databaseCode;
  }

  /** All decisions on the call that a reference or a call id names, oldest first; none if it is unknown. */
  async find(word: string): Promise<KeptDecision[]> {
    const named = (await this.#byWord(word)).filter(
      ({ kept: { ref, litellm_call_id: id } }) => ref === word || id === word,
    );
    const ids = new Set(named.flatMap(({ kept: { litellm_call_id: id } }) => id ?? []));
    ids.delete(word);
    const traces = new Set(named.map(({ kept: { litellm_trace_id: trace } }) => trace));
    const ofCalls = (await Promise.all([...ids].map((id) => this.#byWord(id)))).flat();
    // A client can give several calls one id
    const others = ofCalls.filter(
      ({ kept }) => ids.has(kept.litellm_call_id ?? '') && traces.has(kept.litellm_trace_id),
    );
    return withoutRepetitions([...named, ...others])
      .map(({ kept }) => kept)
      .sort((a, b) => a.at - b.at);
  }

  /** Counts decisions in all the ways that the page shows. */
  async counts(since: number, reading: BoundedReading): Promise<DayCounts> {
    const wouldBlock = new WouldBlockCounts();
    const tops = [new TopCounts('policy'), new TopCounts('rule'), new TopCounts('team')] as const;
    let decisions = 0;
    for await (const row of this.#rows({ since }, reading)) {
      decisions++;
      wouldBlock.add(row);
      for (const top of tops) top.add(row);
    }
    const [policy, rule, team] = tops;
    return {
      decisions,
      ...(reading.since !== undefined && { since: reading.since }),
      wouldBlock: wouldBlock.all(),
      tops: { policy: policy.all(), rule: rule.all(), team: team.all() },
    };
  }

  /** Decisions that are asked for, newest first. */
  async list(
    { limit, ...filter }: DecisionFilter & { readonly limit: number },
    reading?: BoundedReading,
  ): Promise<KeptDecision[]> {
    const found: KeptDecision[] = [];
    for await (const row of this.#rows(filter, reading)) {
      if (found.push(row) >= limit) break;
    }
    return found;
  }

  /** Counts decisions by a name, the most frequent first, in one reading. A decision with several policies or rules counts for each of them. */
  async top({
    by,
    verdict,
    policy,
    backend,
    ...whole
  }: DecisionFilter & { readonly by: TopBy }): Promise<Top> {
    const counts = new TopCounts(by);
    const totals = new Map<string | null, number>();
    let decisions = 0;
    for await (const row of this.#rows(whole)) {
      decisions++;
      for (const name of countedNames(row, by)) totals.set(name, (totals.get(name) ?? 0) + 1);
      const isOther =
        verdict !== undefined && verdict !== 'unjudged' && verdict !== 'observed' && row.verdict !== verdict;
      if (!isOther && isAskedFor(row, { verdict, policy, backend })) counts.add(row);
    }
    return { entries: counts.all(), decisions, totals };
  }

  /** When the oldest decision was made, Unix milliseconds; undefined without any. */
  oldest(): Promise<number | undefined> {
    return this.#oldest(null);
  }

  /** The same of calls that were allowed, which go first where there are too many. */
  oldestAllowed(): Promise<number | undefined> {
    return this.#oldest('allow');
  }

  async #oldest(verdict: 'allow' | null): Promise<number | undefined> {
    const found = await Promise.all(this.#sources.map((source) => source.oldest(verdict)));
    const all = found.filter((at) => at !== undefined);
    return all.length === 0 ? undefined : Math.min(...all);
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.close()));
  }

  async #byWord(word: string): Promise<FoundDecision[]> {
    const found = await Promise.all(this.#sources.map((source) => source.byWord(word)));
    return found.flat().map((row) => ({ ...row, kept: keptDecision(row) }));
  }

  /** Rows of all sources, newest first, without those of calls that the doctor made. */
  async *#rows(filter: DecisionFilter, reading?: BoundedReading): AsyncGenerator<KeptDecision> {
    let read = 0;
    const streams = this.#sources.map((source) => newestFirst(source, filter));
    const heads = await Promise.all(streams.map((stream) => stream.next()));
    const seen = new Set<string>();
    for (;;) {
      let newest = -1;
      heads.forEach(({ value }, i) => {
        if (value !== undefined && value.at > (heads[newest]?.value?.at ?? Number.NEGATIVE_INFINITY))
          newest = i;
      });
      const row = heads[newest]?.value;
      if (row === undefined) return;
      heads[newest] = await (streams[newest] as (typeof streams)[number]).next();
      if (streams.length > 1 && isRepetition(row, seen)) continue;
      const kept = keptDecision(row);
      if (isAskedFor(kept, filter) && !isCanaryId(kept.litellm_call_id)) yield kept;
      if (++read % PAGE_ROWS === 0 && reading?.isOver() === true) {
        reading.since = kept.at;
        return;
      }
    }
  }
}

export type KeptPlace = {
  /** `DATA_DIR`. */
  readonly dir: string;
  /** Undefined for a bridge that is alone. */
  readonly database: DatabaseConfig | undefined;
};

/**
 * Opens the decisions of a folder, and those of all replicas. Where the database cannot be used it reads all that the folder has.
 *
 * @throws NoDecisionsError, DecisionsVersionError, DatabaseError, errors of SQLite
 */
export async function openDecisions({ dir, database }: KeptPlace): Promise<DecisionReader> {
  if (database === undefined) return new DecisionReader([new LocalDecisions(dir, false)]);
  let table: DecisionSource | undefined;
  try {
    table = await openTable(database);
    const local = localIn(dir, true);
    return new DecisionReader(local === undefined ? [table] : [local, table]);
  } catch (error) {
    await table?.close();
    const local = error instanceof DatabaseError ? localIn(dir, false) : undefined;
    if (local === undefined) throw error;
    return new DecisionReader([local], (error as DatabaseError).code);
  }
}

async function openTable(config: DatabaseConfig): Promise<DecisionSource> {
  const { DecisionTable } = await import('./decision-table.ts');
  const database = new Database(config, 'command', 'read');
  const table = new DecisionTable(database, () => database.close());
  try {
    await table.byWord('');
    return table;
  } catch (error) {
    await table.close();
    throw error;
  }
}

function localIn(dir: string, unshippedOnly: boolean): LocalDecisions | undefined {
  try {
    return new LocalDecisions(dir, unshippedOnly);
  } catch (error) {
    if (error instanceof NoDecisionsError && error.message === 'missing') return undefined;
    throw error;
  }
}

async function* newestFirst(
  source: DecisionSource,
  { since = Number.MIN_SAFE_INTEGER, until = Number.MAX_SAFE_INTEGER, verdict }: DecisionFilter,
): AsyncGenerator<StoredDecision, undefined> {
  let before: DecisionPlace = { at: until - 1, origin: LAST_ORIGIN, id: Number.MAX_SAFE_INTEGER };
  for (;;) {
    const stored = verdict === 'unjudged' || verdict === 'observed' ? undefined : verdict;
    const page = await source.page(before, { since, verdict: stored ?? null }, PAGE_ROWS);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_ROWS) return undefined;
    before = last;
  }
}

const LAST_ORIGIN = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

type FoundDecision = StoredDecision & { readonly kept: KeptDecision };

/** A row that was brought into the database while it was read stands in both. */
function withoutRepetitions<Row extends StoredDecision>(rows: readonly Row[]): Row[] {
  const seen = new Set<string>();
  return rows.filter((row) => !isRepetition(row, seen));
}

function isRepetition({ origin, id }: StoredDecision, seen: Set<string>): boolean {
  const name = `${origin} ${id}`;
  if (seen.has(name)) return true;
  seen.add(name);
  return false;
}
