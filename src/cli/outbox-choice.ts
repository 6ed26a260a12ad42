import { backends } from '../backends/index.ts';
import type { Ledger } from '../outbox/ledger.ts';
import { MAX_FOUND } from '../outbox/ledger-reads.ts';
import { INTAKE } from '../outbox/schema.ts';
import { many } from './table.ts';
import { UsageError } from './usage.ts';

/**
 * The record that an operator names by its id, or by at least four digits that its `record_id` begins with.
 *
 * @throws UsageError for what can be neither, and an Error where it is none or several
 */
export function oneId(ledger: Ledger, word: string): number {
  if (!/^(?:\d{1,15}|[0-9a-f]{4,32})$/i.test(word)) {
    throw new UsageError(`${word}: write an id, or how a record_id begins, at least four digits of it`);
  }
  const found = ledger.find(word.toLowerCase());
  const [id] = found;
  if (id === undefined) throw new Error(`there is no record ${word}`);
  if (found.length > 1) {
    const more = found.length === MAX_FOUND ? 'at least ' : '';
    throw new Error(`${word} can be ${more}${many(found.length, 'record')}, by id ${found.join(', ')}`);
  }
  return id;
}

/** @throws UsageError for a backend that neither the bridge nor the outbox knows */
export function checkBackend(ledger: Ledger, backend: string | undefined): void {
  const known = new Set([...backends.map(({ name }) => name), ...ledger.names(), INTAKE]);
  if (backend !== undefined && !known.has(backend)) {
    throw new UsageError(`--backend: write one of ${[...known].join(', ')}`);
  }
}
