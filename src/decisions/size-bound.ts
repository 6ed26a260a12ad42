import type { DecisionsFile } from './file.ts';

/** More than the log takes between two checkpoints: a batch, what makes room for it, and the pages of an index that they touch. */
const LOG_BYTES = 6 * 1024 * 1024;
const PAGE_BYTES = 4096;
/** Rows that are removed at once, and pages that are given back. */
const CHUNK = 250;

const REMOVE = {
  allowed: `
    DELETE FROM decision WHERE id IN (
      SELECT id FROM decision WHERE verdict = 'allow' AND id >= ? ORDER BY id LIMIT ${CHUNK}
    ) RETURNING id`,
  oldest: `DELETE FROM decision WHERE id IN (SELECT id FROM decision ORDER BY id LIMIT ${CHUNK})`,
};

/** The file and its log are as large as they may be, as somebody reads for long what is to be removed. */
class FileFullError extends Error {
  override readonly name = 'FileFullError';
  readonly code = 'DECISIONS_MAX_MB';
}

/** Keeps a file and its log within their bound: allowed calls go before all others, and the oldest first. */
export class SizeBound {
  readonly #file: DecisionsFile;
  readonly #maxBytes: number;
  readonly #maxPages: number;
  readonly #sql;
  /** No allowed call has a lower id. */
  #allowedFrom = 0;

  constructor(file: DecisionsFile, maxBytes: number) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#maxPages = Math.floor((maxBytes - LOG_BYTES) / PAGE_BYTES);
    this.#sql = {
      pages: file.db.prepare('PRAGMA page_count'),
      free: file.db.prepare('PRAGMA freelist_count'),
      allowed: file.db.prepare(REMOVE.allowed),
      oldest: file.db.prepare(REMOVE.oldest),
      last: file.db.prepare('SELECT coalesce(max(id), 0) AS id FROM decision'),
    };
  }

  /** A call is allowed now that was not. */
  allowed(id: number): void {
    this.#allowedFrom = Math.min(this.#allowedFrom, id);
  }

  /** Removes rows until so many bytes of new ones have room. @throws FileFullError */
  makeRoom(bytes: number): void {
    // With their places in the indexes
    const pages = Math.ceil((2 * bytes) / PAGE_BYTES) + 16;
    while (this.#used() + pages > this.#maxPages && this.#remove());
    if (this.#fits(bytes)) return;
    this.#file.db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    if (!this.#fits(bytes))
      throw new FileFullError('decisions.db is as large as DECISIONS_MAX_MB lets it be');
  }

  /** Gives back some of what a file has beyond a bound that was lowered. @returns true if there is more */
  shrink(): boolean {
    const pages = this.#pages();
    if (pages <= this.#maxPages) return false;
    if (this.#used() > this.#maxPages - CHUNK) return this.#remove();
    this.#file.db.exec(`PRAGMA incremental_vacuum(${CHUNK})`);
    return this.#pages() < pages;
  }

  #fits(bytes: number): boolean {
    const { file, log } = this.#file.size();
    return Math.max(file, this.#pages() * PAGE_BYTES) + log + 2 * bytes <= this.#maxBytes;
  }

  #pages(): number {
    return Number(this.#sql.pages.get()?.page_count);
  }

  #used(): number {
    return this.#pages() - Number(this.#sql.free.get()?.freelist_count);
  }

  /** @returns false if there is nothing left */
  #remove(): boolean {
    const gone = this.#sql.allowed.all(this.#allowedFrom);
    if (gone.length === 0) {
      this.#allowedFrom = Number(this.#sql.last.get()?.id) + 1;
      return Number(this.#sql.oldest.run().changes) > 0;
    }
    this.#allowedFrom = Math.max(...gone.map(({ id }) => Number(id)));
    return true;
  }
}
