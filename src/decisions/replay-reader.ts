import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { inflateRawSync } from 'node:zlib';
import { storageCode } from '../storage/storage-code.ts';
import type { DecisionThen, Lack } from './decision-then.ts';
import { REPLAY_FILE } from './replay-name.ts';

/** A call as it was kept. */
export type KeptCall = {
  readonly decision: DecisionThen;
  /** JSON of a guardrail call; undefined where it is not kept. */
  readonly content: string | undefined;
  /** Undefined for a call that is kept whole. */
  readonly lack: Lack | undefined;
};

/** The calls that are asked for: from a time on and before another, in Unix milliseconds; of one team, or null for all. */
export type KeptRange = { readonly since: number; readonly until: number; readonly team: string | null };

/** Calls read at once. Between two readings nothing keeps the bridge from making room. */
const PAGE = 32;
const OF_TEAM = "(:team IS NULL OR EXISTS (SELECT 1 FROM json_each(decision, '$.team') WHERE value = :team))";
const PAGES = `
SELECT id, at, decision, content, lack FROM calls
WHERE (at > :at OR (at = :at AND id > :id)) AND at < :until AND ${OF_TEAM} ORDER BY at, id LIMIT ${PAGE}`;
const IN_RANGE = `FROM calls WHERE at >= :since AND at < :until AND ${OF_TEAM}`;

type Row = {
  readonly id: number;
  readonly at: number;
  readonly decision: string;
  readonly content: Uint8Array | null;
  readonly lack: Lack | null;
};

/** Reads the calls that a bridge keeps in a folder, also while it runs. */
export class ReplayReader {
  readonly #db: DatabaseSync;
  readonly #pages: StatementSync;

  /**
   * @returns undefined where none are kept
   * @throws Error that an operator can read
   */
  static open(dir: string): ReplayReader | undefined {
    const file = path.join(dir, REPLAY_FILE);
    if (!fs.existsSync(file)) return undefined;
    try {
      return new ReplayReader(file);
    } catch (error) {
      throw new Error(`${file} cannot be read (${storageCode(error)})`, { cause: error });
    }
  }

  constructor(file: string) {
    this.#db = new DatabaseSync(file, { readOnly: true });
    this.#db.exec('PRAGMA busy_timeout = 5000');
    this.#pages = this.#db.prepare(PAGES);
  }

  /** Calls in the order of time. */
  *calls({ since, until, team }: KeptRange): Generator<KeptCall> {
    let after = { at: since, id: -1 };
    for (;;) {
      const rows = this.#pages.all({ ...after, until, team }) as Row[];
      for (const row of rows) yield keptCallOf(row);
      const last = rows.at(-1);
      if (last === undefined) return;
      after = { at: last.at, id: last.id };
    }
  }

  /** Times of the newest calls, the newest first. */
  newest(range: KeptRange, limit: number): readonly number[] {
    const times = this.#db.prepare(`SELECT at ${IN_RANGE} ORDER BY at DESC LIMIT :limit`);
    return times.all({ ...range, limit }).map(({ at }) => Number(at));
  }

  count(range: KeptRange): number {
    return Number(this.#db.prepare(`SELECT count(*) AS calls ${IN_RANGE}`).get(range)?.calls);
  }

  close(): void {
    this.#db.close();
  }
}

function keptCallOf({ decision, content, lack }: Row): KeptCall {
  return {
    decision: JSON.parse(decision) as DecisionThen,
    content: content === null ? undefined : inflateRawSync(content).toString(),
    lack: lack ?? undefined,
  };
}

/** Calls of several folders in the order of time. */
export function* inTime(readers: readonly ReplayReader[], range: KeptRange): Generator<KeptCall> {
  const sources = readers.map((reader) => reader.calls(range));
  const next = sources.map((source) => source.next().value as KeptCall | undefined);
  for (;;) {
    let first = -1;
    next.forEach((call, i) => {
      const best = next[first];
      if (call !== undefined && (best === undefined || call.decision.at < best.decision.at)) first = i;
    });
    const call = next[first];
    if (call === undefined) return;
    yield call;
    next[first] = sources[first]?.next().value as KeptCall | undefined;
  }
}
