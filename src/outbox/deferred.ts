import { hash, randomUUID } from 'node:crypto';
import { type BadRow, type Entry, namelessKey } from './contract.ts';

/** Stands for a backend where entries wait for the database; no backend can have this name. */
export const DEFERRED = '(database)';

/** What waits for the database: an entry, or a row that could not be read. */
export type Deferred = { readonly entry: Entry } | { readonly bad: BadRow };

type Head = { readonly entry: Omit<Entry, 'payload'> } | { readonly bad: Omit<BadRow, 'payload'> };

const BEGINNING = '{"deferred":';
/** Between head and payload. In JSON no string holds it: a quotation mark in one comes after a backslash. */
const MIDDLE = ',"payload":';

/**
 * An entry of the embedded outbox that keeps another entry until the database takes it. Its content is JSON as long as the payload is. The same
 * event again is its duplicate, and nothing else is joined with it.
 */
export function deferredEntry(entry: Entry, now: number): Entry {
  const { payload, ...head } = entry;
  const { callKey, outcome, eventKey, startedAt, endedAt } = entry;
  const key = hash('sha256', JSON.stringify([callKey, outcome, eventKey, startedAt]));
  return {
    ...{ callKey: namelessKey(`deferred ${key}`), outcome, eventKey, startedAt, endedAt },
    ...{ holdMs: 0, backends: [DEFERRED] },
    payload: deferredText({ entry: { acceptedAt: now, ...head } }, payload),
  };
}

/** The same of a row that could not be read. */
export function deferredBadRow({ payload, ...row }: BadRow, now: number): Entry {
  const head = { kept: { id: randomUUID(), at: now }, ...row };
  return {
    ...{ callKey: namelessKey(`deferred ${head.kept.id}`), outcome: 'success', eventKey: '' },
    ...{ startedAt: now, endedAt: now, holdMs: 0, backends: [DEFERRED] },
    payload: deferredText({ bad: head }, payload),
  };
}

function deferredText(head: Head, payload: string): string {
  return `${BEGINNING}${JSON.stringify(head)}${MIDDLE}${payload}}`;
}

/** True for the content of an entry that waits for the database. */
export function isDeferred(body: string): boolean {
  return body.startsWith(BEGINNING);
}

/** Reads what waits; undefined if it is none of ours. */
export function readDeferred(body: string): Deferred | undefined {
  const end = body.indexOf(MIDDLE);
  if (!isDeferred(body) || end < 0) return undefined;
  const payload = body.slice(end + MIDDLE.length, -1);
  const head = JSON.parse(body.slice(BEGINNING.length, end)) as Head;
  return 'entry' in head ? { entry: { ...head.entry, payload } } : { bad: { ...head.bad, payload } };
}
