import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { DECISIONS_FILE } from './file.ts';
import { callNumber } from './packed-row.ts';
import type { StoredDecision } from './row.ts';
import { DECISION_MIGRATIONS, DecisionsVersionError, decisionsFormat } from './schema.ts';

/** Where to go on reading, newest first. */
export type DecisionPlace = { readonly at: number; readonly origin: string; readonly id: number };

/** Times and verdict of the rows that are read. */
export type DecisionRange = { readonly since: number; readonly verdict: string | null };

/** Decisions that can be read. */
export type DecisionSource = {
  /** Rows with a reference, or of a call id. */
  byWord(word: string): Promise<StoredDecision[]>;
  /** Rows before a place, newest first. */
  page(before: DecisionPlace, range: DecisionRange, limit: number): Promise<StoredDecision[]>;
  /** When the oldest was made, of those with a verdict if there is one, Unix milliseconds; undefined without any. */
  oldest(verdict: 'allow' | null): Promise<number | undefined>;
  close(): Promise<void>;
};

/** No decisions are kept in the folder: `missing`, or `not_decisions`. */
export class NoDecisionsError extends Error {
  override readonly name = 'NoDecisionsError';
}

/** Time that a command waits for a bridge that writes. */
const BUSY_MS = 5000;

const COLUMNS = 'd.id, at, verdict, call, ref, rounds, ended, row, origin.origin';
const TABLES = 'FROM decision AS d JOIN origin ON n = d.origin';

/** Decisions in the file of a folder that a bridge may be writing. It only reads, and each time shortly. */
export class LocalDecisions implements DecisionSource {
  readonly #db: DatabaseSync;
  readonly #sql: {
    readonly byRef: StatementSync;
    readonly byCall: StatementSync;
    readonly page: StatementSync;
    readonly oldest: StatementSync;
  };

  /** @param unshippedOnly true for what is not in the database @throws NoDecisionsError, DecisionsVersionError, and errors of SQLite */
  constructor(dir: string, unshippedOnly: boolean) {
    const file = path.join(dir, DECISIONS_FILE);
    if (fs.statSync(file, { throwIfNoEntry: false }) === undefined) throw new NoDecisionsError('missing');
    this.#db = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS });
    try {
      const { isOurs, version } = decisionsFormat(this.#db);
      if (!isOurs) throw new NoDecisionsError('not_decisions');
      const understood = DECISION_MIGRATIONS.length;
      if (version !== understood) throw new DecisionsVersionError(version, understood);
      const which = unshippedOnly ? 'unshipped IS NOT 0' : '1';
      const prepare = (clauses: string) =>
        this.#db.prepare(`SELECT ${COLUMNS} ${TABLES} WHERE ${which} AND ${clauses}`);
      this.#sql = {
        byRef: prepare('ref = ?'),
        byCall: prepare('call = ? ORDER BY d.id DESC LIMIT 100'),
        page: prepare(
          `at <= ? AND (at < ? OR d.id < ?) AND at >= ? AND (? IS NULL OR verdict = ?)
           ORDER BY at DESC, d.id DESC LIMIT ?`,
        ),
        oldest: this.#db.prepare(
          `SELECT at FROM decision AS d WHERE ${which} AND (? IS NULL OR verdict = ?) ORDER BY at LIMIT 1`,
        ),
      };
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  async byWord(word: string): Promise<StoredDecision[]> {
    const { byRef, byCall } = this.#sql;
    return [...byRef.all(word), ...byCall.all(callNumber(word))] as unknown as StoredDecision[];
  }

  async page(
    { at, id }: DecisionPlace,
    { since, verdict }: DecisionRange,
    limit: number,
  ): Promise<StoredDecision[]> {
    return this.#sql.page.all(at, at, id, since, verdict, verdict, limit) as unknown as StoredDecision[];
  }

  async oldest(verdict: 'allow' | null): Promise<number | undefined> {
    const row = this.#sql.oldest.get(verdict, verdict) as { at: number } | undefined;
    return row?.at;
  }

  async close(): Promise<void> {
    this.#db.close();
  }
}
