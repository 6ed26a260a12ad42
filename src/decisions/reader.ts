import { Database } from '../database/database.ts';
import type { DatabaseConfig } from '../database/database-config.ts';
import { DatabaseError } from '../database/database-error.ts';
import { isCanaryId } from '../guardrail/canary.ts';
import {
  bypassedBackends,
  countedNames,
  type DecisionFilter,
  isAskedFor,
  observedVerdicts,
  type TopBy,
} from './filter.ts';
import {
  type DecisionPlace,
  type DecisionSource,
  LocalDecisions,
  NoDecisionsError,
} from './local-decisions.ts';
import { keptDecision } from './packed-row.ts';
import type { KeptDecision, StoredDecision } from './row.ts';
import { WouldBlockCounts, type WouldCount } from './would-block.ts';

/** Decisions under one name, all and by what came of them. */
export type TopEntry = {
  readonly name: string | null;
  readonly decisions: number;
  readonly blocked: number;
  /** A finding, or an older turn, was removed. */
  readonly redacted: number;
  /** Went on, though one that only observes objected. */
  readonly observed: number;
  /** Went on without the verdict of a backend. */
  readonly unjudged: number;
};

type Counts = { -readonly [Count in Exclude<keyof TopEntry, 'name'>]: TopEntry[Count] };

/** Counts, and of how many decisions: all, and by the same names, whatever their verdict, policies and backends. */
export type Top = {
  readonly entries: readonly TopEntry[];
  readonly decisions: number;
  readonly totals: ReadonlyMap<string | null, number>;
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

  /** Counts what would have been blocked or redacted, if all that only observe were enforced, with the number of all decisions: those since a later time, where there are too many. */
  async wouldBlock(
    since: number,
    isOver: () => boolean,
  ): Promise<{ readonly rows: readonly WouldCount[]; readonly decisions: number; readonly since?: number }> {
    const counts = new WouldBlockCounts();
    let decisions = 0;
    for await (const row of this.#rows({ since })) {
      decisions++;
      counts.add(row);
      if (decisions % PAGE_ROWS === 0 && isOver()) return { rows: counts.all(), decisions, since: row.at };
    }
    return { rows: counts.all(), decisions };
  }

  /** Decisions that are asked for, newest first. */
  async list({ limit, ...filter }: DecisionFilter & { readonly limit: number }): Promise<KeptDecision[]> {
    const found: KeptDecision[] = [];
    for await (const row of this.#rows(filter)) {
      if (found.push(row) >= limit) break;
    }
    return found;
  }

  /**
   * Counts decisions by a name, the most frequent first, in one reading. A decision with several policies or rules counts for each of
   * them.
   *
   * @param isOver true once so much has been read that the older ones are left out
   */
  async top(
    { by, verdict, policy, backend, ...whole }: DecisionFilter & { readonly by: TopBy },
    isOver = () => false,
  ): Promise<Top> {
    const counts = new Map<string | null, Counts>();
    const totals = new Map<string | null, number>();
    let decisions = 0;
    for await (const row of this.#rows(whole)) {
      if (++decisions % PAGE_ROWS === 0 && isOver()) break;
      const names = countedNames(row, by);
      for (const name of names) totals.set(name, (totals.get(name) ?? 0) + 1);
      const isOther =
        verdict !== undefined && verdict !== 'unjudged' && verdict !== 'observed' && row.verdict !== verdict;
      if (isOther || !isAskedFor(row, { verdict, policy, backend })) continue;
      for (const name of names) {
        const count = counts.get(name) ?? { decisions: 0, blocked: 0, redacted: 0, observed: 0, unjudged: 0 };
        counts.set(name, count);
        count.decisions++;
        if (row.verdict === 'block') count.blocked++;
        if (row.verdict === 'redact' || row.verdict === 'remove') count.redacted++;
        if (observedVerdicts(row).length > 0) count.observed++;
        if (bypassedBackends(row).length > 0) count.unjudged++;
      }
    }
    const entries = [...counts]
      .map(([name, count]) => ({ name, ...count }))
      .sort((a, b) => b.decisions - a.decisions || String(a.name).localeCompare(String(b.name)));
    return { entries, decisions, totals };
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
  async *#rows(filter: DecisionFilter): AsyncGenerator<KeptDecision> {
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
