import type { Queries } from '../database/database.ts';
import { DatabaseError } from '../database/database-error.ts';
import { oneAfterAnother } from '../database/one-after-another.ts';
import type { BadRow, Disposition, Entry } from './contract.ts';
import { type Packed, pack } from './packing.ts';
import { POSTGRES_SQL } from './postgres-queries.ts';
import { recordIdOf } from './record-id.ts';
import { DEAD, INTAKE, READY, WAITING } from './schema.ts';
import { joinsOf, type KnownEvent, Settlement, wantedBy } from './settlement.ts';

/** An entry as Postgres can take it, with its content packed. */
export type PackedEntry = {
  readonly entry: Entry;
  readonly recordId: string;
  readonly packed: Packed | undefined;
};
/** A row that could not be read, with its content packed. */
export type PackedRow = { readonly row: BadRow; readonly packed: Packed };

/**
 * More locks than this are one lock, which waits for all replicas: the server has room for 64 for each of its connections. LiteLLM sends up to
 * 512 events at once; a failure has two locks.
 */
const MAX_LOCKS = 1100;

/** @throws TypeError for what no outbox can store */
export function packEntry(entry: Entry): PackedEntry {
  const { outcome, startedAt, endedAt, acceptedAt = 0, holdMs, trace, ref, words } = entry;
  const isNumbered = [startedAt, endedAt, acceptedAt, acceptedAt + holdMs].every(Number.isSafeInteger);
  if (!isNumbered || typeof outcome !== 'string')
    throw new TypeError('an entry has a time or an outcome that is none');
  const clean: Entry = {
    ...entry,
    callKey: storableText(entry.callKey),
    eventKey: storableText(entry.eventKey),
    ...(trace != null && { trace: storableText(trace) }),
    ...(ref !== undefined && { ref: storableText(ref) }),
    ...(words !== undefined && { words: storableText(words) }),
  };
  const packed = entry.backends.length > 0 ? pack(entry.payload) : undefined;
  return { entry: clean, recordId: recordIdOf(entry), packed };
}

/** Postgres stores no NUL in a text, and no half of a character. */
export function storableText(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD').toWellFormed() : text.toWellFormed();
}

/**
 * Stores entries in a transaction: locks their calls, so that no replica decides about the same ones meanwhile, decides, and writes.
 *
 * @param times Unix milliseconds of the database's clock: now, and until when a hold must last to count
 * @throws DatabaseError that is a conflict if a replica was handed a record that was to give way
 */
export async function acceptAll(
  tx: Queries,
  entries: readonly PackedEntry[],
  bad: readonly PackedRow[],
  { now, heldAt }: { readonly now: number; readonly heldAt: number },
): Promise<Disposition[]> {
  const settlement = new Settlement();
  const dispositions: Disposition[] = [];
  if (entries.length > 0) {
    const known = await lookUp(tx, entries, heldAt);
    for (const [n, { entry }] of entries.entries()) {
      dispositions.push(settlement.settle(entry, known.get(n) ?? [], now));
    }
  }
  const removed = [...settlement.removed];
  const taking = removed.length > 0 ? takeBack(tx, removed) : undefined;
  const rows = new NewRows(now);
  const places = new Map(entries.map(({ entry }, n) => [entry, n]));
  const added = settlement.added.map(({ entry, absorbed }) => {
    const n = places.get(entry) as number;
    rows.add(entries[n] as PackedEntry, absorbed);
    return n;
  });
  for (const one of bad) rows.addBad(one);
  const inserting =
    rows.count > 0 ? tx.query<{ n: number }>(POSTGRES_SQL.insert, rows.values(), 'outbox insert') : [];
  const [, there] = await oneAfterAnother([taking, inserting]);
  // Stored under other times, where nothing looks for them
  for (const { n } of there) {
    const place = added[n];
    if (place !== undefined) dispositions[place] = 'duplicate';
  }
  return dispositions;
}

async function lookUp(
  tx: Queries,
  entries: readonly PackedEntry[],
  heldAt: number,
): Promise<Map<number, KnownEvent[]>> {
  const wanted = entries.map(({ entry }) => wantedBy(entry));
  const joins = [...new Set(wanted.flatMap(joinsOf))];
  const locking =
    joins.length > MAX_LOCKS
      ? tx.query(POSTGRES_SQL.lockAllCalls)
      : tx.query(POSTGRES_SQL.lockCalls, [joins], 'outbox lock');
  const looking = tx.query<KnownEvent & { n: number }>(
    POSTGRES_SQL.known,
    [
      wanted.map(({ callKey }) => callKey),
      wanted.map(({ otherKey }) => otherKey),
      wanted.map(({ ref }) => ref),
      wanted.map(({ from }) => from),
      wanted.map(({ to }) => to),
      heldAt,
    ],
    'outbox known',
  );
  // One after the other on the way, so that it sees what was committed before the locks were given
  const [, found] = await oneAfterAnother([locking, looking]);
  const known = new Map<number, KnownEvent[]>();
  for (const row of found) {
    const others = known.get(row.n);
    if (others === undefined) known.set(row.n, [row]);
    else others.push(row);
  }
  return known;
}

/** Removes records whose place others take. */
async function takeBack(tx: Queries, records: readonly number[]): Promise<void> {
  const [, [row]] = await oneAfterAnother([
    tx.query(POSTGRES_SQL.takeBack, [records], 'outbox take back'),
    tx.query<{ left: number }>(POSTGRES_SQL.remove, [records], 'outbox remove'),
  ]);
  if (row?.left !== 0) throw new DatabaseError('40001', 'a record that was to give way is under way');
}

/** Rows to be stored by one statement: a list for each column, and all contents in one piece. */
class NewRows {
  readonly #now: number;
  readonly #columns: unknown[][] = Array.from({ length: 19 }, () => []);
  readonly #contents: Buffer[] = [];
  readonly #receivers: number[] = [];
  readonly #backends: string[] = [];
  #bytes = 0;

  constructor(now: number) {
    this.#now = now;
  }

  get count(): number {
    return this.#columns[0]?.length ?? 0;
  }

  add({ entry, recordId, packed }: PackedEntry, absorbed: boolean): void {
    const {
      callKey,
      outcome,
      eventKey,
      startedAt,
      endedAt,
      trace = null,
      ref = null,
      holdMs,
      payload,
    } = entry;
    const acceptedAt = entry.acceptedAt ?? this.#now;
    const dueAt = acceptedAt + holdMs;
    const isStored = !absorbed && packed !== undefined;
    this.#push(
      ...[recordId, callKey, outcome, eventKey, startedAt, endedAt, trace, ref],
      ...[acceptedAt, holdMs > 0 ? dueAt : 0, absorbed],
      ...this.#content(isStored ? packed : undefined, payload.length),
      ...[holdMs > 0 && dueAt > this.#now ? WAITING : READY, dueAt, null],
    );
    if (isStored) for (const backend of new Set(entry.backends)) this.#receive(backend);
  }

  addBad({ row, packed }: PackedRow): void {
    const now = this.#now;
    this.#push(
      ...[row.kept?.id ?? null, '', INTAKE, '', now, row.kept?.at ?? now, null, null, now, 0, false],
      ...this.#content(packed, row.payload.length),
      ...[DEAD, now, storableText(row.reason)],
    );
    this.#receive(INTAKE);
  }

  #content(packed: Packed | undefined, chars: number): unknown[] {
    if (packed === undefined) return [null, null, null, null, chars];
    const start = this.#bytes + 1;
    this.#contents.push(packed.body);
    this.#bytes += packed.body.length;
    return [start, packed.body.length, packed.codec, packed.checksum, chars];
  }

  #push(...values: unknown[]): void {
    for (const [i, value] of values.entries()) this.#columns[i]?.push(value);
  }

  /** Of the last row. */
  #receive(backend: string): void {
    this.#receivers.push(this.count);
    this.#backends.push(backend);
  }

  values(): unknown[] {
    return [Buffer.concat(this.#contents, this.#bytes), ...this.#columns, this.#receivers, this.#backends];
  }
}
