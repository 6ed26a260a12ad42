import type { Backlog } from './queries.ts';
import { DEAD, READY, WAITING } from './schema.ts';

/** Selects deliveries; all of them without any field. */
export type Selection = { readonly backend?: string | undefined; readonly dead?: boolean | undefined };

/** Identifies a delivery. */
export type DeliveryKey = { readonly backend: string; readonly state: number; readonly record: number };

/** A record that one backend has not got. Times are Unix milliseconds. */
export type Delivery = DeliveryKey & {
  readonly dueAt: number;
  readonly attempts: number;
  readonly reason: string | null;
  readonly recordId: string;
  readonly callKey: string;
  readonly outcome: string;
  readonly acceptedAt: number;
  /** Until then another event of its call can take its place; 0 for most. */
  readonly heldUntil: number;
};

/** A record. `body` is undefined when no backend needs it any more; `intact` is true if it is what was stored. */
export type StoredRecord = Pick<Delivery, 'recordId' | 'callKey' | 'outcome' | 'acceptedAt'> & {
  readonly id: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly body: string | undefined;
  readonly intact: boolean;
};

/** A call as the outbox knows it: by its id, or by the reference of a block. */
export type NamedCall = { readonly callId: string | null; readonly ref: string | null };

/** A record of a call. */
export type RecordOfCall = Pick<
  StoredRecord,
  'id' | 'recordId' | 'outcome' | 'startedAt' | 'endedAt' | 'acceptedAt'
> & {
  readonly trace: string | null;
};

/** Of the deliveries of a backend, when the first of those that wait is due, and dead letters by their reason. */
export type Prospect = {
  readonly backend: string;
  readonly nextTryAt: number | undefined;
  /** Those beyond {@link MAX_REASONS} letters are not among them. */
  readonly deadBy: Readonly<Record<string, number>>;
};

/** Dead letters of a backend whose reasons are read. */
export const MAX_REASONS = 10_000;

/** Most records returned where one was meant. */
export const MAX_FOUND = 10;

/** An outbox as an operator sees it, which bridges may be using at the same time. */
export type OutboxAdmin = {
  /** True while a bridge uses it. */
  isServed(): Promise<boolean>;
  usedBytes(): Promise<number>;
  /** The backends that have not got everything. */
  backends(): Promise<string[]>;
  backlogs(now: number): Promise<Backlog[]>;
  prospects(): Promise<Prospect[]>;
  /** The next deliveries in the order of records, about `limit` of them: those of one record are not parted. */
  page(selection: Selection, after: number, limit: number): Promise<Delivery[]>;
  deliveriesOf(id: number, selection?: Selection): Promise<Delivery[]>;
  /** Finds records by an id, or by how a `record_id` begins; {@link MAX_FOUND} at most. */
  find(word: string): Promise<number[]>;
  /** The records of a call, those that are delivered too for about a day; {@link MAX_FOUND} at most, the newest first. */
  ofCall(call: NamedCall): Promise<RecordOfCall[]>;
  load(id: number): Promise<StoredRecord | undefined>;
  /** Makes deliveries that wait or are dead due, as if they had never been tried. Returns those that were where the key says. */
  retry<Key extends DeliveryKey>(keys: readonly Key[], now: number): Promise<Key[]>;
  /** Gives deliveries up, with the content that no backend needs any more. Returns those that were where the key says. */
  drop<Key extends DeliveryKey>(keys: readonly Key[]): Promise<Key[]>;
  close(): Promise<void>;
};

/** The beginning of a reason, which is ours: `HTTP 400`. The rest can be the vendor's text, which can quote the record. */
export function reasonWords(reason: string | null): string | null {
  return /^(?:HTTP \d{3}|bug: \w+|damaged)/.exec(reason ?? '')?.[0] ?? null;
}

/** Reasons, by our words, with their number. */
export function countReasons(reasons: readonly (string | null)[]): Prospect['deadBy'] {
  const counts: Record<string, number> = {};
  for (const reason of reasons) {
    const words = reasonWords(reason) ?? 'another';
    counts[words] = (counts[words] ?? 0) + 1;
  }
  return counts;
}

/** The first deliveries of several queues in the order of records, without parting those of one record. */
export function firstRecordsOf(found: readonly Delivery[], limit: number): Delivery[] {
  const sorted = found.toSorted((a, b) => a.record - b.record);
  const last = sorted[limit - 1]?.record ?? Number.POSITIVE_INFINITY;
  return sorted.filter(({ record }) => record <= last);
}

/** The states of deliveries that are selected. */
export const statesOf = ({ dead }: Selection) => (dead ? [DEAD] : [READY, WAITING, DEAD]);

export const isSelected = (one: DeliveryKey, { backend, dead }: Selection): boolean =>
  (!backend || one.backend === backend) && (!dead || one.state === DEAD);

/** True for what can be the id of a record; it can also be how a `record_id` begins. */
export const isId = (word: string): boolean => /^\d{1,15}$/.test(word);

/** The number of deliveries that are selected. */
export async function countIn(admin: OutboxAdmin, { backend, dead }: Selection): Promise<number> {
  return (await admin.backlogs(0))
    .filter((one) => backend === undefined || one.backend === backend)
    .reduce((sum, one) => sum + one.dead + (dead ? 0 : one.due + one.waiting), 0);
}
